"""Computes the report's plots as bars, dots and ticks in the drawing's units; the template draws them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

WIDTH = 340.0
HEIGHT = 132.0
_LEFT, _RIGHT, _TOP, _BASE = 20.0, 318.0, 8.0, 108.0
_BINS = 26
_MAX_DOTS = 60
_MAX_RADIUS = 5.7

_STEPS_OF_TIME = (1, 2, 5, 10, 15, 30)
_UNITS_OF_TIME = ((1.0, "s"), (60.0, "min"), (3600.0, "h"))


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A column of a histogram: how many values lie from `low` to `high`."""

    x: float
    y: float
    width: float
    height: float
    count: int
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Dot:
    """One value; `index` is its index in the input."""

    x: float
    y: float
    radius: float
    index: int


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A tick of the axis."""

    x: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """The distribution of some values: few as dots, one per scan; many as bars.

    Attributes
    ----------
    median_x
        The median's position.
    lowest, highest
        Indices of the extremes in the input.
    """

    bars: tuple[Bar, ...]
    dots: tuple[Dot, ...]
    ticks: tuple[Tick, ...]
    median: float
    median_x: float
    lowest: int
    highest: int
    most: int


def distribution(values: Sequence[float], *, is_time: bool) -> Distribution:
    """Compute the plot of a distribution.

    Parameters
    ----------
    values
        At least one; finite, none below 0.
    is_time
        The values are seconds; the axis is labelled in s, min or h.
    """
    low, high = _bounds(values)
    step, unit, name = _step(low, high, is_time=is_time)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step

    def x_of(value: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * (value - low) / (high - low), 2)

    bins: list[list[int]] = [[] for _ in range(_BINS)]
    for index, value in sorted(enumerate(values), key=lambda pair: pair[1]):
        bins[min(_BINS - 1, int(_BINS * (value - low) / (high - low)))].append(index)
    largest_bin = max(map(len, bins))
    is_few = len(values) <= _MAX_DOTS
    ticks = [low + step * number for number in range(round((high - low) / step) + 1)]
    return Distribution(
        bars=() if is_few else tuple(_bars(bins, largest_bin, low, high)),
        dots=tuple(_dots(bins, largest_bin)) if is_few else (),
        ticks=tuple(
            _tick(x_of(tick), index, len(ticks) - 1, _number(tick / unit), name) for index, tick in enumerate(ticks)
        ),
        median=median(values),
        median_x=x_of(median(values)),
        lowest=min(range(len(values)), key=values.__getitem__),
        highest=max(range(len(values)), key=values.__getitem__),
        most=largest_bin,
    )


def _bars(bins: list[list[int]], largest_bin: int, low: float, high: float) -> Iterator[Bar]:
    width = (_RIGHT - _LEFT) / _BINS
    bin_size = (high - low) / _BINS
    for number, members in enumerate(bins):
        if members:
            # One scan among thousands must be visible.
            height = max(2.0, (_BASE - _TOP) * len(members) / largest_bin)
            yield Bar(
                x=round(_LEFT + number * width + 0.5, 2),
                y=round(_BASE - height, 2),
                width=round(width - 1, 2),
                height=round(height, 2),
                count=len(members),
                low=low + number * bin_size,
                high=low + (number + 1) * bin_size,
            )


def _dots(bins: list[list[int]], largest_bin: int) -> Iterator[Dot]:
    radius = round(min(_MAX_RADIUS, (_BASE - _TOP) / largest_bin / 2), 2)
    for number, members in enumerate(bins):
        # In the middle of the bin, so that dots do not overlap.
        x = round(_LEFT + (_RIGHT - _LEFT) * (number + 0.5) / _BINS, 2)
        for level, index in enumerate(members):
            yield Dot(x=x, y=round(_BASE - radius * (2 * level + 1), 2), radius=radius, index=index)


def _tick(x: float, index: int, last: int, number: str, unit: str) -> Tick:
    """A tick with its label; only the last one has the unit."""
    return Tick(x=x, label=f"{number}{unit}" if index == last else number)


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    """The ends of the axis; it starts at 0 unless all values would then lie in its upper half."""
    low, high = min(values), max(values)
    if low < high * 0.5:
        low = 0.0
    if high - low < 0.1 * high:
        low, high = 0.95 * low, 1.05 * high
    return low, high if high > low else low + 1.0


def _step(low: float, high: float, *, is_time: bool) -> tuple[float, float, str]:
    """The distance of the three to six ticks, and the size and name of the unit of their labels."""
    rough = (high - low) / 5
    unit, name = 1.0, ""
    if is_time:
        unit, name = next(
            ((size, f" {label}") for size, label in reversed(_UNITS_OF_TIME) if high >= 1.5 * size), (1.0, " s")
        )
        if unit > 1 and rough / unit < 1 and (high - low) < unit * 3:
            unit, name = next((size, f" {label}") for size, label in _UNITS_OF_TIME if size == unit / 60)
        steps = [step * unit for step in _STEPS_OF_TIME if step * unit >= rough]
        if steps and rough >= unit * 0.5:
            return steps[0], unit, name
    # Counts are whole numbers.
    power = 10.0 ** math.floor(math.log10(rough if is_time else max(1.0, rough)))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough * 0.999), unit, name


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value - round(value)) < 1e-9 * max(1.0, abs(value)) else f"{value:,.6g}"

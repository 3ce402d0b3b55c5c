"""An axis of a figure: where a value lies in the drawing, and its labelled ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass

_MOST_TICKS = 6
_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class AxisTick:
    """A tick: its place in the drawing and its label."""

    at: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Axis:
    """An axis from one value to another.

    Attributes
    ----------
    low, high
        The values at its ends; on a logarithmic axis both are above 0.
    start, end
        The ends' places in the drawing.
    """

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """The place of a value; beyond an end, that end."""
        low, high, inner = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, inner = math.log(low), math.log(high), math.log(inner)
        share = (inner - low) / (high - low) if high > low else 0.5
        return round(self.start + share * (self.end - self.start), 2)

    @property
    def ticks(self) -> tuple[AxisTick, ...]:
        """At most six round values within the axis."""
        values = self._decades() if self.is_log else self._round_values()
        return tuple(AxisTick(at=self.at(value), label=number_text(value)) for value in values)

    def _round_values(self) -> list[float]:
        rough = (self.high - self.low) / (_MOST_TICKS - 1)
        if rough <= 0:
            return [self.low]
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(size * power for size in _STEPS if size * power >= rough * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]

    def _decades(self) -> list[float]:
        first = math.ceil(math.log10(self.low) - 1e-9)
        last = math.floor(math.log10(self.high) + 1e-9)
        powers = range(first, last + 1)
        if len(powers) < 2:
            return [self.low, self.high]
        return [10.0**power for power in powers[:: -(-len(powers) // _MOST_TICKS)]]


def number_text(value: float) -> str:
    """A number for a label: at most three significant digits, thousands apart."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:.6g}"

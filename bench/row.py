"""A row of the table, computed from pairs of runs; and the timing of calls."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: the medians of pairs of runs.

    Attributes
    ----------
    ours, plain, peer
        What opsctl, the plain way and another tool took, in `unit`; None where there is none.
    ratio
        Ours divided by plain (by peer where there is no plain way): the median of the pairs' own ratios. None where the
        bar is for ours alone.
    bar
        The highest allowed ratio; without a ratio, the highest allowed value of ours.
    ratio_min, ratio_max, pairs
        The extremes of the pairs' ratios (of ours without a ratio), and the number of pairs.
    note
        How the row was measured.
    """

    step: str
    ours: float
    plain: float | None = None
    peer: float | None = None
    ratio: float | None
    bar: float
    held: bool
    unit: str
    ratio_min: float
    ratio_max: float
    pairs: int
    note: str = ""


def ratio_row(
    step: str,
    *,
    ours: Sequence[float],
    plain: Sequence[float] = (),
    peer: Sequence[float] = (),
    bar: float,
    unit: str = "s",
    note: str = "",
) -> Row:
    """The row of pairs of runs: ours divided by the plain way, or by the peer where there is no plain way."""
    ratios = [numerator / denominator for numerator, denominator in zip(ours, plain or peer, strict=True)]
    return Row(
        step=step,
        ours=median(ours),
        plain=median(plain) if plain else None,
        peer=median(peer) if peer else None,
        ratio=median(ratios),
        bar=bar,
        held=median(ratios) <= bar,
        unit=unit,
        ratio_min=min(ratios),
        ratio_max=max(ratios),
        pairs=len(ratios),
        note=note,
    )


def absolute_row(step: str, *, ours: Sequence[float], bar: float, unit: str = "s", note: str = "") -> Row:
    """The row of a figure whose bar is a value, not a ratio."""
    return Row(
        step=step,
        ours=median(ours),
        ratio=None,
        bar=bar,
        held=median(ours) <= bar,
        unit=unit,
        ratio_min=min(ours),
        ratio_max=max(ours),
        pairs=len(ours),
        note=note,
    )


def time_call(call: Callable[[], Any]) -> float:
    """The wall time of one call, in seconds. Garbage of earlier calls is collected before."""
    gc.collect()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def time_in_turn(rounds: int, *calls: Callable[[], Any]) -> list[list[float]]:
    """Time the calls one after the other, in several rounds; return the seconds of each call."""
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, call_seconds in zip(calls, seconds, strict=True):
            call_seconds.append(time_call(call))
    return seconds

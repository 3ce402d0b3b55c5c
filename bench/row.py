"""A row of the table, and how its figures come about."""

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
        What opsctl, the plain way and another tool took, in `unit`; None where there is none, or it could not be had.
    ratio
        Ours over the plain way's (the peer's where there is no plain way): the median of the pairs' own ratios. None
        where the bar is about ours alone.
    bar
        What the ratio may be at most; without a ratio, what ours may be at most.
    ratio_min, ratio_max, pairs
        Of the pairs' ratios (of ours without a ratio), and how many there were.
    note
        What a reader of the row must know.
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


def against(
    step: str,
    *,
    ours: Sequence[float],
    plain: Sequence[float] = (),
    peer: Sequence[float] = (),
    bar: float,
    unit: str = "s",
    note: str = "",
) -> Row:
    """The row of pairs of runs: ours against the plain way, or against the peer where there is no plain way."""
    ratios = [one / other for one, other in zip(ours, plain or peer, strict=True)]
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


def alone(step: str, *, ours: Sequence[float], bar: float, unit: str = "s", note: str = "") -> Row:
    """The row of a figure that has a bar of its own."""
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


def seconds(work: Callable[[], Any]) -> float:
    """Wall time of one call. Garbage of the calls before is not its fault."""
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turn(pairs: int, *ways: Callable[[], Any]) -> list[list[float]]:
    """The seconds that each way takes, all in turn, so many times over."""
    taken: list[list[float]] = [[] for _ in ways]
    for _ in range(pairs):
        for way, found in zip(ways, taken, strict=True):
            found.append(seconds(way))
    return taken

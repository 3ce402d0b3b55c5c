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
    """One line of the table; `runs` holds what was measured, run by run."""

    what: str
    measured: str
    beside: str
    bar: str
    met: bool
    runs: dict[str, list[float]]


def spread(values: Sequence[float], unit: str = "", digits: int = 2) -> str:
    """Median, and minimum to maximum."""
    if len(values) == 1:
        return f"{values[0]:,.{digits}f}{unit}"
    return f"{median(values):,.{digits}f}{unit} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Wall time of one call, and what it gave. Garbage of the calls before is not its fault."""
    gc.collect()
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result

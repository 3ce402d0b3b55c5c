"""The growth of time and memory of `run` with the dataset, discovered and submitted whole: 100 to 10,000 scans.

`bench.steps.largest` measures 100,000 scans, which take longer than all other steps together.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from bench.row import Row, absolute_row, ratio_row
from bench.server import serving

_ROOT = Path(__file__).resolve().parents[2]
#: Scans, and the number of runs.
_SIZES = {100: 5, 1_000: 5, 10_000: 1}
_FIRST_SECONDS, _FIRST_MIB = 3.0, 150.0
# Ten times the scans may take 1.25 times ten times the time: then the line stays straight.
_BAR = 1.25


@dataclass(frozen=True)
class Size:
    """The figures of one number of scans; each run was a process of its own."""

    scans: int
    seconds: list[float]
    mib: list[float]
    discover_seconds: float
    cpu_seconds: float

    def rows(self, *, seconds: float, mib: float) -> list[Row]:
        """The rows of time and memory with bars of their own."""
        return [
            absolute_row(self._step, ours=self.seconds, bar=seconds, note=self._note),
            absolute_row(self._memory, ours=self.mib, bar=mib, unit="MiB"),
        ]

    def rows_beside(self, smaller: Size) -> list[Row]:
        """The rows of time and memory, beside ten times those of a tenth of the scans."""
        runs = len(self.seconds)
        plain, note = [10 * median(smaller.seconds)] * runs, f"plain: ten times a tenth of them; {self._note}"
        return [
            ratio_row(self._step, ours=self.seconds, plain=plain, bar=_BAR, note=note),
            ratio_row(self._memory, ours=self.mib, plain=[10 * median(smaller.mib)] * runs, bar=_BAR, unit="MiB"),
        ]

    @property
    def _step(self) -> str:
        return f"discover and submit {self.scans:,} scans"

    @property
    def _memory(self) -> str:
        return f"memory of {self.scans:,} scans"

    @property
    def _note(self) -> str:
        return f"{self.discover_seconds:.1f} s of it discovering; {self.cpu_seconds:.1f} CPU s"


def measure(*, quick: bool) -> list[Row]:
    """Measure with a server that answers at once, so that the growth is of opsctl's own work."""
    with serving() as server:
        runs_by_scans = {scans: 2 for scans in _SIZES if scans <= 1_000} if quick else _SIZES
        sizes = [run_size(server.url, scans, runs) for scans, runs in runs_by_scans.items()]
    rows_by_size = [
        sizes[0].rows(seconds=_FIRST_SECONDS, mib=_FIRST_MIB),
        *(size.rows_beside(smaller) for smaller, size in pairwise(sizes)),
    ]
    return [rows[0] for rows in rows_by_size] + [rows[1] for rows in rows_by_size]


def run_size(url: str, scans: int, runs: int) -> Size:
    """Discover and submit a dataset of `scans` scans, `runs` times."""
    figures = [_run(url, scans, number) for number in range(runs)]
    return Size(
        scans,
        [run["discover"] + run["submit"] for run in figures],
        [run["mib"] for run in figures],
        median(run["discover"] for run in figures),
        median(run["cpu"] for run in figures),
    )


def _run(url: str, size: int, number: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.growth_process", url, str(size), str(number)]
    completed = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, check=True)
    figures: dict[str, float] = json.loads(completed.stdout)
    return figures

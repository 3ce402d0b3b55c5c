"""The growth of time and memory of `run` with the dataset, discovered and submitted whole: 100 to 10,000 scans.

`bench.steps.largest` measures 100,000 scans, which take longer than all other steps together.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
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

    def rows(self, smaller: Size | None) -> list[Row]:
        """The rows of time and memory, beside ten times those of a tenth of the scans."""
        step, memory = f"discover and submit {self.scans:,} scans", f"memory of {self.scans:,} scans"
        note = f"{self.discover_seconds:.1f} s of it discovering"
        if smaller is None:
            return [
                absolute_row(step, ours=self.seconds, bar=_FIRST_SECONDS, note=note),
                absolute_row(memory, ours=self.mib, bar=_FIRST_MIB, unit="MiB"),
            ]
        runs = len(self.seconds)
        plain = [10 * median(smaller.seconds)] * runs
        return [
            ratio_row(step, ours=self.seconds, plain=plain, bar=_BAR, note=f"plain: ten times a tenth of them; {note}"),
            ratio_row(memory, ours=self.mib, plain=[10 * median(smaller.mib)] * runs, bar=_BAR, unit="MiB"),
        ]


def measure(*, quick: bool) -> list[Row]:
    """Measure with a server that answers at once, so that the growth is of opsctl's own work."""
    with serving() as server:
        runs_by_scans = {scans: 2 for scans in _SIZES if scans <= 1_000} if quick else _SIZES
        sizes = [run_size(server.url, scans, runs) for scans, runs in runs_by_scans.items()]
    rows_by_size = [size.rows(smaller) for size, smaller in zip(sizes, [None, *sizes], strict=False)]
    return [rows[0] for rows in rows_by_size] + [rows[1] for rows in rows_by_size]


def run_size(url: str, scans: int, runs: int) -> Size:
    """Discover and submit a dataset of `scans` scans, `runs` times."""
    figures = [_run(url, scans, number) for number in range(runs)]
    return Size(
        scans,
        [run["discover"] + run["submit"] for run in figures],
        [run["mib"] for run in figures],
        median(run["discover"] for run in figures),
    )


def _run(url: str, size: int, number: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.growth_process", url, str(size), str(number)]
    completed = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, check=True)
    figures: dict[str, float] = json.loads(completed.stdout)
    return figures

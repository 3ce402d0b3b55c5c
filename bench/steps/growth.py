"""How time and memory of `run` grow with the dataset: discovered and submitted whole, from 100 scans to 10,000.

100,000 take longer than all other steps together: `bench.steps.largest`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.row import Row, against, alone
from bench.server import serving

_ROOT = Path(__file__).resolve().parents[2]
#: How often each size is run.
_SIZES = {100: 5, 1_000: 5, 10_000: 1}
_FIRST_SECONDS, _FIRST_MIB = 3.0, 150.0
# Ten times the scans may take a quarter more than ten times the time, and so the line stays straight.
_BAR = 1.25


@dataclass(frozen=True)
class Size:
    """What one number of scans took, each run in a process of its own."""

    scans: int
    seconds: list[float]
    mib: list[float]
    discovering: float

    def rows(self, smaller: Size | None) -> list[Row]:
        """Its time and its memory, beside ten times those of a tenth of the scans."""
        step, memory = f"discover and submit {self.scans:,} scans", f"memory of {self.scans:,} scans"
        note = f"{self.discovering:.1f} s of it discovering"
        if smaller is None:
            return [
                alone(step, ours=self.seconds, bar=_FIRST_SECONDS, note=note),
                alone(memory, ours=self.mib, bar=_FIRST_MIB, unit="MiB"),
            ]
        runs = len(self.seconds)
        plain = [10 * median(smaller.seconds)] * runs
        return [
            against(step, ours=self.seconds, plain=plain, bar=_BAR, note=f"plain: ten times a tenth of them; {note}"),
            against(memory, ours=self.mib, plain=[10 * median(smaller.mib)] * runs, bar=_BAR, unit="MiB"),
        ]


def measure(*, quick: bool) -> list[Row]:
    """Against a server that answers at once: what grows is opsctl's own work."""
    with serving() as server:
        asked = {scans: 2 for scans in _SIZES if scans <= 1_000} if quick else _SIZES
        sizes = [run_size(server.url, scans, runs) for scans, runs in asked.items()]
    found = [size.rows(smaller) for size, smaller in zip(sizes, [None, *sizes], strict=False)]
    return [rows[0] for rows in found] + [rows[1] for rows in found]


def run_size(url: str, scans: int, runs: int) -> Size:
    """Discover and submit a dataset of so many scans, so many times."""
    found = [_run(url, scans, number) for number in range(runs)]
    return Size(
        scans,
        [one["discover"] + one["submit"] for one in found],
        [one["mib"] for one in found],
        median(one["discover"] for one in found),
    )


def _run(url: str, size: int, number: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.growth_process", url, str(size), str(number)]
    found: dict[str, float] = json.loads(subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, check=True).stdout)
    return found

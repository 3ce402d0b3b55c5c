"""How time and memory of `run` grow with the dataset: discovered and submitted whole, from 100 scans to 100,000."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from bench.row import Row, against, alone
from bench.server import serving

_ROOT = Path(__file__).resolve().parents[2]
#: How often each size is run.
_SIZES = {100: 3, 1_000: 3, 10_000: 1, 100_000: 1}
_FIRST_SECONDS, _FIRST_MIB = 3.0, 150.0
# Ten times the scans may take a quarter more than ten times the time, and so the line stays straight.
_BAR = 1.25


def measure(*, quick: bool) -> list[Row]:
    """Each size in a process of its own, against a server that answers at once: what grows is opsctl's own work."""
    seconds: list[Row] = []
    memory: list[Row] = []
    took, used = 0.0, 0.0
    with serving() as server:
        for size, runs in _SIZES.items():
            if quick and size > 1_000:
                break
            found = [_run(server.url, size, number) for number in range(runs)]
            whole = [one["discover"] + one["submit"] for one in found]
            peaks = [one["mib"] for one in found]
            discover = median(one["discover"] for one in found)
            step, note = f"discover and submit {size:,} scans", f"{discover:.1f} s of it discovering"
            if not took:
                seconds.append(alone(step, ours=whole, bar=_FIRST_SECONDS, note=note))
                memory.append(alone(f"memory of {size:,} scans", ours=peaks, bar=_FIRST_MIB, unit="MiB"))
            else:
                note = f"plain: ten times the row before; {note}"
                seconds.append(against(step, ours=whole, plain=[10 * took] * runs, bar=_BAR, note=note))
                memory.append(
                    against(f"memory of {size:,} scans", ours=peaks, plain=[10 * used] * runs, bar=_BAR, unit="MiB")
                )
            took, used = median(whole), median(peaks)
    return seconds + memory


def _run(url: str, size: int, number: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.growth_process", url, str(size), str(number)]
    found: dict[str, float] = json.loads(subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, check=True).stdout)
    return found

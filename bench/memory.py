"""How much memory a large dataset takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from bench.dataset import KEYS_A_SUBJECT
from bench.rows import Row, spread

_MEMORY_MIB = 300


def memory(url: str, subjects: int, *, runs: int) -> Row:
    """(d) The peak of a process that lists and discovers."""
    found: list[dict[str, float]] = []
    for _ in range(runs):
        command = [sys.executable, "-m", "bench.peak_memory", url, str(subjects)]
        root = Path(__file__).resolve().parents[1]
        answer = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, check=True)
        found.append(json.loads(answer.stdout))
    runs_by_name = {name: [one[name] for one in found] for name in found[0]}
    return Row(
        what=f"peak memory, list and discover {subjects * KEYS_A_SUBJECT:,} keys ({found[0]['objects']:,} relevant)",
        measured=spread(runs_by_name["peak_mib"], " MiB", 0),
        beside=f"after imports {median(runs_by_name['imported_mib']):.0f}, "
        f"after listing {median(runs_by_name['listed_mib']):.0f}",
        bar=f"< {_MEMORY_MIB} MiB",
        met=max(runs_by_name["peak_mib"]) < _MEMORY_MIB,
        runs=runs_by_name,
    )

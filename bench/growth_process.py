"""One run of so many scans, its seconds and its memory: `python -m bench.growth_process URL SCANS NUMBER`."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path


def peak_mib() -> float:
    """This process's peak until now."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Not getrusage's: Linux hands a parent's peak down through exec.
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def main() -> None:
    from bench.platform import Bench

    url, scans, number = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(url, Path(folder), scans, f"data-{scans}-{number}")
        began = time.perf_counter()
        made = bench.plan()
        discovered = time.perf_counter()
        outcome = bench.carry_out(made)
        ended = time.perf_counter()
    if outcome.submitted != scans:
        raise SystemExit(f"{outcome.submitted} scans were submitted instead of {scans}.")
    print(json.dumps({"discover": discovered - began, "submit": ended - discovered, "mib": peak_mib()}))


if __name__ == "__main__":
    main()

"""Measures the time and memory of one run: `python -m bench.growth_process URL SCANS NUMBER`."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path


def peak_mib() -> float:
    """This process's peak resident size until now."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Not getrusage: on Linux its peak includes the parent's, from before exec.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def main() -> None:
    from bench.platform import BenchPlatform
    from opsctl.core.location import RUNS_PREFIX, Location

    url, scans, number = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with tempfile.TemporaryDirectory() as folder:
        bench = BenchPlatform(url, Path(folder), scans, f"data-{scans}-{number}")
        started = time.perf_counter()
        run_plan = bench.plan()
        discovered = time.perf_counter()
        outcome = bench.carry_out(run_plan)
        ended = time.perf_counter()
        seconds = {"discover": discovered - started, "submit": ended - discovered, "cpu": time.process_time()}
        figures = {**seconds, "mib": peak_mib()}
        # What is lost costs no time: both counts are compared.
        records = Location(bench.data_bucket, f"{RUNS_PREFIX}{run_plan.run_id}/scans")
        written = sum(1 for _ in bench.storage.below(records))
    if (outcome.submitted, written) != (scans, scans):
        raise SystemExit(f"{outcome.submitted} scans were submitted and {written} written instead of {scans}.")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

"""Every speed and cost beside the plain way, in one table.

    python -m bench [--quick] [--only STEP ...] [--write-docs]

A bar that is missed is a word in the table, never a failure of the program.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from importlib import import_module
from pathlib import Path

from bench import peers
from bench.measurements import Machine, Measurements

#: In the order of the table; growth and cost last.
STEPS = (
    "listing",
    "requests",
    "parsing",
    "submission",
    "state",
    "logs",
    "following",
    "upload",
    "download",
    "push",
    "pull",
    "results",
    "startup",
    "durability",
    "local_run",
    "calibration",
    "up_again",
    "growth",
    "largest",
    "verbs",
    "cost",
)
#: Takes half as long as all the others together, so it must be named; until then its rows stay.
_ONLY_ON_REQUEST = ("largest",)
_FOLDER = Path(__file__).resolve().parent
_RESULTS = _FOLDER / "results.json"
_QUICK_RESULTS = _FOLDER.parent / "build" / "bench-quick.json"
_DOCS = _FOLDER.parent / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller runs, kept apart from the full ones")
    parser.add_argument("--only", action="append", choices=STEPS, help="this step; the other rows stay as they were")
    parser.add_argument("--write-docs", action="store_true", help="only write the last results into docs/")
    arguments = parser.parse_args()
    # An installed program keeps its compiled code; without it each start that is measured would compile it again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    path = _QUICK_RESULTS if arguments.quick else _RESULTS
    measurements = Measurements.read(path)
    if not arguments.write_docs:
        peers.install()
        machine = Machine.this()
        for step in arguments.only or [step for step in STEPS if step not in _ONLY_ON_REQUEST]:
            module = import_module("bench.cost" if step == "cost" else f"bench.steps.{step}")
            started = time.perf_counter()
            print(f"{step} …", end=" ", file=sys.stderr, flush=True)
            measurements = measurements.with_rows(step, module.measure(quick=arguments.quick), machine, order=STEPS)
            print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)
            measurements.write(path)
        measurements.show()
        print(f"{os.path.relpath(path)} has every figure.", file=sys.stderr)
    if arguments.write_docs or not arguments.quick:
        measurements.write_docs(_DOCS)


if __name__ == "__main__":
    main()

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
from bench.report import Machine, Report

#: In the order of the table; growth and cost last.
STEPS = (
    "listing",
    "requests",
    "parsing",
    "submission",
    "state",
    "logs",
    "following",
    "push",
    "pull",
    "startup",
    "growth",
    "largest",
    "cost",
)
#: Takes as long as half of the others together; its row stays until it is measured anew.
_ASKED_FOR = ("largest",)
_HERE = Path(__file__).resolve().parent
_RESULTS = _HERE / "results.json"
_QUICK_RESULTS = _HERE.parent / "build" / "bench-quick.json"
_DOCS = _HERE.parent / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller runs, kept apart from the full ones")
    parser.add_argument("--only", action="append", choices=STEPS, help="this step; the other rows stay as they were")
    parser.add_argument("--write-docs", action="store_true", help="only write the last results into docs/")
    asked = parser.parse_args()
    path = _QUICK_RESULTS if asked.quick else _RESULTS
    report = Report.read(path)
    if not asked.write_docs:
        peers.install()
        machine = Machine.this()
        for step in asked.only or [step for step in STEPS if step not in _ASKED_FOR]:
            module = import_module("bench.cost" if step == "cost" else f"bench.steps.{step}")
            began = time.perf_counter()
            print(f"{step} …", end=" ", file=sys.stderr, flush=True)
            report = report.with_rows(step, module.measure(quick=asked.quick), machine, order=STEPS)
            print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)
            report.write(path)
        report.show()
        print(f"{os.path.relpath(path)} has every figure.", file=sys.stderr)
    if asked.write_docs or not asked.quick:
        report.write_docs(_DOCS)


if __name__ == "__main__":
    main()

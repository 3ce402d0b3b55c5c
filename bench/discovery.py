"""How fast a dataset becomes a run: listing, parsing, requests, memory, preparation.

    python -m bench.discovery [--quick] [--json FILE]

Both sides of every ratio run in turn, in this process, against a server of the bench's own (bench/s3_server.py) whose
pages take 120 ms, as S3's do from afar. The dataset has no derivatives, which only the plain paginator would list.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bench.memory import memory
from bench.rows import Row
from bench.s3_server import serving

_LATENCY_MS = 120


def measure(*, quick: bool) -> list[Row]:
    """All rows; memory is measured first."""
    runs = 3 if quick else 5
    thousands = 1 if quick else 10
    sizes = (10, 100) if quick else (10, 100, 1000)
    with serving((thousands * 1000,), latency_ms=0) as url:
        last = [memory(url, thousands * 1000, runs=1 if quick else 3)]

    # Imported now only: a child inherits its parent's peak, so this process was small while memory was measured.
    from bench.entities import parsing
    from bench.listings import listing, requests
    from bench.preparation import SCANS, preparation

    with serving((SCANS // 2,), latency_ms=0) as url:
        last.append(preparation(url, runs=runs))
    with serving(sizes, latency_ms=_LATENCY_MS) as url:
        first = [
            listing(url, sizes[-1], runs=runs, latency_ms=_LATENCY_MS),
            parsing(thousands * 1000, runs=runs),
            requests(url, sizes),
        ]
    return first + last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer runs and a tenth of the keys")
    parser.add_argument("--json", type=Path, help="write every run's figures to this file")
    asked = parser.parse_args()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    rows = measure(quick=asked.quick)
    print("| what | opsctl | beside it | bar | met |\n|---|---|---|---|---|")
    for row in rows:
        print(f"| {row.what} | {row.measured} | {row.beside} | {row.bar} | {'yes' if row.met else 'NO'} |")
    if asked.json is not None:
        machine = {"cpus": os.cpu_count(), "python": sys.version.split()[0], "load": os.getloadavg()}
        report = {"started": started, "quick": asked.quick, "machine": machine, "rows": [asdict(row) for row in rows]}
        asked.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

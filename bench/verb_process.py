"""Runs one command of opsctl and writes what it took: `python -m bench.verb_process FIGURES ARGUMENT ...`."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from bench.growth_process import peak_mib


def main() -> None:
    figures, sys.argv[1:] = Path(sys.argv[1]), sys.argv[2:]
    started = time.perf_counter()
    from opsctl.__main__ import main as opsctl

    try:
        opsctl()
    finally:
        times = os.times()
        seconds = times.user + times.system + times.children_user + times.children_system
        figures.write_text(json.dumps({"wall": time.perf_counter() - started, "cpu": seconds, "mib": peak_mib()}))


if __name__ == "__main__":
    main()

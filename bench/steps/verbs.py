"""The daily verbs over a run whose scans are done: 300, 3,000 and 10,000 scans with 49 files each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench.platform import BenchPlatform
from bench.row import Row, absolute_row
from bench.server import Server, serving
from bench.server.dataset import done_bucket_of

_ROOT = Path(__file__).resolve().parents[2]
_SIZES, _QUICK_SIZES = (300, 3_000, 10_000), (300,)
_RUNS = 3
#: Seconds that each may take with 10,000 scans; smaller runs have their part of it, and what a start takes.
_BARS = {"status": 5.0, "status again": 2.0, "runs": 5.0, "run": 8.0, "audit": 15.0}
_START_SECONDS, _LARGEST = 1.0, 10_000
_MIB = 300.0


def measure(*, quick: bool) -> list[Row]:
    """Measure with a server that answers at once. Somebody else has read the run before, so that summaries exist."""
    rows: list[Row] = []
    for scans in _QUICK_SIZES if quick else _SIZES:
        with serving() as server, tempfile.TemporaryDirectory() as folder:
            _finished_run(server, scans, Path(folder) / "first")
            for verb in ("status", "audit"):
                _run(server, scans, verb, Path(folder) / "first")
            rows += _rows(server, scans, Path(folder))
    return rows


def _rows(server: Server, scans: int, folder: Path) -> list[Row]:
    rows = []
    for verb, bar in _BARS.items():
        figures, requests = [], 0
        for number in range(_RUNS):
            name, _, again = verb.partition(" ")
            home = folder / f"{name}-{number}"
            home.mkdir(exist_ok=True)
            server.count()
            figures.append(_run(server, scans, name, home))
            requests = server.count()
        part = bar if scans == _LARGEST else min(bar, _START_SECONDS + bar * scans / _LARGEST)
        step = f"{verb} of {scans:,} done scans"
        seconds, mib = ([run[unit] for run in figures] for unit in ("seconds", "mib"))
        where = "the second time" if again else "an empty home"
        rows.append(absolute_row(step, ours=seconds, bar=part, note=f"{where}; {requests:,} requests"))
        rows.append(absolute_row(f"memory of {step}", ours=[median(mib)], bar=_MIB, unit="MiB"))
    return rows


def _finished_run(server: Server, scans: int, home: Path) -> None:
    home.mkdir()
    bench = BenchPlatform(server.url, home, scans, done_bucket_of(scans))
    run = bench.submitted()
    submissions = bench.records.submissions(run.run_id)
    server.finish(bench.data_bucket, run.run_id, submissions[0].job_id)


def _run(server: Server, scans: int, verb: str, home: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.command_process", server.url, str(scans), verb, str(home)]
    completed = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, check=True, env=dict(os.environ))
    figures: dict[str, float] = json.loads(completed.stdout)
    return figures

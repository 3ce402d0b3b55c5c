"""A biobank: 100,000 scans discovered and submitted, 1,000,000 keys, a report of 10,000 scans. Only on request."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.row import Row, absolute_row
from bench.server import serving
from bench.server.dataset import KEYS_A_SUBJECT
from bench.steps.growth import run_size
from bench.steps.results import report_rows

_ROOT = Path(__file__).resolve().parents[2]
_SCANS, _SECONDS, _MIB = 100_000, 60.0, 300.0
_SUBJECTS, _KEYS_MIB = 10_000, 214.0
_REPORT_SCANS = 10_000
_REPORT_SECONDS, _REPORT_MB, _REPORT_MIB = 60.0, 20.0, 300.0


def measure(*, quick: bool) -> list[Row]:  # noqa: ARG001  there is no quick version
    """Measure one after the other, each in a server and a process of its own."""
    with serving() as server:
        rows = run_size(server.url, _SCANS, 1).rows(seconds=_SECONDS, mib=_MIB)
    report = report_rows(_REPORT_SCANS, 1, seconds=_REPORT_SECONDS, megabytes=_REPORT_MB, mib=_REPORT_MIB)
    return [*rows, _keys_row(), *report]


def _keys_row() -> Row:
    """The row of the memory that discovery takes where most keys are of no scan: two sessions a subject."""
    with serving() as server:
        command = [sys.executable, "-m", "bench.discovery_process", server.url, str(2 * _SUBJECTS)]
        figures = json.loads(subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, check=True).stdout)
    note = f"{2 * _SUBJECTS:,} scans; {figures['seconds']:.1f} s, {figures['cpu']:.1f} CPU s"
    step = f"discover in {_SUBJECTS * KEYS_A_SUBJECT:,} keys: memory"
    return absolute_row(step, ours=[figures["mib"]], bar=_KEYS_MIB, unit="MiB", note=note)

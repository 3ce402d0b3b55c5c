"""The end of the growth line: 100,000 scans beside 10,000, and a report of 10,000. Minutes, so only on request."""

from __future__ import annotations

from bench.row import Row
from bench.server import serving
from bench.steps.growth import run_size
from bench.steps.results import report_rows

_REPORT_SCANS = 10_000
_REPORT_SECONDS, _REPORT_MB, _REPORT_MIB = 60.0, 20.0, 300.0


def measure(*, quick: bool) -> list[Row]:  # noqa: ARG001  there is no quick version
    """Measure both sizes, one after the other, and the report."""
    with serving() as server:
        smaller = run_size(server.url, 10_000, 1)
        rows = run_size(server.url, 100_000, 1).rows(smaller)
    report = report_rows(_REPORT_SCANS, 1, seconds=_REPORT_SECONDS, megabytes=_REPORT_MB, mib=_REPORT_MIB)
    return [*rows, *report]

"""The end of the growth line: 100,000 scans beside 10,000. It takes about four minutes, so only on request."""

from __future__ import annotations

from bench.row import Row
from bench.server import serving
from bench.steps.growth import run_size


def measure(*, quick: bool) -> list[Row]:  # noqa: ARG001  there is no quick version
    """Measure both sizes, one after the other."""
    with serving() as server:
        smaller = run_size(server.url, 10_000, 1)
        return run_size(server.url, 100_000, 1).rows(smaller)

"""`results` with nothing to fetch, and `report`, of a finished run of 300 scans with 45 connectomes each."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.finished_run import Cost, FinishedRun
from bench.row import Row, absolute_row
from bench.server import serving

_SCANS, _QUICK_SCANS = 300, 60
_AGAIN_SECONDS, _REPORT_SECONDS, _REPORT_MB = 2.0, 8.0, 10.0


def measure(*, quick: bool) -> list[Row]:
    """Measure each command as a process of its own; a quick run's figures are of fewer scans."""
    scans, rounds = (_QUICK_SCANS, 1) if quick else (_SCANS, 3)
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        run = FinishedRun(server, Path(folder), scans)
        run.opsctl("results", "results")
        again = [run.opsctl("results", "results") for _ in range(rounds)]
    return [
        absolute_row(
            f"results of {scans * run.connectomes:,} connectomes, all there",
            ours=[cost.cpu for cost in again],
            bar=_AGAIN_SECONDS,
            unit="CPU s",
            note=_note(again, "each file's SHA-256 is computed again"),
        ),
        *report_rows(scans, rounds, seconds=_REPORT_SECONDS, megabytes=_REPORT_MB),
    ]


def report_rows(scans: int, rounds: int, *, seconds: float, megabytes: float, mib: float | None = None) -> list[Row]:
    """The rows of `report` for a finished run: time, size, and where it has a bar the memory."""
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        run = FinishedRun(server, Path(folder), scans)
        costs = [run.opsctl("report", "report.html") for _ in range(rounds)]
        size = (Path(folder) / "report.html").stat().st_size / 1e6
    step = f"report of {scans:,} scans"
    rows = [
        absolute_row(step, ours=[cost.wall for cost in costs], bar=seconds, note=_note(costs)),
        absolute_row(f"{step}: the page", ours=[size], bar=megabytes, unit="MB"),
    ]
    if mib is not None:
        rows.append(absolute_row(f"{step}: memory", ours=[cost.mib for cost in costs], bar=mib, unit="MiB"))
    return rows


def _note(costs: list[Cost], *more: str) -> str:
    last = costs[-1]
    return "; ".join([f"{last.wall:.1f} s, {last.cpu:.1f} CPU s, {last.mib:.0f} MiB", *more])

"""The content of the report's page, in the order of the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from opsctl.commands.results.report import Report
from opsctl.commands.results.report_assets import Asset, AssetSelection
from opsctl.core.diagnosis.causes import Cause, Group, cause_of, grouped
from opsctl.core.diagnosis.reason import batch_reason
from opsctl.core.errors import Problem
from opsctl.core.preview import BANNER, is_preview
from opsctl.core.runs.result import GraphKind
from opsctl.render.parcellations import atlases_text
from opsctl.render.report.pictures import DecodedImage
from opsctl.render.report.scan_plots import Plot, edge_plots, peak_plots, phase_plots
from opsctl.render.report.scan_row import Picture, ScanRow
from opsctl.render.screen import counted

_ROWS_AT_ONCE = 12
#: So many scans that need a look have their picture at once.
_LOOKS_AT_ONCE = 12
#: With 45 atlases a scan may have as many reasons.
_SENTENCES_AT_ONCE = 5
_MAX_RETRIED = 100
_MATRICES: Mapping[GraphKind | None, str] = {
    "streamlines": "numbers of streamlines between two regions",
    "correlation": "correlations of two regions' signals, with their sign",
    "absolute correlation": "correlations of two regions' signals, without their sign",
    None: "weights between two regions",
}


class View:
    """Everything that the template uses."""

    def __init__(self, report: Report, choice: AssetSelection, images: Mapping[Asset, DecodedImage | Problem]) -> None:
        self.report, self.run, self.status, self.bill = report, report.run, report.status, report.status.bill
        self.total = len(report.status.scans)
        self.counts = report.status.counts
        self.left_out = choice.left_out
        self.shown_at_once = _ROWS_AT_ONCE
        pictures: dict[int, list[Picture]] = defaultdict(list)
        for number, (asset, image) in enumerate(images.items()):
            if isinstance(image, Problem):
                picture = Picture(asset=asset, image=DecodedImage(), number=number, problem=image.what)
            else:
                picture = Picture(asset=asset, image=image, number=number)
            pictures[asset.index].append(picture)
        self.unread = sum(1 for image in images.values() if isinstance(image, Problem))
        self.dropped = sum(1 for image in images.values() if isinstance(image, DecodedImage) and image.picture is None)
        self.rows = [
            ScanRow(
                scan=scan,
                result=report.results.get(scan.index),
                files=choice.files.get(scan.index),
                attempts=report.attempts.get(scan.index, ()),
                bill=self.bill.by_scan.get(scan.index) if self.bill else None,
                pictures=tuple(pictures.get(scan.index, ())),
                is_pictured=scan.index in choice.pictured,
                title=cause_of(scan.reason, run=report.run).title if scan.state == "FAILED" else "",
            )
            for scan in report.status.scans
        ]
        self.failed = [row for row in self.rows if row.scan.state == "FAILED" and row.scan.is_submitted]
        self.unsubmitted = [row for row in self.rows if row.scan.state == "FAILED" and not row.scan.is_submitted]
        self.done = [row for row in self.rows if row.scan.state == "DONE"]
        self.warned = [row for row in self.done if row.scan.warnings]
        self.looks_at_once = _LOOKS_AT_ONCE
        self.sentences_at_once = _SENTENCES_AT_ONCE
        self.detailed = [row for row in self.done if row.has_details]
        self.plain = [row for row in self.done if not row.has_details]
        self.under_way = [row for row in self.rows if row.scan.state not in ("FAILED", "DONE")]
        self.index_of = {scan.name: scan.index for scan in report.status.scans}

    @property
    def banner(self) -> str:
        """What stands above a page of the preview's outputs; empty for m2g's."""
        return BANNER if is_preview(self.run.image) else ""

    @property
    def headline(self) -> str:
        """The run in one sentence."""
        look = f"; {len(self.warned):,} to look at" if self.warned else ""
        return self._states + look

    @property
    def _states(self) -> str:
        done, failed, active = len(self.done), len(self.failed), len(self.under_way)
        if done == self.total:
            return "The scan is done" if self.total == 1 else f"All {self.total:,} scans are done"
        if failed == self.total:
            return "The scan failed" if self.total == 1 else f"All {self.total:,} scans failed"
        scans = counted(self.total, "scan")
        if active == self.total:
            return f"None of {scans} done yet"
        parts = [f"{done:,} of {scans} done" if done else f"None of {scans} done"]
        parts += [f"{failed:,} failed"] if failed else []
        parts += [f"{active:,} not finished yet"] if active else []
        parts += [f"{len(self.unsubmitted):,} not submitted"] if self.unsubmitted else []
        return ", ".join(parts)

    @property
    def bar(self) -> list[dict[str, Any]]:
        """The states as parts of one bar, 0 to 1000."""
        parts = [("done", len(self.done)), ("failed", len(self.failed))]
        running = sum(1 for row in self.under_way if row.scan.state in ("RUNNING", "STARTING"))
        parts += [("running", running), ("waiting", len(self.under_way) - running)]
        parts += [("not submitted", len(self.unsubmitted))] if self.unsubmitted else []
        x, segments = 0.0, []
        for name, count in parts:
            # A single failure among thousands must be visible.
            width = max(6.0, 1000 * count / self.total) if count else 0.0
            segments.append({"name": name, "count": count, "x": round(x, 1), "width": round(width, 1)})
            x += width
        return segments

    @property
    def wait(self) -> Cause | None:
        """Why scans wait in RUNNABLE, if Batch gives a reason."""
        return cause_of(batch_reason(self.status.wait_reason), run=self.run) if self.status.wait_reason else None

    @cached_property
    def plots(self) -> list[Plot]:
        """The duration of each phase in the scans that are done."""
        return phase_plots(self.done)

    @cached_property
    def peak_plots(self) -> list[Plot]:
        """The peaks of memory and disk of the scans that are done."""
        return peak_plots(self.done)

    @cached_property
    def graph_plots(self) -> list[Plot]:
        """The numbers of edges of the connectomes."""
        return edge_plots(self.done)

    @property
    def matrices(self) -> str:
        """What the matrices show."""
        kinds = {row.connectome.asset.graph_kind for row in self.sheet if row.connectome is not None}
        return " or ".join(words for kind, words in _MATRICES.items() if kind in kinds)

    @cached_property
    def sheet(self) -> list[ScanRow]:
        """The scans whose matrices are shown side by side."""
        return [row for row in self.done if row.connectome is not None and row.connectome.image.picture is not None]

    @property
    def wall_seconds(self) -> float | None:
        """From the first attempt's start to the last one's end, or to now while the run is active."""
        attempts = [attempt for of_scan in self.report.attempts.values() for attempt in of_scan]
        starts = [attempt.started_at for attempt in attempts if attempt.started_at]
        starts += [result.started_at for result in self.report.results.values()]
        ends = [attempt.stopped_at for attempt in attempts if attempt.stopped_at]
        ends += [result.stopped_at for result in self.report.results.values()]
        if self.under_way:
            ends = [self.report.at]
        if not starts or not ends:
            return None
        return max(0.0, (datetime.fromisoformat(max(ends)) - datetime.fromisoformat(min(starts))).total_seconds())

    @cached_property
    def retried(self) -> list[ScanRow]:
        """Scans with more than one attempt, those with the most attempts first."""
        return sorted((row for row in self.rows if row.scan.retried), key=lambda row: -len(row.scan.retried))

    @property
    def retried_shown(self) -> list[ScanRow]:
        """The retried scans that are listed one by one."""
        return self.retried[:_MAX_RETRIED]

    @cached_property
    def retry_causes(self) -> list[Group]:
        """The causes of retries."""
        reasons = {
            f"{row.scan.name} {number}": reason
            for row in self.retried
            for number, reason in enumerate(row.scan.retried)
        }
        return grouped(reasons, run=self.run)

    @property
    def options(self) -> list[tuple[str, str]]:
        """The options that m2g was called with."""
        return [
            (name, atlases_text(value) if name == "parcellation" else str(value))
            for name, value in self.run.m2g.items()
            if value not in (None, False, [], ())
        ]

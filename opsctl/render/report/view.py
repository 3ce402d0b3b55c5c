"""The content of the report's page, in the order of the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from opsctl.commands.results.report import Report
from opsctl.commands.results.report_assets import Asset, AssetSelection
from opsctl.core.costs.bill import ScanBill
from opsctl.core.diagnosis.causes import Cause, Group, cause_of, grouped
from opsctl.core.diagnosis.reason import batch_reason
from opsctl.core.errors import Problem
from opsctl.core.preview import BANNER, is_preview
from opsctl.core.results.connectome_table import atlas_of
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import ScanStatus
from opsctl.render.report.pictures import DecodedImage
from opsctl.render.report.plots import Distribution, distribution
from opsctl.render.screen import counted, duration_text

_PHASES = {"pull": "from S3 to the instance", "m2g": "the processing itself", "push": "back to S3"}
_ROWS_AT_ONCE = 12
_MAX_RETRIED = 100
_MAX_ATLASES = 3


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A distribution with its texts."""

    name: str
    note: str
    words: str
    drawing: Distribution
    scans: tuple[ScanStatus, ...]
    values: tuple[float, ...]
    is_time: bool

    def text_of(self, value: float) -> str:
        """A value with its unit."""
        return _text(value, is_time=self.is_time)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A file of a scan, or the problem why it cannot be shown."""

    asset: Asset
    image: DecodedImage
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class ScanRow:
    """One scan's row."""

    scan: ScanStatus
    result: Result | None
    attempts: tuple[Attempt, ...]
    bill: ScanBill | None
    pictures: tuple[Picture, ...]
    title: str = ""

    @property
    def connectome(self) -> Picture | None:
        """The connectome that is shown."""
        return next((picture for picture in self.pictures if picture.asset.kind == "connectome"), None)

    @property
    def qa(self) -> tuple[Picture, ...]:
        """m2g's quality-control pictures."""
        return tuple(picture for picture in self.pictures if picture.asset.kind == "QA")

    @property
    def other_atlases(self) -> list[str]:
        """The atlases of the connectomes that are not shown."""
        shown = self.connectome.asset.uri if self.connectome else ""
        return sorted(atlas_of(uri) for uri in (self.result.connectomes if self.result else ()) if uri != shown)

    @property
    def seconds(self) -> float | None:
        """The duration of its result, or else of its last attempt."""
        if self.result is not None:
            return self.result.total_seconds
        return self.attempts[-1].seconds if self.attempts else None


class View:
    """Everything that the template uses."""

    def __init__(self, report: Report, choice: AssetSelection, images: Mapping[Asset, DecodedImage | Problem]) -> None:
        self.report, self.run, self.status, self.bill = report, report.run, report.status, report.status.bill
        self.total = len(report.status.scans)
        self.counts = report.status.counts
        self.left_out = choice.left_out
        self.shown_at_once = _ROWS_AT_ONCE
        pictures: dict[int, list[Picture]] = defaultdict(list)
        for asset, image in images.items():
            if isinstance(image, Problem):
                pictures[asset.index].append(Picture(asset=asset, image=DecodedImage(), problem=image.what))
            else:
                pictures[asset.index].append(Picture(asset=asset, image=image))
        self.small_only = sum(
            1 for row in pictures.values() for picture in row if picture.image.thumb and not picture.image.large
        )
        self.unread = sum(1 for image in images.values() if isinstance(image, Problem))
        self.rows = [
            ScanRow(
                scan=scan,
                result=report.results.get(scan.index),
                attempts=report.attempts.get(scan.index, ()),
                bill=self.bill.by_scan.get(scan.index) if self.bill else None,
                pictures=tuple(pictures[scan.index]),
                title=cause_of(scan.reason, run=report.run).title if scan.state == "FAILED" else "",
            )
            for scan in report.status.scans
        ]
        self.failed = [row for row in self.rows if row.scan.state == "FAILED" and row.scan.is_submitted]
        self.unsubmitted = [row for row in self.rows if row.scan.state == "FAILED" and not row.scan.is_submitted]
        self.done = [row for row in self.rows if row.scan.state == "DONE"]
        self.under_way = [row for row in self.rows if row.scan.state not in ("FAILED", "DONE")]
        self.index_of = {scan.name: scan.index for scan in report.status.scans}

    @property
    def banner(self) -> str:
        """What stands above a page of the preview's outputs; empty for m2g's."""
        return BANNER if is_preview(self.run.image) else ""

    @property
    def headline(self) -> str:
        """The run in one sentence."""
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
        timed = [row for row in self.done if row.result is not None]
        plots = []
        for name, note in _PHASES.items():
            values = [
                (row.scan, float(row.result.seconds[name]))
                for row in timed
                if row.result and name in row.result.seconds
            ]
            if values:
                plots.append(_plot(name, note, values, is_time=True))
        return plots

    @cached_property
    def graph_plots(self) -> list[Plot]:
        """The numbers of edges of the connectomes, one plot per atlas: outliers become visible."""
        by_atlas: dict[str, list[tuple[ScanStatus, float]]] = defaultdict(list)
        for row in self.done:
            shown = row.connectome
            if shown is not None and shown.image.edges is not None:
                by_atlas[shown.asset.name].append((row.scan, float(shown.image.edges)))
        return [
            _plot(f"edges, {name}", "of the connectomes", edges, is_time=False)
            for name, edges in list(by_atlas.items())[:_MAX_ATLASES]
        ]

    @cached_property
    def sheet(self) -> list[ScanRow]:
        """The scans whose matrices are shown side by side."""
        return [row for row in self.done if row.connectome is not None and row.connectome.image.thumb is not None]

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
        return (datetime.fromisoformat(max(ends)) - datetime.fromisoformat(min(starts))).total_seconds()

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
            (name, " ".join(map(str, value)) if isinstance(value, list) else str(value))
            for name, value in self.run.m2g.items()
            if value not in (None, False, [], ())
        ]


def _plot(name: str, note: str, by_scan: Sequence[tuple[ScanStatus, float]], *, is_time: bool) -> Plot:
    values = tuple(value for _, value in by_scan)
    scans = tuple(scan for scan, _ in by_scan)
    drawing = distribution(values, is_time=is_time)
    text = f"{name}: {counted(len(values), 'scan')}, median {_text(drawing.median, is_time=is_time)}"
    text += f", from {_text(min(values), is_time=is_time)} to {_text(max(values), is_time=is_time)}"
    return Plot(name=name, note=note, words=text, drawing=drawing, scans=scans, values=values, is_time=is_time)


def _text(value: float, *, is_time: bool) -> str:
    # The median of two counts may be a fraction.
    return duration_text(value) if is_time else f"{value:,.1f}".removesuffix(".0")

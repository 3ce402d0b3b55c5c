"""What the page says of a run, in the order in which it says it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from opsctl.commands.results.report import Report
from opsctl.commands.results.report_assets import Asset, AssetSelection, atlas_of
from opsctl.core.costs.bill import ScanBill
from opsctl.core.diagnosis.causes import Cause, Group, cause_of, grouped
from opsctl.core.errors import Problem
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import ScanStatus
from opsctl.render.report.pictures import DecodedImage
from opsctl.render.report.plots import Distribution, distribution
from opsctl.render.screen import counted, duration_text

_PHASES = {"pull": "from S3 to the instance", "m2g": "the processing itself", "push": "back to S3"}
_SHOWN_AT_ONCE = 12
_MOST_RETRIED = 100
_MOST_ATLASES = 3


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A distribution with its words."""

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
    """A file of a scan, or why it cannot be shown."""

    wanted: Asset
    developed: DecodedImage
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class ScanRow:
    """A scan."""

    scan: ScanStatus
    result: Result | None
    attempts: tuple[Attempt, ...]
    bill: ScanBill | None
    pictures: tuple[Picture, ...]
    title: str = ""

    @property
    def connectome(self) -> Picture | None:
        """The one that is shown."""
        return next((one for one in self.pictures if one.wanted.kind == "connectome"), None)

    @property
    def qa(self) -> tuple[Picture, ...]:
        """m2g's quality-control pictures."""
        return tuple(one for one in self.pictures if one.wanted.kind == "QA")

    @property
    def other_atlases(self) -> list[str]:
        """The connectomes that are not shown, by atlas."""
        shown = self.connectome.wanted.uri if self.connectome else ""
        return sorted(atlas_of(uri) for uri in (self.result.connectomes if self.result else ()) if uri != shown)

    @property
    def seconds(self) -> float | None:
        """How long its result took, or else its last attempt."""
        if self.result is not None:
            return self.result.total_seconds
        return self.attempts[-1].seconds if self.attempts else None


class View:
    """Everything that the template asks for."""

    def __init__(
        self, report: Report, choice: AssetSelection, developed: Mapping[Asset, DecodedImage | Problem]
    ) -> None:
        self.report, self.run, self.status, self.bill = report, report.run, report.status, report.status.bill
        self.total = len(report.status.scans)
        self.counts = report.status.counts
        self.left_out = choice.left_out
        self.shown_at_once = _SHOWN_AT_ONCE
        pictures: dict[int, list[Picture]] = defaultdict(list)
        for wanted, made in developed.items():
            if isinstance(made, Problem):
                pictures[wanted.index].append(Picture(wanted=wanted, developed=DecodedImage(), problem=made.what))
            else:
                pictures[wanted.index].append(Picture(wanted=wanted, developed=made))
        self.small_only = sum(
            1 for row in pictures.values() for one in row if one.developed.thumb and not one.developed.large
        )
        self.unread = sum(1 for made in developed.values() if isinstance(made, Problem))
        self.rows = [
            ScanRow(
                scan=scan,
                result=report.results.get(scan.index),
                attempts=report.attempts.get(scan.index, ()),
                bill=self.bill.by_scan.get(scan.index) if self.bill else None,
                pictures=tuple(pictures[scan.index]),
                title=cause_of(scan.cause, run=report.run).title if scan.state == "FAILED" else "",
            )
            for scan in report.status.scans
        ]
        self.failed = [row for row in self.rows if row.scan.state == "FAILED" and row.scan.is_submitted]
        self.unsubmitted = [row for row in self.rows if row.scan.state == "FAILED" and not row.scan.is_submitted]
        self.done = [row for row in self.rows if row.scan.state == "DONE"]
        self.under_way = [row for row in self.rows if row.scan.state not in ("FAILED", "DONE")]
        self.index_of = {scan.name: scan.index for scan in report.status.scans}

    @property
    def headline(self) -> str:
        """The run in one sentence."""
        done, failed, going = len(self.done), len(self.failed), len(self.under_way)
        if done == self.total:
            return "The scan is done" if self.total == 1 else f"All {self.total:,} scans are done"
        if failed == self.total:
            return "The scan failed" if self.total == 1 else f"All {self.total:,} scans failed"
        scans = counted(self.total, "scan")
        if going == self.total:
            return f"None of {scans} done yet"
        parts = [f"{done:,} of {scans} done" if done else f"None of {scans} done"]
        parts += [f"{failed:,} failed"] if failed else []
        parts += [f"{going:,} not finished yet"] if going else []
        parts += [f"{len(self.unsubmitted):,} not submitted"] if self.unsubmitted else []
        return ", ".join(parts)

    @property
    def bar(self) -> list[dict[str, Any]]:
        """The states as parts of one bar, 0 to 1000."""
        parts = [("done", len(self.done)), ("failed", len(self.failed))]
        running = sum(1 for row in self.under_way if row.scan.state in ("RUNNING", "STARTING"))
        parts += [("running", running), ("waiting", len(self.under_way) - running)]
        parts += [("not submitted", len(self.unsubmitted))] if self.unsubmitted else []
        x, made = 0.0, []
        for name, count in parts:
            # A single failure among thousands must be seen too.
            width = max(6.0, 1000 * count / self.total) if count else 0.0
            made.append({"name": name, "count": count, "x": round(x, 1), "width": round(width, 1)})
            x += width
        return made

    @property
    def wait(self) -> Cause | None:
        """What the scans in RUNNABLE wait for, where Batch says it."""
        return cause_of(self.status.wait_reason, run=self.run) if self.status.wait_reason else None

    @cached_property
    def plots(self) -> list[Plot]:
        """How long each phase took in the scans that are done."""
        timed = [row for row in self.done if row.result is not None]
        plots = []
        for name, note in _PHASES.items():
            have = [
                (row.scan, float(row.result.seconds[name]))
                for row in timed
                if row.result and name in row.result.seconds
            ]
            if have:
                plots.append(_plot(name, note, have, is_time=True))
        return plots

    @cached_property
    def graph_plots(self) -> list[Plot]:
        """How many edges the connectomes have, an atlas a plot: an odd scan stands apart."""
        by_atlas: dict[str, list[tuple[ScanStatus, float]]] = defaultdict(list)
        for row in self.done:
            shown = row.connectome
            if shown is not None and shown.developed.edges is not None:
                by_atlas[shown.wanted.name].append((row.scan, float(shown.developed.edges)))
        return [
            _plot(f"edges, {name}", "of the connectomes", have, is_time=False)
            for name, have in list(by_atlas.items())[:_MOST_ATLASES]
        ]

    @cached_property
    def sheet(self) -> list[ScanRow]:
        """The scans whose matrices are shown side by side."""
        return [row for row in self.done if row.connectome is not None and row.connectome.developed.thumb is not None]

    @property
    def wall_seconds(self) -> float | None:
        """From the first attempt's start to the last one's end, or to now while the run goes on."""
        attempts = [one for some in self.report.attempts.values() for one in some]
        starts = [one.started_at for one in attempts if one.started_at]
        starts += [one.started_at for one in self.report.results.values()]
        ends = [one.stopped_at for one in attempts if one.stopped_at]
        ends += [one.stopped_at for one in self.report.results.values()]
        if self.under_way:
            ends = [self.report.at]
        if not starts or not ends:
            return None
        return (datetime.fromisoformat(max(ends)) - datetime.fromisoformat(min(starts))).total_seconds()

    @cached_property
    def retried(self) -> list[ScanRow]:
        """Scans that were tried more than once, the most often tried first."""
        return sorted((row for row in self.rows if row.scan.retried), key=lambda row: -len(row.scan.retried))

    @property
    def retried_shown(self) -> list[ScanRow]:
        """As many of them as are listed one by one."""
        return self.retried[:_MOST_RETRIED]

    @cached_property
    def retry_causes(self) -> list[Group]:
        """Why attempts had to be made again."""
        earlier = {
            f"{row.scan.name} {number}": reason
            for row in self.retried
            for number, reason in enumerate(row.scan.retried)
        }
        return grouped(earlier, run=self.run)

    @property
    def options(self) -> list[tuple[str, str]]:
        """m2g's options as they were given to it."""
        return [
            (name, " ".join(map(str, value)) if isinstance(value, list) else str(value))
            for name, value in self.run.m2g.items()
            if value not in (None, False, [], ())
        ]


def _plot(name: str, note: str, have: Sequence[tuple[ScanStatus, float]], *, is_time: bool) -> Plot:
    values = tuple(value for _, value in have)
    scans = tuple(scan for scan, _ in have)
    drawing = distribution(values, is_time=is_time)
    words = f"{name}: {counted(len(values), 'scan')}, median {_text(drawing.median, is_time=is_time)}"
    words += f", from {_text(min(values), is_time=is_time)} to {_text(max(values), is_time=is_time)}"
    return Plot(name=name, note=note, words=words, drawing=drawing, scans=scans, values=values, is_time=is_time)


def _text(value: float, *, is_time: bool) -> str:
    # The median of counts may lie between two of them.
    return duration_text(value) if is_time else f"{value:,.1f}".removesuffix(".0")

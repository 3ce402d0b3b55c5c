"""The content of the report's page, in the order of the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from opsctl.commands.results.report import Report
from opsctl.commands.results.report_asset import Asset
from opsctl.commands.results.report_assets import AssetSelection
from opsctl.commands.results.report_reliability import Comparison
from opsctl.core.atlases.atlas import name_of
from opsctl.core.atlases.atlas_node import AtlasNode
from opsctl.core.costs.money import Money, spent
from opsctl.core.diagnosis.causes import Cause, Group, cause_of, grouped, run_again
from opsctl.core.diagnosis.reason import batch_reason
from opsctl.core.errors import Problem
from opsctl.core.preview import BANNER
from opsctl.core.runs.state import DailyState, daily_counts
from opsctl.core.simulation.run_course import RunCourse
from opsctl.render.parcellations import atlases_text
from opsctl.render.report.brain import Brain, EdgeLines
from opsctl.render.report.course_plot import course_plot
from opsctl.render.report.failure_group import FailureGroup
from opsctl.render.report.matrices import ColourScale
from opsctl.render.report.pictures import DecodedFile
from opsctl.render.report.scan_plots import Plot, edge_plots, peak_plots, phase_plots
from opsctl.render.report.scan_row import Picture, ScanRow
from opsctl.render.report.trust.section import TrustSection
from opsctl.render.screen import counted

_ROWS_AT_ONCE = 12
#: So many scans that need a look have their picture at once.
_LOOKS_AT_ONCE = 12
#: With 45 atlases a scan may have as many reasons.
_SENTENCES_AT_ONCE = 5
_MAX_RETRIED = 100


class View:
    """Everything that the template uses.

    Parameters
    ----------
    files
        The decoded files, their matrices drawn.
    scales
        The colour scales of the matrices.
    nodes
        The regions of the pictured atlas in the order of its nodes; None where they are not known.
    comparison
        The section "Can you trust them"; None leaves it out.
    course
        How the run went over time; None leaves the section out.
    """

    def __init__(
        self,
        report: Report,
        choice: AssetSelection,
        files: Mapping[Asset, DecodedFile | Problem],
        *,
        scales: Sequence[ColourScale],
        nodes: Sequence[AtlasNode] | None,
        comparison: Comparison | None = None,
        course: RunCourse | None = None,
    ) -> None:
        self.report, self.run, self.status, self.bill = report, report.run, report.status, report.status.bill
        self.subject = report.subject
        self.total = len(report.status.scans)
        self.left_out = choice.left_out
        self.shown_at_once = _ROWS_AT_ONCE
        self.scales = scales
        self.atlas = name_of(choice.atlas) if choice.atlas else ""
        self.brain = Brain(nodes) if nodes else None
        self.unread = sum(1 for file in files.values() if isinstance(file, Problem))
        self.dropped = sum(
            1 for file in files.values() if isinstance(file, DecodedFile) and file.picture is None and not file.lines
        )
        pictures = self._pictures(files)
        self.rows = [
            ScanRow(
                scan=scan,
                result=report.results.get(scan.index),
                files=choice.files.get(scan.index),
                attempts=report.attempts.get(scan.index, ()),
                bill=self.bill.by_scan.get(scan.index) if self.bill else None,
                pictures=tuple(pictures.get(scan.index, ())),
                is_pictured=scan.index in choice.pictured,
                atlas=choice.atlas,
                run_id=self.run.origin(scan.index).run_id if report.subject.dataset else self.run.run_id,
                is_previewed=self.run.is_previewed(scan.index),
            )
            for scan in report.status.scans
        ]
        self.failed = [row for row in self.rows if row.state == DailyState.FAILED and row.scan.is_submitted]
        self.unsubmitted = [row for row in self.rows if row.state == DailyState.FAILED and not row.scan.is_submitted]
        self.cancelled = [row for row in self.rows if row.state == DailyState.CANCELLED]
        self.done = [row for row in self.rows if row.state == DailyState.DONE]
        self.under_way = [row for row in self.rows if row.state.is_active]
        self.warned = [row for row in self.done if row.scan.warnings]
        self.looks_at_once = _LOOKS_AT_ONCE
        self.sentences_at_once = _SENTENCES_AT_ONCE
        self.detailed = [row for row in self.done if row.has_details]
        self.plain = [row for row in self.done if not row.has_details]
        self.index_of = {scan.name: scan.index for scan in report.status.scans}
        self.trust = self._trust(comparison)
        self.course = course_plot(course) if course else None

    def _trust(self, comparison: Comparison | None) -> TrustSection | None:
        """The section "Can you trust them"; None where there is nothing to compare."""
        if comparison is None or (comparison.figures is None and not comparison.notes):
            return None
        matrices = {row.scan.index: row.connectome for row in self.rows}
        return TrustSection(
            comparison,
            run=self.run,
            pictures={index: picture for index, picture in matrices.items() if picture is not None},
            scales=self.scales,
            brain=self.brain,
        )

    def _pictures(self, files: Mapping[Asset, DecodedFile | Problem]) -> dict[int, list[Picture]]:
        """The files by the scan's index."""
        pictures: dict[int, list[Picture]] = defaultdict(list)
        for number, (asset, file) in enumerate(files.items()):
            if isinstance(file, Problem):
                picture = Picture(asset=asset, image=DecodedFile(), number=number, problem=file.what)
            else:
                picture = Picture(asset=asset, image=file, number=number, brain=self._edges(asset, file))
            pictures[asset.index].append(picture)
        return pictures

    def _edges(self, asset: Asset, file: DecodedFile) -> tuple[EdgeLines, ...]:
        """The strongest edges of a connectome; none where it is not sure which node is which region."""
        matrix = file.matrix
        if self.brain is None or matrix is None or not self.brain.node_count == matrix.rows == asset.graph_nodes:
            return ()
        return tuple(self.brain.lines(matrix.strongest))

    @property
    def is_preview(self) -> bool:
        """Whether the preview made all outputs."""
        return bool(self.rows) and all(row.is_previewed for row in self.rows)

    @property
    def banner(self) -> str:
        """What stands above a page with outputs of the preview; empty for a page of m2g's alone."""
        previewed = sum(row.is_previewed for row in self.rows)
        if self.is_preview or not previewed:
            return BANNER if previewed else ""
        of_scans = f"{counted(previewed, 'scan')} of {self.total:,} {'is' if previewed == 1 else 'are'}"
        return BANNER.replace("PREVIEW:", f"PREVIEW: {of_scans}")

    @property
    def images(self) -> list[str]:
        """The images of its runs."""
        return list(dict.fromkeys(run.image for run in self.subject.origins or (self.run,)))

    @cached_property
    def failures(self) -> list[FailureGroup]:
        """The scans that failed, by cause, the largest group first."""
        rows = {row.scan.name: row for row in self.failed}
        groups = grouped({name: row.scan.reason for name, row in rows.items()}, run=self.run)
        return [FailureGroup(group, [rows[name] for name in group.scans]) for group in groups]

    @property
    def unsubmitted_groups(self) -> list[FailureGroup]:
        """The scans that were never submitted, by reason."""
        rows = {row.scan.name: row for row in self.unsubmitted}
        groups = grouped({name: row.scan.reason for name, row in rows.items()}, run=self.run)
        return [FailureGroup(group, [rows[name] for name in group.scans]) for group in groups]

    def money(self, usd: float) -> Money:
        """A sum of this run's attempts."""
        return spent(usd, is_local=self.status.is_local, is_complete=self.bill is None or self.bill.is_complete)

    @property
    def cost_words(self) -> str:
        """What the sums of the table of scans are."""
        return str(self.money(0.0).truth)

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
        parts += [f"{len(self.cancelled):,} cancelled"] if self.cancelled else []
        parts += [f"{active:,} not finished yet"] if active else []
        parts += [f"{len(self.unsubmitted):,} not submitted"] if self.unsubmitted else []
        return ", ".join(parts)

    @property
    def counts(self) -> dict[DailyState, int]:
        """The number of scans in each state, but those that were never submitted."""
        return daily_counts(row.state for row in self.rows if row.scan.is_submitted)

    @property
    def bar(self) -> list[dict[str, Any]]:
        """The states as parts of one bar, 0 to 1000."""
        counts = self.counts
        order = (DailyState.DONE, DailyState.FAILED, DailyState.CANCELLED, DailyState.RUNNING, DailyState.STARTING)
        parts = [(str(state), counts[state]) for state in (*order, DailyState.WAITING)]
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

    @cached_property
    def sheet(self) -> list[ScanRow]:
        """The scans whose matrices are shown side by side."""
        return [row for row in self.done if row.connectome is not None and row.connectome.image.picture is not None]

    @property
    def brains(self) -> list[ScanRow]:
        """The scans of the sheet whose strongest edges can be drawn in the brain."""
        return [row for row in self.sheet if row.connectome is not None and row.connectome.brain]

    @property
    def can_choose(self) -> bool:
        """Whether there are connectomes of other parcellations."""
        return any(len(row.connectomes) > 1 for row in self.done)

    @property
    def run_again(self) -> str:
        """The command that runs the scans that are not done."""
        return run_again(self.run)

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

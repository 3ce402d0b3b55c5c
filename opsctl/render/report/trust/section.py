"""The section "Can you trust them": its sentences and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from opsctl.commands.reliability.reliability import Reliability
from opsctl.commands.results.report_reliability import Comparison, ReportReliability
from opsctl.core.reliability.published import SOURCE
from opsctl.core.reliability.suspects import NO_VERDICT
from opsctl.core.runs.manifest import Run
from opsctl.render.report.brain import Brain, EdgeLines
from opsctl.render.report.matrices import ColourScale, matrix_of_weights, scale_key
from opsctl.render.report.pictures import DecodedFile
from opsctl.render.report.scan_row import Picture
from opsctl.render.report.trust.d_plot import DPlot, DValue, d_plot
from opsctl.render.report.trust.heat_map import HeatMap, heat_map
from opsctl.render.report.trust.scan_dots import ScanDots, scan_dots
from opsctl.render.report.trust.weight_lines import WeightLines, weight_lines
from opsctl.render.screen import counted

_DISTANCE = "distance between two scans (Frobenius, of the ranks of their edges)"
_METHOD = (
    "D is discriminability: the share of comparisons in which a scan is nearer to another scan of its subject than to "
    "a scan of another subject; ties count half. 1 is all, 0.5 is chance. The distance of two scans is the Frobenius "
    "norm of the difference of their matrices, with each weight replaced by its rank. The interval is a jackknife over "
    "the subjects."
)
_LIMITS = (
    "Scans of one site, scanner or day have more in common than the subject: D is optimistic if all sessions are from "
    "one. A reliable connectome need not be a right one."
)
_OF_PREVIEW = (
    "These connectomes are the preview's. Here D only shows that every step from the scans to this figure works; it "
    "says nothing about the scans."
)
_MOST_LISTED = 12
_MOST_REASONS = 3
#: Of which the distances, the mean and the spread say something.
_LEAST_SCANS = 2


@dataclass(frozen=True, kw_only=True)
class ListedScan:
    """A scan to look at; `picture` is its matrix, None where the page shows none."""

    name: str
    index: int
    reason: str
    picture: Picture | None


class TrustSection:
    """Everything that the section's template uses.

    Parameters
    ----------
    pictures
        The scans' matrices, by the scan's index.
    scales
        The colour scales of the page's matrices.
    brain
        None where the places of the regions are not known.
    """

    #: The figures; None where the section has none.
    d_plot: DPlot | None = None
    map: HeatMap | None = None
    dots: ScanDots | None = None
    lines: WeightLines | None = None
    mean: DecodedFile | None = None
    mean_scale: ColourScale | None = None
    mean_brain: Sequence[EdgeLines] = ()

    def __init__(
        self,
        comparison: Comparison,
        *,
        run: Run,
        pictures: Mapping[int, Picture],
        scales: Sequence[ColourScale],
        brain: Brain | None,
    ) -> None:
        self._run, self._figures, self._notes = run, comparison.figures, comparison.notes
        self.values: list[DValue] = []
        self.listed: list[ListedScan] = []
        self.scans = len(self._figures.scans) if self._figures is not None else 0
        if self._figures is None or self.scans < _LEAST_SCANS:
            return
        figures = self._figures
        suspects = figures.to_look_at.suspects[:_MOST_LISTED]
        self.listed = [
            ListedScan(
                name=suspect.name,
                index=self.index_of(suspect.position),
                reason="; ".join(reason.text for reason in suspect.reasons[:_MOST_REASONS]),
                picture=pictures.get(self.index_of(suspect.position)),
            )
            for suspect in suspects
        ]
        marked = frozenset(suspect.position for suspect in suspects)
        self.map = heat_map(figures.distances, figures.subjects, unit=_DISTANCE)
        self.lines = weight_lines(figures.spread, unit=figures.pictured.kind, marked=marked)
        if figures.pictured.result is not None:
            self.values = _values(figures.rows)
            self.d_plot = d_plot(self.values, bar=figures.pictured.published)
            self.dots = scan_dots(figures.own, figures.subjects, marked=marked)
        self._draw_mean(figures, scales, brain)

    def _draw_mean(self, figures: ReportReliability, scales: Sequence[ColourScale], brain: Brain | None) -> None:
        """Draw the group's mean connectome, in the colours of the scans' matrices."""
        matrix = matrix_of_weights(np.nan_to_num(figures.mean), kind=figures.pictured.kind)
        own = ColourScale(unit=matrix.unit, colours=matrix.colours, is_log=matrix.is_log, largest=matrix.largest)
        self.mean_scale = next((scale for scale in scales if scale.key == scale_key(matrix)), own)
        self.mean = DecodedFile(picture=self.mean_scale.draw(matrix), matrix=matrix)
        if brain is not None and figures.regions_known and brain.node_count == matrix.rows:
            self.mean_brain = brain.lines(matrix.strongest)

    def index_of(self, row: int) -> int:
        """The index in the run of a scan of the figures."""
        return self._figures.scans[row] if self._figures is not None else row

    def name_of(self, row: int) -> str:
        """The name of a scan of the figures."""
        return self._run.scans[self.index_of(row)]

    @property
    def lead(self) -> list[str]:
        """What the figures say, the result first."""
        if self._figures is None or not self.scans:
            return []
        row = self._figures.pictured
        if row.result is None:
            return [row.reason]
        return [_verdict(row), *self._of_preview, *_published(row)]

    @property
    def method(self) -> str:
        """How D is computed, and what it does not say."""
        return f"{_METHOD} {_LIMITS}" if self.values else ""

    @property
    def notes(self) -> list[str]:
        """What limits the figures, and what tells more."""
        return [*(self._figures.pictured.notes if self.values and self._figures is not None else ()), *self._notes]

    @property
    def map_note(self) -> str:
        """How the map is read."""
        if self.map is None:
            return ""
        cell = "A cell is two scans; darker is nearer."
        if self.map.is_by_subject:
            cell = "A cell is two subjects, the mean of their scans' distances; darker is nearer."
        own = " Outlined: the scans of one subject, which should be the darkest." if self.map.is_outlined else ""
        return cell + own

    @property
    def map_axis(self) -> str:
        """The title of the map's axes."""
        if self.map is not None and self.map.is_by_subject:
            return "subjects, in the same order"
        return "scans by subject and session, the same order"

    @property
    def dots_note(self) -> str:
        """How the plot of the scans' own values is read."""
        shapes = " A diamond is in the list of scans to look at." if self.listed else ""
        return f"A mark is a scan; the dashed line is the median.{shapes}"

    @property
    def lines_note(self) -> str:
        """How the plot of the weights is read."""
        if self.lines is None:
            return ""
        how = "A line is a scan."
        if self.lines.bands:
            how = "The line is the median of the scans; the bands hold the middle 50 and 90 % of them."
        marked = " Thick lines are in the list of scans to look at." if self.listed else ""
        return f"{how}{marked} {self.lines.empty_note}".strip()

    @property
    def weights_title(self) -> str:
        """The title of the axis of the weights."""
        if self._figures is None:
            return ""
        scale = ", logarithmic scale" if self._figures.spread.is_log else ""
        return f"weight of an edge: {self._figures.pictured.kind}{scale}"

    @property
    def mean_note(self) -> str:
        """What the mean is."""
        return (
            f"The mean of {counted(self.scans, 'scan')}: of each pair of regions over the scans that have both. "
            "Rows and columns are the regions in the atlas's order."
        )

    @property
    def listed_note(self) -> str:
        """What the list is, and what it is not."""
        if self._figures is None:
            return ""
        rest = len(self._figures.to_look_at.suspects) - len(self.listed)
        more = f" {counted(rest, 'more scan')} stand{'s' if rest == 1 else ''} out." if rest else ""
        return f"{NO_VERDICT} {self._figures.to_look_at.how_well}{more} A picture opens the scan's pictures."

    @property
    def _of_preview(self) -> list[str]:
        """What D means of outputs of the preview."""
        scans = self._figures.scans if self._figures is not None else ()
        previewed = sum(self._run.is_previewed(index) for index in scans)
        if not previewed:
            return []
        if previewed == len(scans):
            return [_OF_PREVIEW]
        return [f"{counted(previewed, 'scan')} of {len(scans):,} are the preview's: D says nothing about them."]


def _verdict(row: Reliability) -> str:
    result, interval = row.result, row.interval
    if result is None:
        return row.reason
    text = f" ({100 * interval.level:.0f} % interval {interval.low:.3f} to {interval.high:.3f})" if interval else ""
    return (
        f"Discriminability is {result.value:.3f}{text} for {row.parcellation}: {counted(result.scans, 'scan')} of "
        f"{counted(result.subjects, 'subject')}."
    )


def _published(row: Reliability) -> list[str]:
    """How the value compares with the one that m2g publishes."""
    if row.is_preview:
        return []
    if row.published is None:
        return ["m2g publishes no value for this dataset with these settings."]
    sentence = f"m2g publishes {row.published:.3f} for this dataset and these settings ({SOURCE})"
    if row.interval is None:
        return [f"{sentence}."]
    if row.interval.low <= row.published <= row.interval.high:
        return [f"{sentence}: within this interval."]
    return [f"{sentence}: {'below' if row.published < row.interval.low else 'above'} this interval."]


def _values(rows: Sequence[Reliability]) -> list[DValue]:
    """The values of the plot; the kind stands where a parcellation has several."""
    names = [row.parcellation for row in rows]
    return [
        DValue(
            name=row.parcellation if names.count(row.parcellation) == 1 else f"{row.parcellation}, {row.kind}",
            value=row.result.value,
            low=row.interval.low if row.interval is not None else float("nan"),
            high=row.interval.high if row.interval is not None else float("nan"),
            subjects=row.result.subjects,
            scans=row.result.scans,
        )
        for row in rows
        if row.result is not None
    ]

"""The section "Can you trust them": its sentences and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from opsctl.commands.results.report_reliability import ParcellationValue, ReportReliability
from opsctl.core.atlases.atlas import name_of
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
    "Discriminability D is the share of comparisons in which two scans of one subject are nearer to each other than to "
    "a scan of another subject; ties count half. The distance is the Frobenius norm of the difference of two "
    "connectomes, with each edge's weight replaced by its rank; the interval is a jackknife over subjects."
)
_LIMITS = (
    "D measures whether a scan can be repeated, not whether it is right. Of one scanner, or of sessions on one day, it "
    "is higher than it would be across sites and months."
)
_NO_WIDTH = "An interval without width does not mean that D of all people would be the same."
_NO_INTERVAL = "With fewer than three subjects there is no interval."
_OF_PREVIEW = (
    "These connectomes are the preview's. Here D only shows that every step from scans to this figure works; it says "
    "nothing about the scans."
)
_NEEDED = "Discriminability needs at least two subjects with two scans each (sessions or runs)"
_LISTED = (
    "The scans that differ most from the others, with the reason. It is a list to look at and not a verdict: a scan "
    "may be unusual and sound, and a bad one need not be in it. The picture opens the scan's pictures."
)
_MOST_LISTED = 12
#: Of which the distances, the mean and the spread say something.
_LEAST_SCANS = 2


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A scan to look at; `picture` is its matrix, None where the page shows none."""

    index: int
    name: str
    reason: str
    picture: Picture | None


class TrustSection:
    """Everything that the section's template uses.

    Parameters
    ----------
    options
        The options of `opsctl reliability` that select the run or the dataset.
    previewed
        How many of its scans are the preview's.
    pictures
        The scans' matrices, by the scan's index.
    scales
        The colour scales of the page's matrices.
    brain
        None where the places of the regions are not known.
    """

    def __init__(
        self,
        figures: ReportReliability,
        *,
        options: str,
        previewed: int,
        pictures: Mapping[int, Picture],
        scales: Sequence[ColourScale],
        brain: Brain | None,
    ) -> None:
        self._figures, self._options, self._previewed = figures, options, previewed
        self.scans = len(figures.scans)
        self.level = f"{100 * figures.level:.0f} %"
        self.values = [_value(value, among=figures.values) for value in figures.values]
        self.bar = figures.bar.value if figures.bar is not None else None
        marked = frozenset(listed.row for listed in figures.listed[:_MOST_LISTED])
        subjects = [scan.subject for scan in figures.scans]
        self.d_plot: DPlot | None = d_plot(self.values, bar=self.bar) if self.values else None
        self.map: HeatMap | None = (
            heat_map(figures.distances, subjects, unit=_DISTANCE) if self.scans > _LEAST_SCANS else None
        )
        self.dots: ScanDots | None = scan_dots(figures.own, subjects, marked=marked) if self.values else None
        self.lines: WeightLines | None = None
        if self.scans >= _LEAST_SCANS:
            self.lines = weight_lines(figures.spread, unit=self._unit, marked=marked)
        self.mean, self.mean_scale = _mean(figures, scales)
        self.mean_brain: Sequence[EdgeLines] = ()
        matrix = self.mean.matrix if self.mean is not None else None
        if brain is not None and matrix is not None and figures.regions_known and brain.node_count == matrix.rows:
            self.mean_brain = brain.lines(matrix.strongest)
        self.suspects = [
            Suspect(
                index=figures.scans[listed.row].index,
                name=figures.scans[listed.row].name,
                reason=listed.reason,
                picture=pictures.get(figures.scans[listed.row].index),
            )
            for listed in figures.listed[:_MOST_LISTED]
        ]
        self._has_marks = bool(marked)

    def index_of(self, row: int) -> int:
        """The index in the run of a scan of the figures."""
        return self._figures.scans[row].index

    def name_of(self, row: int) -> str:
        """The name of a scan of the figures."""
        return self._figures.scans[row].name

    @property
    def lead(self) -> list[str]:
        """What the figures say, the result first."""
        if not self.scans:
            return []
        sentences = [self._verdict, self._published] if self.values else [self._too_few]
        if self.values and self._previewed:
            sentences.insert(1, _OF_PREVIEW if self._previewed == self.scans else self._partly_preview)
        return [sentence for sentence in sentences if sentence]

    @property
    def method(self) -> str:
        """How D is computed, and what it does not say."""
        if not self.values:
            return ""
        value = self.values[0]
        no_width = f" {_NO_WIDTH}" if value.has_interval and value.low == value.high else ""
        no_interval = "" if value.has_interval else f" {_NO_INTERVAL}"
        return f"{_METHOD}{no_width}{no_interval} {_LIMITS}"

    @property
    def notes(self) -> list[str]:
        """What the figures do not include, and what tells more."""
        figures = self._figures
        # Of a single scan nothing is shown that a doubt could be about.
        notes = list(figures.left_out) if self.scans != 1 else []
        others = figures.parcellations - len({value.atlas for value in figures.values})
        if self.values and others:
            notes.append(
                f"D of the other {counted(others, 'parcellation')}: `opsctl reliability {self._options}`, or in this "
                f"page with `opsctl report {self._options} --reliability all`."
            )
        return notes

    @property
    def map_note(self) -> str:
        """How the map is read."""
        if self.map is None:
            return ""
        cell = "A cell is two subjects: the mean of their scans' distances." if self.map.is_by_subject else ""
        own = "Outlined: the scans of one subject, which should be the darkest." if self.map.is_outlined else ""
        return " ".join(text for text in (cell or "A cell is two scans; darker is nearer.", own) if text)

    @property
    def map_axis(self) -> str:
        """The title of the map's axes."""
        return "subjects, in the same order" if self._is_by_subject else "scans by subject and session, the same order"

    @property
    def dots_note(self) -> str:
        """How the plot of the scans' own values is read."""
        if self.dots is None:
            return ""
        shapes = " A diamond is in the list of scans to look at." if self._has_marks else ""
        none = f" {counted(self.dots.left_out, 'scan')} without a second one of the subject have none."
        return f"A mark is a scan; the dashed line is the median.{shapes}{none if self.dots.left_out else ''}"

    @property
    def lines_note(self) -> str:
        """How the plot of the weights is read."""
        if self.lines is None:
            return ""
        how = "A line is a scan."
        if self.lines.bands:
            how = "The line is the median of the scans; the bands hold the middle 50 and 90 % of them."
        marked = " Thick lines are in the list of scans to look at." if self._has_marks and self.lines.lines else ""
        return f"{how}{marked} {self.lines.empty_note}".strip()

    @property
    def weights_title(self) -> str:
        """The title of the axis of the weights."""
        scale = ", logarithmic scale" if self._figures.spread.is_log else ""
        return f"weight of an edge: {self._unit}{scale}"

    @property
    def mean_note(self) -> str:
        """What the mean is."""
        return (
            f"The mean of {counted(self.scans, 'scan')}: of each pair of regions over the scans that have both. "
            "Rows and columns are the regions in the atlas's order."
        )

    @property
    def suspects_note(self) -> str:
        """What the list is, and what it is not."""
        return _LISTED

    @property
    def _is_by_subject(self) -> bool:
        return self.map is not None and self.map.is_by_subject

    @property
    def _unit(self) -> str:
        return {"streamlines": "streamlines", None: "no unit known"}.get(self._figures.kind, str(self._figures.kind))

    @property
    def _verdict(self) -> str:
        value = self.values[0]
        interval = f" ({self.level} interval {value.low:.3f} to {value.high:.3f})" if value.has_interval else ""
        return (
            f"Discriminability is {value.value:.3f}{interval} for {name_of(self._figures.atlas)}: "
            f"{counted(value.scans, 'scan')} of {counted(value.subjects, 'subject')}."
        )

    @property
    def _published(self) -> str:
        bar = self._figures.bar
        if bar is None:
            return "" if self._previewed else "m2g publishes no value for this dataset with these settings."
        published = f"m2g publishes {bar.value:.3f} for {bar.setting}"
        if self._previewed or not self.values[0].has_interval:
            return f"{published}."
        low, high = self.values[0].low, self.values[0].high
        if low <= bar.value <= high:
            return f"{published}, which is within this interval."
        return f"{published}; this interval lies {'below' if high < bar.value else 'above'} it."

    @property
    def _partly_preview(self) -> str:
        return f"{counted(self._previewed, 'scan')} of {self.scans:,} are the preview's: D means nothing for them."

    @property
    def _too_few(self) -> str:
        subjects, repeated = len({scan.subject for scan in self._figures.scans}), self._figures.repeated
        return (
            f"{_NEEDED}. The figures have {counted(self.scans, 'scan')} of {counted(subjects, 'subject')}, "
            f"{repeated or 'none'} of them with two or more."
        )


def _mean(figures: ReportReliability, scales: Sequence[ColourScale]) -> tuple[DecodedFile | None, ColourScale | None]:
    """The group's mean connectome, drawn in the colours of the scans' matrices."""
    if len(figures.scans) < _LEAST_SCANS:
        return None, None
    matrix = matrix_of_weights(np.nan_to_num(figures.mean), kind=figures.kind)
    own = ColourScale(unit=matrix.unit, colours=matrix.colours, is_log=matrix.is_log, largest=matrix.largest)
    scale = next((scale for scale in scales if scale.key == scale_key(matrix)), own)
    return DecodedFile(picture=scale.draw(matrix), matrix=matrix), scale


def _value(value: ParcellationValue, *, among: Sequence[ParcellationValue]) -> DValue:
    name = name_of(value.atlas)
    if sum(name_of(other.atlas) == name for other in among) > 1:
        name = f"{name}, {value.kind}"
    return DValue(
        name=name, value=value.value, low=value.low, high=value.high, subjects=value.subjects, scans=value.scans
    )

"""What a report shows of the question whether the connectomes can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opsctl.commands.reliability.graph_stacks import StackFiles
from opsctl.core.counted import counted_verb
from opsctl.core.reliability.discriminability import discriminability
from opsctl.core.reliability.distances import distances
from opsctl.core.reliability.graph_stack import GraphStack, LeftOut
from opsctl.core.reliability.group_mean import group_mean
from opsctl.core.reliability.interval import jackknife_interval
from opsctl.core.reliability.weight_spread import WeightSpread, weight_spread
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import GraphKind

_STREAMLINES: GraphKind = "streamlines"
_LEVEL = 0.95
#: So many weights are looked at at once: 32 MB.
_BLOCK = 8_000_000
#: So many reasons why scans are not compared are told.
_MOST_REASONS = 5


@dataclass(frozen=True, kw_only=True)
class MeasuredScan:
    """A scan of the section; `index` is its index in the run."""

    index: int
    name: str
    subject: str


@dataclass(frozen=True, kw_only=True)
class ParcellationValue:
    """The discriminability of one parcellation.

    Attributes
    ----------
    low, high
        Its interval; NaN where there is none.
    subjects, scans
        What it rests on.
    """

    atlas: str
    kind: GraphKind
    model: str
    value: float
    low: float
    high: float
    subjects: int
    scans: int


@dataclass(frozen=True, kw_only=True)
class PublishedBar:
    """m2g's published discriminability for a dataset; `setting` names the dataset and the options."""

    value: float
    setting: str


@dataclass(frozen=True, kw_only=True)
class ListedScan:
    """A scan of the list of scans to look at; `row` is its row among the scans."""

    row: int
    reason: str


@dataclass(frozen=True, kw_only=True, eq=False)
class ReportReliability:
    """The section's figures of the pictured parcellation.

    Attributes
    ----------
    scans
        In the order of the rows of the arrays: by subject and session.
    distances
        Scans x scans.
    own
        Each scan's own discriminability; NaN where its subject has no other scan.
    values
        The discriminability by parcellation, the pictured one first; empty with too few sessions.
    level
        Of the intervals, such as 0.95.
    bar
        None where m2g has published none for this dataset and these settings.
    mean
        The group's mean matrix; NaN where no scan has the pair.
    regions_known
        Whether the rows of the matrix are the atlas's regions in order.
    listed
        The scans to look at, the first first.
    parcellations
        The number of parcellations that the scans have.
    left_out
        Sentences about the scans that the figures do not include.
    """

    atlas: str
    kind: GraphKind | None
    scans: tuple[MeasuredScan, ...]
    distances: NDArray[np.float64]
    own: NDArray[np.float64]
    values: tuple[ParcellationValue, ...]
    level: float
    bar: PublishedBar | None
    spread: WeightSpread
    mean: NDArray[np.float64]
    regions_known: bool
    listed: tuple[ListedScan, ...] = ()
    parcellations: int
    left_out: tuple[str, ...] = ()

    @property
    def repeated(self) -> int:
        """The number of subjects with two or more of these scans."""
        subjects = [scan.subject for scan in self.scans]
        return sum(subjects.count(subject) > 1 for subject in dict.fromkeys(subjects))


def value_of(stack: GraphStack) -> ParcellationValue | None:
    """The discriminability of a parcellation; None with fewer than two subjects that have two scans each."""
    return _value(stack, distances(stack))


def compare(
    stack: GraphStack, run: Run, *, others: Iterable[ParcellationValue] = (), **facts: Any
) -> ReportReliability:
    """Compare the connectomes of the pictured parcellation.

    Parameters
    ----------
    others
        The discriminability of other parcellations.
    facts
        Further fields of `ReportReliability`.
    """
    index_of = {name: index for index, name in enumerate(run.scans)}
    apart = distances(stack)
    value = _value(stack, apart)
    values = (value, *others) if value is not None else ()
    return ReportReliability(
        atlas=stack.atlas,
        kind=stack.kind,
        scans=tuple(
            MeasuredScan(index=index_of[scan.name], name=scan.name, subject=scan.subject) for scan in stack.scans
        ),
        distances=apart,
        own=discriminability(apart, stack.subjects).per_scan,
        values=values,
        level=_LEVEL,
        spread=weight_spread(_blocks(stack), is_log=stack.kind == _STREAMLINES),
        mean=group_mean(_blocks(stack), len(stack.labels)),
        regions_known=stack.centres is not None,
        **facts,
    )


def nothing_compared(stack: StackFiles, reason: str, *, parcellations: int) -> ReportReliability:
    """The section where nothing is compared; `reason` is a sentence."""
    return ReportReliability(
        atlas=stack.atlas,
        kind=stack.kind,
        scans=(),
        distances=np.zeros((0, 0)),
        own=np.zeros(0),
        values=(),
        level=_LEVEL,
        bar=None,
        spread=weight_spread((), is_log=stack.kind == _STREAMLINES),
        mean=np.zeros((0, 0)),
        regions_known=False,
        parcellations=parcellations,
        left_out=(reason,),
    )


def _value(stack: GraphStack, apart: NDArray[np.float64]) -> ParcellationValue | None:
    measured = discriminability(apart, stack.subjects)
    if np.isnan(measured.value):
        return None
    interval = jackknife_interval(apart, stack.subjects, _LEVEL)
    return ParcellationValue(
        atlas=stack.atlas,
        kind=stack.kind,
        model=stack.model,
        value=measured.value,
        low=interval.low if interval is not None else float("nan"),
        high=interval.high if interval is not None else float("nan"),
        subjects=measured.subjects,
        scans=measured.scans,
    )


def _blocks(stack: GraphStack) -> Iterator[NDArray[np.float32]]:
    rows = max(1, _BLOCK // max(1, stack.pairs))
    for start in range(0, len(stack.scans), rows):
        yield stack.edges(start, min(start + rows, len(stack.scans)))


def not_compared(stack: GraphStack) -> list[str]:
    """Sentences about the scans that are not compared, and about those of which something is not known."""
    return [
        *_sentences(stack.left_out, "not compared"),
        *_sentences(stack.unplaced, "compared, though not all is known of their lost regions"),
    ]


def _sentences(scans: Iterable[LeftOut], what: str) -> Iterator[str]:
    reasons = Counter(scan.reason for scan in scans)
    for reason, count in reasons.most_common(_MOST_REASONS):
        yield f"{counted_verb(count, 'scan')} {what}. {reason}"
    rest = sum(reasons.values()) - sum(count for _, count in reasons.most_common(_MOST_REASONS))
    if rest:
        yield f"{counted_verb(rest, 'more scan')} {what}, for other reasons."

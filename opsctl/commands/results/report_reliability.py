"""What a report shows of the question whether the connectomes can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opsctl.commands.reliability.reliability import Reliability, assess
from opsctl.commands.reliability.stack_room import ranks_room
from opsctl.core.counted import counted
from opsctl.core.reliability.distances import distances
from opsctl.core.reliability.graph_stack import GraphStack, LeftOut
from opsctl.core.reliability.group_mean import group_mean
from opsctl.core.reliability.published import published_value
from opsctl.core.reliability.suspects import ScansToLookAt, scans_to_look_at
from opsctl.core.reliability.weight_spread import WeightSpread, weight_spread
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.output_kinds import GraphKind

_STREAMLINES: GraphKind = "streamlines"
#: So many weights are looked at at once: 32 MB.
_BLOCK = 8_000_000
#: So many reasons why scans are not compared are told.
_MOST_REASONS = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class ReportReliability:
    """The section's figures of the pictured parcellation.

    Attributes
    ----------
    rows
        The reliability by parcellation, the pictured one first.
    scans
        The indices in the run of the scans that are compared, in the order of the rows of the arrays: by subject and
        session.
    subjects
        Of each scan.
    distances
        Scans x scans.
    spread
        Of the edges' weights.
    mean
        The group's mean matrix; NaN where no scan has the pair.
    regions_known
        Whether the rows of the matrix are the atlas's regions in order.
    to_look_at
        The scans to look at.
    """

    rows: tuple[Reliability, ...]
    scans: tuple[int, ...]
    subjects: tuple[str, ...]
    distances: NDArray[np.float64]
    spread: WeightSpread
    mean: NDArray[np.float64]
    regions_known: bool
    to_look_at: ScansToLookAt

    @property
    def pictured(self) -> Reliability:
        """The reliability of the pictured parcellation."""
        return self.rows[0]

    @property
    def own(self) -> NDArray[np.float64]:
        """Each scan's own discriminability; NaN where there is none."""
        result = self.pictured.result
        return result.per_scan if result is not None else np.full(len(self.scans), np.nan)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The section of a report.

    Attributes
    ----------
    figures
        None where the scans are not compared, for which `notes` say why.
    notes
        Sentences about what is not compared.
    """

    figures: ReportReliability | None
    notes: tuple[str, ...]


def reliability_of(stack: GraphStack, apart: NDArray[np.float64], run: Run) -> Reliability:
    """The discriminability of a stack with its interval, as `reliability` computes it, without a test.

    Parameters
    ----------
    apart
        The distances of its scans.
    """
    dataset = run.dataset.rstrip("/").rpartition("/")[2]
    published = published_value(dataset, run.m2g)
    return assess(stack, apart, transform="ranks", permutations=0, seed=0, published=published)


def figures_of(stack: GraphStack, run: Run, *, others: Sequence[Reliability] = ()) -> ReportReliability:
    """Compare the connectomes of the pictured parcellation.

    Parameters
    ----------
    others
        The reliability of other parcellations.
    """
    index_of = {name: index for index, name in enumerate(run.scans)}
    apart = distances(stack, ranks=ranks_room(stack, "ranks"))
    row = reliability_of(stack, apart, run)
    return ReportReliability(
        rows=(row, *others),
        scans=tuple(index_of[scan.name] for scan in stack.scans),
        subjects=stack.subjects,
        distances=apart,
        spread=weight_spread(_blocks(stack), is_log=stack.kind == _STREAMLINES),
        mean=group_mean(_blocks(stack), len(stack.labels)),
        regions_known=stack.centres is not None,
        to_look_at=scans_to_look_at(stack, apart, row.result),
    )


def left_out_notes(scans: Sequence[LeftOut]) -> Iterator[str]:
    """Why scans are not compared: a sentence for each reason."""
    reasons = Counter(scan.reason for scan in scans).most_common()
    for reason, count in reasons[:_MOST_REASONS]:
        yield f"Not compared, {counted(count, 'scan')}: {reason}"
    rest = sum(count for _, count in reasons[_MOST_REASONS:])
    if rest:
        yield f"Not compared, {counted(rest, 'more scan')}: other reasons."


def _blocks(stack: GraphStack) -> Iterator[NDArray[np.float32]]:
    rows = max(1, _BLOCK // max(1, stack.pairs))
    for start in range(0, len(stack.scans), rows):
        yield stack.edges(start, min(start + rows, len(stack.scans)))

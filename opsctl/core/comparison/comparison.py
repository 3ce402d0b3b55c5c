"""The comparison of two settings over the scans that both have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opsctl.core.comparison.edge_agreement import EdgeAgreement, edge_agreement
from opsctl.core.comparison.paired_difference import (
    PairedDifference,
    SubjectShares,
    paired_difference,
    subject_shares,
)
from opsctl.core.comparison.side import Side
from opsctl.core.reliability.distances import Transform, distances
from opsctl.core.reliability.graph_stack import GraphStack
from opsctl.core.runs.output_kinds import GraphKind


@dataclass(frozen=True, kw_only=True)
class ParcellationComparison:
    """Two stacks over the scans that both have.

    Attributes
    ----------
    atlases
        The folders of both, without `.nii.gz`.
    parcellations
        The atlases' names; they differ where each side has a parcellation of its own.
    scans
        How many scans both have.
    difference
        None where fewer than two of these subjects have two scans.
    agreement
        None where the regions are not the same.
    lost
        The mean number of regions that a scan lost, of each; None where not known.
    """

    atlases: tuple[str, str]
    parcellations: tuple[str, str]
    kind: GraphKind
    scans: int
    difference: PairedDifference | None
    agreement: EdgeAgreement | None
    lost: tuple[float | None, float | None]
    shares: tuple[SubjectShares, SubjectShares] | None = None

    @property
    def name(self) -> str:
        """The parcellation, or both."""
        first, second = self.parcellations
        return first if first == second else f"{first} / {second}"

    def as_json(self) -> dict[str, Any]:
        """The fields of `compare --json`."""
        return {
            "parcellation_a": self.parcellations[0],
            "parcellation_b": self.parcellations[1],
            "kind": self.kind,
            "scans": self.scans,
            "reliability": self.difference.as_json() if self.difference else None,
            "edges": self.agreement.as_json() if self.agreement else None,
            "lost_a": self.lost[0],
            "lost_b": self.lost[1],
        }


def compare_stacks(
    first: GraphStack, second: GraphStack, sides: tuple[Side, Side], *, transform: Transform, level: float = 0.95
) -> ParcellationComparison:
    """Compare two stacks of one kind over the scans that both have."""
    names = sorted({scan.name for scan in first.scans} & {scan.name for scan in second.scans})
    stacks = (_only(first, names), _only(second, names))
    shares = tuple(subject_shares(distances(stack, transform), stack.subjects) for stack in stacks) if names else ()
    pair = _pair(shares)
    is_same = first.parcellation == second.parcellation
    return ParcellationComparison(
        atlases=(first.atlas, second.atlas),
        parcellations=(first.parcellation, second.parcellation),
        kind=first.kind,
        scans=len(names),
        difference=paired_difference([pair], level=level) if pair else None,
        agreement=edge_agreement(*stacks) if is_same and names else None,
        lost=(_lost(sides[0], first, names), _lost(sides[1], second, names)),
        shares=pair,
    )


def together(rows: Sequence[ParcellationComparison], *, level: float = 0.95) -> PairedDifference | None:
    """The mean difference over several parcellations: one answer instead of one for each, which chance would favour."""
    return paired_difference([row.shares for row in rows if row.shares is not None], level=level)


def _pair(shares: Sequence[SubjectShares | None]) -> tuple[SubjectShares, SubjectShares] | None:
    known = [share for share in shares if share is not None]
    return (known[0], known[1]) if len(known) == 2 else None


def _only(stack: GraphStack, names: Sequence[str]) -> GraphStack:
    """The scans of these names, in their order."""
    if [scan.name for scan in stack.scans] == list(names):
        return stack
    place_of = {scan.name: place for place, scan in enumerate(stack.scans)}
    places = [place_of[name] for name in names]
    weights: NDArray[np.float32] = stack.weights[places]
    return replace(stack, scans=tuple(stack.scans[place] for place in places), weights=weights)


def _lost(side: Side, stack: GraphStack, names: Sequence[str]) -> float | None:
    lost = [
        side.scans[name].lost[stack.atlas, stack.kind]
        for name in names
        if name in side.scans and (stack.atlas, stack.kind) in side.scans[name].lost
    ]
    return fmean(lost) if lost else None

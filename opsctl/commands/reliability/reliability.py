"""`reliability`: do the connectomes of repeated measurements agree?"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opsctl.core.counted import counted
from opsctl.core.reliability.discriminability import Discriminability, discriminability
from opsctl.core.reliability.distances import Transform
from opsctl.core.reliability.graph_stack import GraphStack, LeftOut, StackedScan
from opsctl.core.reliability.interval import LEAST_SUBJECTS, Interval, jackknife_interval
from opsctl.core.reliability.permutation import PermutationTest, permutation_test
from opsctl.core.runs.output_kinds import GraphKind

#: The usual limit of p.
_LOW_P = 0.05
#: Subjects with at least two sessions that D needs.
LEAST_REPEATED = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Reliability:
    """The reliability of the connectomes of one parcellation, kind and model.

    Attributes
    ----------
    atlas, parcellation
        The atlas's folder, and its name.
    regions
        Number of rows of the matrices.
    lost_regions
        How many scans lost a region, so that a part of their pairs is not compared.
    scans, subjects
        All that have such a connectome.
    sessions_repeated
        How many subjects have at least two sessions.
    same_session
        How many scans share their session with another scan of the subject.
    result
        D; None where it cannot be computed, for which `reason` says why.
    published
        m2g's published D for this dataset and these settings; None where there is none.
    """

    atlas: str
    parcellation: str
    kind: GraphKind
    model: str
    transform: Transform
    regions: int
    lost_regions: int
    scans: int
    subjects: int
    sessions_repeated: int
    same_session: int
    result: Discriminability | None
    reason: str
    interval: Interval | None
    test: PermutationTest | None
    seed: int
    published: float | None
    left_out: tuple[LeftOut, ...]
    unplaced: tuple[LeftOut, ...]
    is_preview: bool
    scan_names: tuple[str, ...]

    @property
    def lowest_p(self) -> float:
        """The lowest p that the scans allow, by the number of ways to deal out the labels."""
        sizes = Counter(Counter(name.split("/")[0] for name in self.scan_names).values())
        scans = sum(size * count for size, count in sizes.items() if size > 1)
        ways = math.lgamma(scans + 1) - sum(
            count * math.lgamma(size + 1) + math.lgamma(count + 1) for size, count in sizes.items() if size > 1
        )
        return math.exp(-ways)

    @property
    def notes(self) -> list[str]:
        """What limits the figure: sentences."""
        notes = []
        if self.result is not None and self.interval is None:
            few = self.result.subjects < LEAST_SUBJECTS
            notes.append(
                f"An interval needs {LEAST_SUBJECTS} subjects with two scans each."
                if few
                else f"There is no interval: D is {self.result.value:.3g} without any of the subjects too, which says"
                " nothing of others."
            )
        if self.test is not None and self.lowest_p > _LOW_P:
            notes.append(f"With so few scans p cannot be lower than {self.lowest_p:.2g}.")
        if self.result is not None and self.result.scans < self.scans:
            number = self.scans - self.result.scans
            notes.append(f"{counted(number, 'scan')} of subjects with one scan {_counts(number)} nowhere.")
        if self.same_session:
            notes.append(
                f"{counted(self.same_session, 'scan')} {'is' if self.same_session == 1 else 'are'} of a session with"
                " another scan. They count as repeated measurements, and raise D."
            )
        if self.lost_regions:
            notes.append(
                f"In {counted(self.lost_regions, 'scan')} regions are lost: pairs with a lost region are not compared."
            )
        if self.unplaced:
            number = len(self.unplaced)
            notes.append(
                f"In {counted(number, 'scan')} it is not known which regions are lost: they count as regions without"
                " a streamline."
            )
        if self.left_out:
            number = len(self.left_out)
            notes.append(f"{counted(number, 'connectome')} {'is' if number == 1 else 'are'} left out.")
        return notes


def assess(
    stack: GraphStack,
    distances: NDArray[np.float64],
    *,
    transform: Transform,
    permutations: int,
    seed: int,
    published: float | None = None,
) -> Reliability:
    """Compute D of a stack with its interval and test.

    Parameters
    ----------
    distances
        Of the stack, after this transform; see `opsctl.core.reliability.distances`.
    permutations
        0: no test.
    """
    sessions = _sessions(stack.scans)
    repeated = sum(len(of_subject) > 1 for of_subject in sessions.values())
    subjects, result, interval, test, reason = stack.subjects, None, None, None, ""
    if repeated < LEAST_REPEATED:
        reason = _not_repeated(len(sessions), repeated)
    else:
        result = discriminability(distances, subjects)
        interval = jackknife_interval(distances, subjects)
        test = permutation_test(distances, subjects, permutations=permutations, seed=seed)
    return Reliability(
        atlas=stack.atlas,
        parcellation=stack.parcellation,
        kind=stack.kind,
        model=stack.model,
        transform=transform,
        regions=len(stack.labels),
        lost_regions=sum(bool(np.isnan(stack.edges(index, index + 1)).any()) for index in range(len(stack.scans))),
        scans=len(stack.scans),
        subjects=len(sessions),
        sessions_repeated=repeated,
        same_session=sum(count for of_subject in sessions.values() for count in of_subject.values() if count > 1),
        result=result,
        reason=reason,
        interval=interval,
        test=test,
        seed=seed,
        published=published if stack.kind == "streamlines" and not stack.is_preview else None,
        left_out=stack.left_out,
        unplaced=stack.unplaced,
        is_preview=stack.is_preview,
        scan_names=tuple(scan.name for scan in stack.scans),
    )


def _sessions(scans: tuple[StackedScan, ...]) -> dict[str, dict[str, int]]:
    """The number of scans by subject and session."""
    sessions: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for scan in scans:
        sessions[scan.subject][scan.session] += 1
    return {subject: dict(of_subject) for subject, of_subject in sessions.items()}


def _not_repeated(subjects: int, repeated: int) -> str:
    have = f"{repeated:,} of {counted(subjects, 'subject')} {'has' if repeated == 1 else 'have'}"
    return f"Reliability needs at least two subjects with two sessions each, and {have} two sessions."


def _counts(number: int) -> str:
    return "counts" if number == 1 else "count"

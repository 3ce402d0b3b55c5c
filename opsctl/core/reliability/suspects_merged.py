"""The scans to look at over all parcellations: a scan that stands out in most of them comes first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.core.atlases.atlas import name_of
from opsctl.core.reliability.suspects import ScansToLookAt, Suspect


@dataclass(frozen=True, kw_only=True)
class MergedSuspect:
    """A scan to look at.

    Attributes
    ----------
    suspect
        As it stands in the parcellation where it stands out most.
    parcellation
        That parcellation.
    count, of_lists
        In how many lists the scan stands, and how many there are.
    """

    suspect: Suspect
    parcellation: str
    count: int
    of_lists: int


def merged(lists: Sequence[ScansToLookAt]) -> tuple[MergedSuspect, ...]:
    """Merge the lists of several parcellations, kinds and models.

    What is certain (a blank matrix, a duplicate) is first, then a pair whose labels look exchanged; then the scans that
    stand in most lists.
    """
    by_scan: dict[str, list[tuple[Suspect, str]]] = defaultdict(list)
    for scans in lists:
        for suspect in scans.suspects:
            by_scan[suspect.name].append((suspect, name_of(scans.atlas)))
    entries = []
    for in_lists in by_scan.values():
        suspect, parcellation = min(in_lists, key=lambda item: item[0].order)
        entries.append(
            MergedSuspect(suspect=suspect, parcellation=parcellation, count=len(in_lists), of_lists=len(lists))
        )
    return tuple(sorted(entries, key=_order))


def _order(entry: MergedSuspect) -> tuple[int, int, float, str]:
    rank, deviation, name = entry.suspect.order
    return rank, -entry.count, deviation, name

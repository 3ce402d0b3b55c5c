"""What a report shows of the question whether the connectomes can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opsctl.core.reliability.weight_spread import WeightSpread
from opsctl.core.runs.result import GraphKind


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
    total
        The number of scans that are done.
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
    total: int
    parcellations: int
    left_out: tuple[str, ...] = ()

    @property
    def repeated(self) -> int:
        """The number of subjects with two or more of these scans."""
        subjects = [scan.subject for scan in self.scans]
        return sum(subjects.count(subject) > 1 for subject in dict.fromkeys(subjects))

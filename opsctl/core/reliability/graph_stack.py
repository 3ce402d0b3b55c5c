"""The connectomes of one parcellation, kind and model as one array: scan by pair of regions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opsctl.core.atlases.atlas import name_of
from opsctl.core.runs.output_kinds import GraphKind


@dataclass(frozen=True, slots=True)
class StackedScan:
    """A scan of a stack.

    Attributes
    ----------
    name
        Such as `sub-0025427/ses-1`.
    subject, session
        The BIDS labels with their prefixes, such as `sub-0025427` and `ses-1`; the session is empty where the dataset
        has none.
    """

    name: str
    subject: str
    session: str

    @classmethod
    def of(cls, name: str) -> StackedScan:
        """The scan of a name."""
        parts = name.split("/")
        return cls(name, parts[0], next((part for part in parts if part.startswith("ses-")), ""))


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A scan that is not in a stack, or of which something is not known.

    Attributes
    ----------
    scan
        Its name.
    reason
        A plain sentence.
    """

    scan: str
    reason: str


@dataclass(frozen=True, kw_only=True, eq=False)
class GraphStack:
    """The connectomes of many scans, all with the same regions in the same order.

    Attributes
    ----------
    atlas
        The atlas's folder as m2g writes it, such as `Desikan_space-MNI152NLin6_res-2x2x2`.
    kind
        What the weights are.
    model
        The diffusion model, `csd` or `csa`; empty for a functional connectome, and where it is not known.
    scans
        In the order of their names.
    labels
        The atlas's label of each row, which is not m2g's number of the node; the numbers of the nodes where the labels
        are not known.
    regions
        The names of the rows; `n/a` where unknown.
    centres
        Regions x 3: the centre of each row in MNI space, in mm. None where they are not known.
    weights
        Scans x pairs: the upper triangle of each matrix row by row, without the diagonal. NaN where the scan lost one
        of the two regions; 0 where no streamline joins them. In memory, or a file that is mapped into memory.
    left_out
        The scans that have such a connectome and are not in the stack, and why.
    unplaced
        The scans in the stack that lost regions of which only the number is known: these regions have zeros, not NaN.
    is_preview
        Whether the preview made at least one of them.
    """

    atlas: str
    kind: GraphKind
    model: str
    scans: tuple[StackedScan, ...]
    labels: tuple[int, ...]
    regions: tuple[str, ...]
    centres: NDArray[np.float64] | None
    weights: NDArray[np.float32]
    left_out: tuple[LeftOut, ...] = ()
    unplaced: tuple[LeftOut, ...] = ()
    is_preview: bool = False

    def __post_init__(self) -> None:
        """Refuse an array of another shape."""
        expected = (len(self.scans), pair_count(len(self.labels)))
        if self.weights.shape != expected:
            raise ValueError(f"the weights have the shape {self.weights.shape}, not {expected}")

    @property
    def parcellation(self) -> str:
        """The atlas's name, such as `Desikan`."""
        return name_of(self.atlas)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subject of each scan."""
        return tuple(scan.subject for scan in self.scans)

    @property
    def pairs(self) -> int:
        """Number of pairs of different regions."""
        return pair_count(len(self.labels))

    def edges(self, start: int, stop: int) -> NDArray[np.float32]:
        """The weights of some scans, scans x pairs; see `weights`."""
        return self.weights[start:stop]

    def matrix(self, index: int) -> NDArray[np.float64]:
        """The symmetric matrix of a scan with a diagonal of zeros; rows and columns of lost regions are NaN."""
        count = len(self.labels)
        matrix = np.zeros((count, count))
        rows, columns = np.triu_indices(count, k=1)
        matrix[rows, columns] = matrix[columns, rows] = self.weights[index]
        lost = lost_rows(self.weights[index], count)
        matrix[lost, lost] = np.nan
        return matrix


def pair_count(regions: int) -> int:
    """Number of pairs of different regions."""
    return regions * (regions - 1) // 2


def pair_positions(first: NDArray[np.intp], second: NDArray[np.intp], regions: int) -> NDArray[np.intp]:
    """The places of pairs of rows in the upper triangle.

    Parameters
    ----------
    first, second
        Rows of the matrix from 0; the two of a pair differ.
    """
    low, high = np.minimum(first, second), np.maximum(first, second)
    positions: NDArray[np.intp] = low * regions - low * (low + 1) // 2 + high - low - 1
    return positions


def lost_rows(weights: NDArray[np.float32], regions: int) -> NDArray[np.bool_]:
    """Which regions of a scan have no weight that is a number: its lost ones.

    Parameters
    ----------
    weights
        The scan's row of `GraphStack.weights`.
    """
    is_lost = np.zeros(regions, dtype=bool)
    is_missing = np.isnan(weights)
    if is_missing.any():
        rows, columns = np.triu_indices(regions, k=1)
        known = np.bincount(rows[~is_missing], minlength=regions) + np.bincount(columns[~is_missing], minlength=regions)
        is_lost = known == 0
    return is_lost


def lose_rows(weights: NDArray[np.float32], rows: NDArray[np.intp], regions: int) -> None:
    """Set every pair of some rows of a scan to NaN, in place."""
    everyone = np.arange(regions)
    for row in rows:
        others = everyone[everyone != row]
        weights[pair_positions(np.full(len(others), row), others, regions)] = np.nan

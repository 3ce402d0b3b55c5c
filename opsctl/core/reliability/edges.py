"""The edges of one connectome's file, as arrays. A stack of 1,000 scans has 80 million of them."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.reliability.graph_stack import pair_count, pair_positions
from opsctl.core.results.connectome import listed_edges, parse_connectome

#: So few lines of three numbers may be a matrix as well as edges; see `opsctl.core.results.connectome`.
_MATRIX_OR_EDGES = 3


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of a connectome, without those from a node to itself.

    Attributes
    ----------
    first, second
        The numbers of the nodes, from 1.
    weights
        May be NaN: the correlation with a region without signal.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    weights: NDArray[np.float64]

    @property
    def highest_node(self) -> int:
        """0 where there is no edge."""
        return int(max(self.first.max(), self.second.max())) if len(self.first) else 0

    def isolated(self, regions: int) -> NDArray[np.intp]:
        """The rows, from 0, of the nodes without an edge."""
        has_edge = np.zeros(regions, dtype=bool)
        has_edge[self.first - 1] = has_edge[self.second - 1] = True
        return np.flatnonzero(~has_edge)

    def upper_triangle(self, regions: int) -> NDArray[np.float32]:
        """The weights of all pairs, row by row; 0 where there is no edge. Of an edge several times the last counts.

        Raises
        ------
        Problem
            If a node has a number that no region has.
        """
        if self.highest_node > regions:
            raise _unreadable(f"It names node {self.highest_node:,}, and the atlas has {regions:,} regions.")
        triangle = np.zeros(pair_count(regions), dtype=np.float32)
        triangle[pair_positions(self.first - 1, self.second - 1, regions)] = self.weights
        return triangle


def parse_edges(text: str) -> Edges:
    """Read a connectome's file: an edge list as m2g writes it, or a symmetric matrix.

    A file without a line is a graph without edges: m2g writes it where no streamline joins two regions.

    Raises
    ------
    Problem
        If it is neither, or a weight is infinite.
    """
    table = _plain_table(text)
    if table is None:
        table = _slow_table(text)
    first, second = table[:, 0], table[:, 1]
    if not ((first >= 1) & (second >= 1) & (first == np.floor(first)) & (second == np.floor(second))).all():
        raise _unreadable("A node of the connectome is no number from 1.")
    if np.isinf(table[:, 2]).any():
        raise _unreadable("A weight of the connectome is infinite.")
    is_pair = first != second
    return Edges(first[is_pair].astype(np.intp), second[is_pair].astype(np.intp), table[is_pair, 2])


def _plain_table(text: str) -> NDArray[np.float64] | None:
    """The three columns of an edge list; None where the text must be looked at line by line."""
    lines = text.count("\n") + (not text.endswith("\n") and bool(text.strip()))
    if not text.strip():
        return np.empty((0, 3))
    if lines <= _MATRIX_OR_EDGES or len(text[: text.find("\n")].split()) != _MATRIX_OR_EDGES:
        return None
    with warnings.catch_warnings():
        # NumPy only warns of a text that is no number.
        warnings.simplefilter("error", DeprecationWarning)
        try:
            numbers = np.fromstring(text, sep=" ")
        except (DeprecationWarning, ValueError):
            return None
    return numbers.reshape(-1, 3) if len(numbers) == 3 * lines else None


def _slow_table(text: str) -> NDArray[np.float64]:
    """The three columns of whatever else is a connectome."""
    edges = listed_edges(text)
    if edges is not None:
        return np.array([(*nodes, weight) for nodes, weight in edges.items()]).reshape(-1, 3)
    matrix = np.array(parse_connectome(text).matrix)
    if not np.array_equal(matrix, matrix.T, equal_nan=True):
        raise _unreadable("The matrix of the connectome is not symmetric.")
    rows, columns = np.triu_indices(len(matrix), k=1)
    return np.column_stack([rows + 1, columns + 1, matrix[rows, columns]])


def _unreadable(what: str) -> Problem:
    return Problem(what, code=ErrorCode.FILE_UNREADABLE)


def lost_labels(text: str) -> tuple[int, ...]:
    """The labels in `lost_roi.csv`, which m2g writes beside a diffusion connectome; label 0 is the background.

    Raises
    ------
    Problem
        If something else than labels is in it.
    """
    try:
        labels = {float(word) for word in text.replace(",", " ").split()}
    except ValueError as error:
        raise _unreadable(f"The list of lost regions holds something else than labels ({error}).") from error
    if not all(math.isfinite(label) and label == math.floor(label) for label in labels):
        raise _unreadable("The list of lost regions holds something else than labels.")
    return tuple(sorted(int(label) for label in labels if label))

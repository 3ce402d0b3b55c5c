"""Parse connectomes: the graphs that m2g writes, as a matrix or as an edge list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from opsctl.core.errors import ErrorCode, Problem

#: Limit for a matrix. With the 72,784 regions of m2g's largest parcellation it would take 40 GB and show nothing.
MOST_NODES = 4096

#: An edge list as m2g writes it. A longer one than `_MOST_PLAIN` is read line by line, which takes less memory.
_PLAIN_EDGES = re.compile(r"(?:[0-9]{1,15} [0-9]{1,15} [^\s#,]+\n)+")
_MOST_PLAIN = 1_000_000
#: So many lines of three numbers may be a matrix as well as edges.
MATRIX_OR_EDGES = 3

_Rows = list[tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class GraphSize:
    """The size of a connectome.

    Attributes
    ----------
    nodes
        Number of nodes with an edge to another node.
    edges
        Number of unordered pairs of different nodes whose weight is a number other than zero.
    """

    nodes: int
    edges: int


@dataclass(frozen=True)
class Connectome:
    """A connectome as a square matrix of weights.

    Attributes
    ----------
    matrix
        Row by row. From an edge list: symmetric, with the nodes in the order of their numbers.
    """

    matrix: tuple[tuple[float, ...], ...]

    @property
    def size(self) -> GraphSize:
        """Its nodes and edges."""
        columns = zip(*self.matrix, strict=True)
        pairs = [
            (node, other)
            for node, (row, column) in enumerate(zip(self.matrix, columns, strict=True))
            for other in range(node)
            if _connects(row[other]) or _connects(column[other])
        ]
        return _size(pairs)


def parse_connectome(text: str, *, nodes: int | None = None) -> Connectome:
    """Parse a connectome's file.

    Parameters
    ----------
    text
        A square matrix with commas or blanks between the numbers, or an edge list with `node node weight` per line.
    nodes
        How many nodes an edge list is of, numbered from 1: one without an edge then has its own empty row. None: only
        the nodes in the list have one.

    Raises
    ------
    Problem
        If it is neither, has no node, or has more than `MOST_NODES` nodes.
    """
    plain = _plain_edges(text)
    if plain is not None:
        return _of_edges(*plain, nodes=nodes)
    rows, is_matrix = _read(text)
    if is_matrix:
        _check_nodes(len(rows))
        return Connectome(tuple(rows))
    edges = _edges(rows)
    first, second = zip(*edges, strict=True) if edges else ((), ())
    return _of_edges(first, second, edges.values(), nodes=nodes)


def listed_edges(text: str) -> dict[tuple[float, float], float] | None:
    """The weights of an edge list by the numbers of the two nodes, the lower one first; None for a matrix.

    Raises
    ------
    Problem
        If it is neither.
    """
    rows, is_matrix = _read(text)
    return None if is_matrix else _edges(rows)


def _of_edges(
    first: Sequence[float], second: Sequence[float], weights: Iterable[float], *, nodes: int | None
) -> Connectome:
    """The connectome with these edges; of the same edge several times the last counts."""
    numbers = {*first, *second}
    everyone = set(map(float, range(1, (nodes or 0) + 1)))
    _check_nodes(max(len(numbers), len(everyone)))
    if not numbers and not everyone:
        raise Problem("The connectome is empty.", code=ErrorCode.FILE_UNREADABLE)
    index_of = {number: index for index, number in enumerate(sorted(everyone if numbers <= everyone else numbers))}
    matrix = [[0.0] * len(index_of) for _ in index_of]
    rows, columns = map(index_of.__getitem__, first), map(index_of.__getitem__, second)
    for row, column, weight in zip(rows, columns, weights, strict=True):
        matrix[row][column] = matrix[column][row] = weight
    return Connectome(tuple(map(tuple, matrix)))


def _size(pairs: Sequence[tuple[int, int]]) -> GraphSize:
    return GraphSize(nodes=len({node for pair in pairs for node in pair}), edges=len(pairs))


def _connects(weight: float) -> bool:
    # The correlation with a region without signal is `nan`, which differs from itself.
    return weight != 0 and weight == weight


def is_plain_edge_list(text: str) -> bool:
    """Whether a text is an edge list as m2g writes it, and not too long to be read at once."""
    is_long = len(text) > _MOST_PLAIN
    return not is_long and text.count("\n") > MATRIX_OR_EDGES and _PLAIN_EDGES.fullmatch(text) is not None


def _plain_edges(text: str) -> tuple[list[float], list[float], list[float]] | None:
    """The columns of an edge list as m2g writes it, in a third of the time of `_read`; None where it must read."""
    if not is_plain_edge_list(text):
        return None
    words = text.split()
    # A node is in many lines.
    numbers = {word: float(word) for word in {*words[0::3], *words[1::3]}}
    try:
        weights = list(map(float, words[2::3]))
    except ValueError:
        return None
    return list(map(numbers.__getitem__, words[0::3])), list(map(numbers.__getitem__, words[1::3])), weights


def _read(text: str) -> tuple[_Rows, bool]:
    """The numbers line by line, and whether they form a square matrix."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        return [], False
    separator = "," if "," in lines[0] else None
    try:
        rows = [tuple(map(float, line.split(separator))) for line in lines]
    except ValueError as error:
        raise Problem(
            f"The connectome holds something else than numbers ({error}).", code=ErrorCode.FILE_UNREADABLE
        ) from error
    if any(len(row) != len(rows) for row in rows):
        return rows, False
    # Three lines of three numbers may also be three edges; with commas, or if symmetric, they are a matrix.
    return rows, len(rows) != 3 or separator == "," or rows == list(zip(*rows, strict=True))


def _edges(rows: _Rows) -> dict[tuple[float, float], float]:
    if any(len(row) != 3 or not (row[0].is_integer() and row[1].is_integer()) for row in rows):
        raise Problem("The connectome is neither a square matrix nor a list of edges.", code=ErrorCode.FILE_UNREADABLE)
    return {(node, other) if node <= other else (other, node): weight for node, other, weight in rows}


def _check_nodes(count: int) -> None:
    if count > MOST_NODES:
        raise Problem(
            f"The connectome has {count:,} nodes: too many for a matrix ({MOST_NODES:,} at most).",
            code=ErrorCode.FILE_UNREADABLE,
        )

"""Parse connectomes: the graphs that m2g writes, as a matrix or as an edge list."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.core.errors import ErrorCode, Problem

#: Limit for a matrix. With the 72,784 regions of m2g's largest parcellation it would take 40 GB and show nothing.
MOST_NODES = 4096

_Rows = list[tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class GraphSize:
    """The size of a connectome.

    Attributes
    ----------
    nodes
        Number of a matrix's rows, or of the nodes in an edge list, which does not list nodes without an edge.
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
    def nodes(self) -> int:
        """Number of regions."""
        return len(self.matrix)

    @property
    def edges(self) -> int:
        """Number of connected pairs of regions."""
        columns = zip(*self.matrix, strict=True)
        pairs = (
            pair
            for index, (row, column) in enumerate(zip(self.matrix, columns, strict=True), start=1)
            for pair in zip(row[index:], column[index:], strict=True)
        )
        return sum(1 for forward, backward in pairs if _connects(forward) or _connects(backward))


def parse_connectome(text: str) -> Connectome:
    """Parse a connectome's file.

    Parameters
    ----------
    text
        A square matrix with commas or blanks between the numbers, or an edge list with `node node weight` per line.

    Raises
    ------
    Problem
        If it is neither, or has more than `MOST_NODES` nodes.
    """
    rows, is_matrix = _read(text)
    if is_matrix:
        _check_nodes(len(rows))
        return Connectome(tuple(rows))
    edges = _edges(rows)
    index_of = {label: index for index, label in enumerate(sorted(_nodes(edges)))}
    _check_nodes(len(index_of))
    matrix = [[0.0] * len(index_of) for _ in index_of]
    for (node, other), weight in edges.items():
        row, column = index_of[node], index_of[other]
        matrix[row][column] = matrix[column][row] = weight
    return Connectome(tuple(map(tuple, matrix)))


def size_of(text: str) -> GraphSize:
    """The size of the connectome in a file. There is no limit for an edge list, which is not made into a matrix.

    Raises
    ------
    Problem
        If it is neither a square matrix nor an edge list.
    """
    rows, is_matrix = _read(text)
    if is_matrix:
        matrix = Connectome(tuple(rows))
        return GraphSize(nodes=matrix.nodes, edges=matrix.edges)
    edges = _edges(rows)
    return GraphSize(
        nodes=len(_nodes(edges)),
        edges=sum(1 for (node, other), weight in edges.items() if node != other and _connects(weight)),
    )


def _connects(weight: float) -> bool:
    # The correlation with a region without signal is `nan`, which differs from itself.
    return weight != 0 and weight == weight


def _read(text: str) -> tuple[_Rows, bool]:
    """The numbers line by line, and whether they form a square matrix."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise Problem("The connectome is empty.", code=ErrorCode.FILE_UNREADABLE)
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


def _nodes(edges: dict[tuple[float, float], float]) -> set[float]:
    return {node for pair in edges for node in pair}


def _check_nodes(count: int) -> None:
    if count > MOST_NODES:
        raise Problem(
            f"The connectome has {count:,} nodes: too many for a matrix ({MOST_NODES:,} at most).",
            code=ErrorCode.FILE_UNREADABLE,
        )

"""A connectome: the graph that a scan becomes, in the two shapes that m2g writes it in."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.core.errors import Problem

#: m2g's largest parcellations have 72,784 regions: as a matrix that is 40 GB, and no picture of it shows anything.
MOST_NODES = 4096

_Rows = list[tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class GraphSize:
    """How large a connectome is.

    Attributes
    ----------
    nodes
        Of a matrix its rows; of an edge list the nodes that it names: it says nothing of those without an edge.
    edges
        Pairs of nodes, whichever way round, whose weight is a number other than zero; no node with itself.
    """

    nodes: int
    edges: int


@dataclass(frozen=True)
class Connectome:
    """A connectome as a square matrix of weights.

    Attributes
    ----------
    matrix
        Row by row; of an edge list symmetric, its nodes in the order of their numbers.
    """

    matrix: tuple[tuple[float, ...], ...]

    @property
    def nodes(self) -> int:
        """How many regions."""
        return len(self.matrix)

    @property
    def edges(self) -> int:
        """How many pairs of regions are connected."""
        columns = zip(*self.matrix, strict=True)
        pairs = (
            pair
            for index, (row, column) in enumerate(zip(self.matrix, columns, strict=True), start=1)
            for pair in zip(row[index:], column[index:], strict=True)
        )
        return sum(1 for there, back in pairs if _connects(there) or _connects(back))


def parse_connectome(text: str) -> Connectome:
    """Read a connectome's file.

    Parameters
    ----------
    text
        A square matrix, its numbers apart by commas or blanks, or an edge list: `node node weight` a line, by blanks.

    Raises
    ------
    Problem
        When it is neither, or has more than `MOST_NODES` nodes.
    """
    rows, is_matrix = _read(text)
    if is_matrix:
        _check_nodes(len(rows))
        return Connectome(tuple(rows))
    edges = _edges(rows)
    places = {label: place for place, label in enumerate(sorted({label for pair in edges for label in pair}))}
    _check_nodes(len(places))
    matrix = [[0.0] * len(places) for _ in places]
    for (one, other), weight in edges.items():
        matrix[places[one]][places[other]] = matrix[places[other]][places[one]] = weight
    return Connectome(tuple(map(tuple, matrix)))


def size_of(text: str) -> GraphSize:
    """How large the connectome in a file is, however large: of an edge list no matrix is made.

    Raises
    ------
    Problem
        When it is neither a square matrix nor an edge list.
    """
    rows, is_matrix = _read(text)
    if is_matrix:
        matrix = Connectome(tuple(rows))
        return GraphSize(nodes=matrix.nodes, edges=matrix.edges)
    edges = _edges(rows)
    return GraphSize(
        nodes=len({label for pair in edges for label in pair}),
        edges=sum(1 for (one, other), weight in edges.items() if one != other and _connects(weight)),
    )


def _connects(weight: float) -> bool:
    # A correlation with a region without signal is `nan`, the only number that differs from itself.
    return weight != 0 and weight == weight


def _read(text: str) -> tuple[_Rows, bool]:
    """The numbers line by line, and whether they are a square matrix."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise Problem("The connectome is empty.")
    between = "," if "," in lines[0] else None
    try:
        rows = [tuple(map(float, line.split(between))) for line in lines]
    except ValueError as error:
        raise Problem(f"The connectome holds something else than numbers ({error}).") from error
    if any(len(row) != len(rows) for row in rows):
        return rows, False
    # Three lines of three numbers may be three edges: what has commas, or is symmetric, is a matrix.
    return rows, len(rows) != 3 or between == "," or rows == list(zip(*rows, strict=True))


def _edges(rows: _Rows) -> dict[tuple[float, float], float]:
    if any(len(row) != 3 or not (row[0].is_integer() and row[1].is_integer()) for row in rows):
        raise Problem("The connectome is neither a square matrix nor a list of edges.")
    return {(one, other) if one <= other else (other, one): weight for one, other, weight in rows}


def _check_nodes(count: int) -> None:
    if count > MOST_NODES:
        raise Problem(f"The connectome has {count:,} nodes: too many for a matrix ({MOST_NODES:,} at most).")

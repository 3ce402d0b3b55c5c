"""The size of a connectome's file, read line by line: a large atlas's has hundreds of megabytes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Callable

_LINES_AT_ONCE = 65536
#: No atlas has as many nodes.
_MOST_DIGITS = 9


@dataclass(frozen=True)
class EdgeList:
    """What a file of lines `NODE NODE WEIGHT` holds, in which each pair of nodes stands once.

    Attributes
    ----------
    nodes
        Number of nodes with an edge.
    edges
        Number of pairs of different nodes with a weight other than 0.
    highest_node
        The highest number of a node, with an edge or without; 0 in an empty file: nodes are numbered from 1.
    """

    nodes: int
    edges: int
    highest_node: int


def read(path: str, *, check: Callable[[], None]) -> EdgeList:
    """Read a file; memory is used for its nodes, not for its edges.

    Parameters
    ----------
    check
        Called before each block of lines; an exception that it raises ends the reading.

    Raises
    ------
    ValueError
        The file is no list of edges, or breaks off in a line.
    """
    connected: set[bytes] = set()
    unconnected: set[bytes] = set()
    edges = 0
    line = b""
    with open(path, "rb") as stream:
        while True:
            lines = list(islice(stream, _LINES_AT_ONCE))
            if not lines:
                break
            check()
            try:
                for line in lines:
                    first, second, text = line.split()
                    weight = float(text)
                    # A weight that is no number differs from itself.
                    if first != second and weight != 0 and weight == weight:
                        edges += 1
                        connected.add(first)
                        connected.add(second)
                    else:
                        unconnected.add(first)
                        unconnected.add(second)
            except ValueError:
                raise ValueError(f"{line[:80]!r} is no edge")
    if line and not line.endswith(b"\n"):
        raise ValueError("it breaks off in its last line")
    return EdgeList(
        nodes=len(connected), edges=edges, highest_node=max(map(_number, connected | unconnected), default=0)
    )


def _number(node: bytes) -> int:
    if not node.isdigit() or len(node) > _MOST_DIGITS:
        raise ValueError(f"{node[:80]!r} is no node's number")
    return int(node)

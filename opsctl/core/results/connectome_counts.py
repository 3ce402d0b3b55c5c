"""The numbers of a scan's connectomes, as its job counted them, in a few hundred bytes a scan."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from opsctl.core.runs.output_kinds import GraphKind
from opsctl.core.runs.result import Graph

_ABSOLUTE: GraphKind = "absolute correlation"
#: Per connectome: nodes, edges, lost regions.
_FIELDS = 3

_Key = tuple[str, GraphKind]


class ConnectomeNumbers(NamedTuple):
    """What one connectome holds.

    Attributes
    ----------
    atlas
        The atlas's folder, such as `Desikan_space-MNI152NLin6_res-2x2x2`.
    """

    atlas: str
    kind: GraphKind
    nodes: int
    edges: int
    lost: int


class ConnectomeCounts:
    """The numbers of one scan's connectomes: one of each atlas, of a functional scan the one with signs.

    Parameters
    ----------
    graphs
        As the scan's job counted them.
    """

    __slots__ = ("_keys", "_numbers")

    def __init__(self, graphs: Iterable[Graph] = ()) -> None:
        numbers: dict[str, tuple[GraphKind, int, int, int]] = {}
        for graph in graphs:
            if graph.atlas not in numbers or numbers[graph.atlas][0] == _ABSOLUTE:
                numbers[graph.atlas] = (graph.kind, graph.nodes, graph.edges, graph.lost)
        atlases = sorted(numbers)
        # The scans of a run have the same atlases: the names are kept once.
        self._keys = _shared(tuple((atlas, numbers[atlas][0]) for atlas in atlases))
        self._numbers = array("q", [number for atlas in atlases for number in numbers[atlas][1:]])

    @property
    def atlases(self) -> tuple[str, ...]:
        """The folders of the atlases, by name."""
        return tuple(atlas for atlas, _ in self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[ConnectomeNumbers]:
        for position, (atlas, kind) in enumerate(self._keys):
            nodes, edges, lost = self._numbers[_FIELDS * position : _FIELDS * (position + 1)]
            yield ConnectomeNumbers(atlas, kind, nodes, edges, lost)

    def of(self, atlas: str) -> ConnectomeNumbers | None:
        """The numbers of an atlas's connectome; None where the scan has none of it."""
        return next((numbers for numbers in self if numbers.atlas == atlas), None)


@lru_cache(maxsize=256)
def _shared(keys: tuple[_Key, ...]) -> tuple[_Key, ...]:
    """The same object for equal keys."""
    return keys

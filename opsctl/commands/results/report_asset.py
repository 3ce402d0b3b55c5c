"""One file that a report shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from opsctl.core.runs.output_kinds import GraphKind
from opsctl.core.runs.result import Graph, OutputFile

AssetKind = Literal["connectome", "QA", "log"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """One file of a scan that the report shows.

    Attributes
    ----------
    index
        The scan's index in the run.
    name
        The name of the atlas's folder, or the picture's file name.
    graph_kind
        What the weights of a connectome are; None for a picture, and where it is not known.
    graph_nodes
        The number of nodes that a connectome's file numbers from 1, also those without an edge; None where not known.
    graph
        What the job counted in a connectome; None where it did not count.
    lost_list
        The list of the regions that a diffusion scan lost, beside its connectome; None where there is none.
    sha256
        As the job recorded it; empty for a failed scan's files, which no result lists.
    """

    index: int
    kind: AssetKind
    name: str
    uri: str
    size_bytes: int
    sha256: str = ""
    graph_kind: GraphKind | None = None
    graph_nodes: int | None = None
    graph: Graph | None = field(default=None, compare=False)
    lost_list: OutputFile | None = field(default=None, compare=False)

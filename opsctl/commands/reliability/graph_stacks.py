"""Read the connectomes of a run, a dataset or a folder as stacks: one for each parcellation, kind and model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from opsctl.commands.reliability.graph_files import GraphFile, GraphSource
from opsctl.commands.reliability.stack_room import room
from opsctl.core.atlases.atlas import name_of
from opsctl.core.atlases.atlas_node import AtlasNode
from opsctl.core.atlases.atlas_table import VOXEL_SIZES, AtlasTable
from opsctl.core.counted import counted_verb
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.reliability.edges import Edges, lost_labels, parse_edges
from opsctl.core.reliability.graph_stack import GraphStack, LeftOut, lose_rows, pair_count
from opsctl.core.results.connectome import MOST_NODES
from opsctl.core.results.connectome_table import UNKNOWN
from opsctl.core.results.node_table import known_nodes
from opsctl.core.results.pictured_atlas import matching_atlases
from opsctl.core.runs.output_kinds import GraphKind

_ABSOLUTE: GraphKind = "absolute correlation"
_STREAMLINES: GraphKind = "streamlines"


@dataclass(frozen=True, kw_only=True)
class Atlases:
    """What is known of neuroparc's atlases.

    Attributes
    ----------
    table
        Their numbers of regions.
    nodes
        The regions of each at 2 mm, by the atlas's name.
    """

    table: AtlasTable
    nodes: Mapping[str, Sequence[AtlasNode]]

    def regions(self, folder: str) -> int | None:
        """The number of regions of an atlas, by its folder; None where opsctl does not know the atlas."""
        return next(
            (atlas.regions[size] for atlas in self.table for size in VOXEL_SIZES if atlas.folder(size) == folder), None
        )

    def nodes_of(self, folder: str, regions: int) -> Sequence[AtlasNode] | None:
        """The regions in the order of the rows; None where they are not known."""
        nodes = known_nodes(folder, atlases=self.table, nodes=self.nodes)
        return nodes if nodes is not None and len(nodes) == regions else None


@dataclass(frozen=True, kw_only=True)
class StackFiles:
    """The files of one stack, which is not read yet.

    Attributes
    ----------
    files
        One a scan, in the order of the scans' names.
    regions
        None where only the files tell.
    """

    atlas: str
    kind: GraphKind
    model: str
    files: tuple[GraphFile, ...]
    regions: int | None

    @property
    def pairs(self) -> int:
        """Number of pairs of regions; 0 where not known."""
        return pair_count(self.regions or 0)


def stack_files(
    source: GraphSource, atlases: Atlases, *, atlas: str | None = None, kind: GraphKind | None = None
) -> list[StackFiles]:
    """List the stacks that a source has, by atlas, kind and model.

    Parameters
    ----------
    atlas
        A parcellation's name or a part of it; None: all.
    kind
        None: all but the absolute correlations, which say less than the signed ones.

    Raises
    ------
    UsageProblem
        When no scan has a connectome of a typed atlas.
    """
    groups: dict[tuple[str, GraphKind, str], dict[str, GraphFile]] = defaultdict(dict)
    for file in sorted(source.files(), key=lambda file: (file.scan.name, file.address)):
        if file.kind != (kind or file.kind) or (kind is None and file.kind == _ABSOLUTE):
            continue
        groups[file.atlas, file.kind, file.model].setdefault(file.scan.name, file)
    chosen = {key[0] for key in groups}
    if atlas is not None:
        chosen = set(matching_atlases(atlas, chosen))
    return [
        StackFiles(
            atlas=folder,
            kind=of_kind,
            model=model,
            files=tuple(by_scan.values()),
            regions=atlases.regions(folder) or max((file.regions or 0 for file in by_scan.values()), default=0) or None,
        )
        for (folder, of_kind, model), by_scan in sorted(groups.items(), key=lambda item: (name_of(item[0][0]), item[0]))
        if folder in chosen
    ]


def read_stacks(
    source: GraphSource,
    *,
    atlases: Atlases,
    atlas: str | None = None,
    kind: GraphKind | None = None,
    on_file: Callable[[GraphFile], None] = lambda _: None,
) -> Iterator[GraphStack]:
    """Read the stacks of a source, each when it is asked for: one is in memory at a time.

    Parameters
    ----------
    atlas, kind
        See `stack_files`.
    on_file
        Called after each file.
    """
    for files in stack_files(source, atlases, atlas=atlas, kind=kind):
        yield read_stack(source, files, atlases=atlases, on_file=on_file)


def read_stack(
    source: GraphSource,
    files: StackFiles,
    *,
    atlases: Atlases,
    on_file: Callable[[GraphFile], None] = lambda _: None,
) -> GraphStack:
    """Read the connectomes of one stack; what cannot be read or compared is in `left_out`."""
    if files.regions is None:
        files = replace(files, regions=_highest_node(source, files))
    regions = files.regions or 0
    if regions > MOST_NODES:
        reason = f"The parcellation has {regions:,} regions, and {MOST_NODES:,} are compared at most."
        left_out = dict.fromkeys(files.files, reason)
        return _stack(files, room(0, 0), left_out, {}, nodes=None, regions=0)
    nodes = atlases.nodes_of(files.atlas, regions)
    lost = _lost_rows(source, files, nodes)
    weights = room(len(files.files), pair_count(regions))
    row_of = {file: row for row, file in enumerate(files.files)}
    unplaced: dict[GraphFile, str] = {}

    def take(file: GraphFile, text: str) -> None:
        edges = parse_edges(text)
        row = weights[row_of[file]]
        row[:] = edges.upper_triangle(regions)
        if file.kind != _STREAMLINES:
            _check_order(edges, regions)
            return
        rows = lost.get(file)
        if rows is None and file.lost != 0:
            isolated = edges.isolated(regions)
            # A lost region has no edge. Where no other region lacks one, these are the lost ones.
            rows = isolated if len(isolated) == file.lost else None
            if rows is None:
                unplaced[file] = _unplaced(file)
        if rows is not None:
            lose_rows(row, rows, regions)

    problems = source.read(files.files, take, on_file=on_file)
    left_out = {file: problem.what for file, problem in problems.items()}
    return _stack(files, weights, left_out, unplaced, nodes=nodes, regions=regions)


def _stack(
    files: StackFiles,
    weights: NDArray[np.float32],
    left_out: Mapping[GraphFile, str],
    unplaced: Mapping[GraphFile, str],
    *,
    nodes: Sequence[AtlasNode] | None,
    regions: int,
) -> GraphStack:
    kept = [file for file in files.files if file not in left_out]
    for row, file_row in enumerate(row for row, file in enumerate(files.files) if file not in left_out):
        if row != file_row:
            # In place: a copy would need as much room again.
            weights[row] = weights[file_row]
    return GraphStack(
        atlas=files.atlas,
        kind=files.kind,
        model=files.model,
        scans=tuple(file.scan for file in kept),
        labels=tuple(node.label for node in nodes) if nodes else tuple(range(1, regions + 1)),
        regions=tuple(node.region or UNKNOWN for node in nodes) if nodes else (UNKNOWN,) * regions,
        centres=np.array([(node.x_mm, node.y_mm, node.z_mm) for node in nodes]) if nodes else None,
        weights=weights[: len(kept)],
        left_out=tuple(LeftOut(file.scan.name, left_out[file]) for file in files.files if file in left_out),
        unplaced=tuple(LeftOut(file.scan.name, unplaced[file]) for file in kept if file in unplaced),
        is_preview=any(file.is_preview for file in kept),
    )


def _lost_rows(
    source: GraphSource, files: StackFiles, nodes: Sequence[AtlasNode] | None
) -> dict[GraphFile, NDArray[np.intp]]:
    """The rows of the lost regions, of the scans for which a list of labels tells them."""
    if files.kind != _STREAMLINES or nodes is None:
        return {}
    row_of = {node.label: row for row, node in enumerate(nodes)}
    rows: dict[GraphFile, NDArray[np.intp]] = {}
    for file, text in source.read_lost([file for file in files.files if file.lost != 0]).items():
        if isinstance(text, Problem):
            continue
        try:
            labels = lost_labels(text)
        except Problem:
            continue
        if all(label in row_of for label in labels) and file.lost in (None, len(labels)):
            rows[file] = np.array([row_of[label] for label in labels], dtype=np.intp)
    return rows


def _check_order(edges: Edges, regions: int) -> None:
    """Refuse a functional connectome whose nodes are other regions than those of the other scans.

    The nodes are the columns of C-PAC's time series: where a region has no voxel, all later ones have another number.
    """
    number = regions - edges.highest_node
    if number:
        raise Problem(
            f"{counted_verb(number, 'region')} lost, and which is not known: the rows of its matrix are not those of "
            "the other scans.",
            code=ErrorCode.FILE_UNREADABLE,
        )


def _unplaced(file: GraphFile) -> str:
    if file.lost is None:
        return "How many regions it lost is not known: lost regions count as regions without a streamline."
    return (
        f"Which {file.lost:,} regions it lost is not known, because more have no streamline: they count as regions "
        "without a streamline."
    )


def _highest_node(source: GraphSource, files: StackFiles) -> int:
    """The number of regions of an atlas that opsctl does not know: the files are read twice."""
    highest = [0]

    def take(_: GraphFile, text: str) -> None:
        highest.append(parse_edges(text).highest_node)

    source.read(files.files, take)
    return max(highest)

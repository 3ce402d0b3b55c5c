"""The tables of an atlas's nodes, beside a run's connectomes: what node 14 is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from opsctl.core.atlases.atlas import Atlas
from opsctl.core.atlases.atlas_node import AtlasNode
from opsctl.core.atlases.atlas_table import VOXEL_SIZES, AtlasTable
from opsctl.core.harmless import harmless
from opsctl.core.results.connectome_table import UNKNOWN, ConnectomeRow, atlas_of
from opsctl.core.results.table_cell import table_text

FOLDER = "nodes"
SIDECAR_NAME = "nodes.json"
README_NAME = "README.md"

COLUMNS: dict[str, dict[str, str]] = {
    "node": {"Description": "Number of the node in the connectomes: node k is the k-th label of the atlas in order"},
    "label": {"Description": "Value of the region in the atlas's image"},
    "region": {"Description": "Name of the region; n/a where neuroparc has none"},
    "x_mm": {"Description": "Centre of the region in MNI space (MNI152NLin6), left to right", "Units": "mm"},
    "y_mm": {"Description": "Centre of the region in MNI space, back to front", "Units": "mm"},
    "z_mm": {"Description": "Centre of the region in MNI space, bottom to top", "Units": "mm"},
}

#: The voxel size whose labels neuroparc's table gives.
_KNOWN_SIZE = "2mm"


@dataclass(frozen=True)
class NodeTables:
    """The tables of the atlases of some connectomes.

    Attributes
    ----------
    contents
        The table of an atlas, by the name of its folder.
    exceptions
        Why an atlas has none, or what its table does not hold for: sentences, by the name of its folder.
    """

    contents: Mapping[str, str]
    exceptions: Mapping[str, str]

    @property
    def without(self) -> list[str]:
        """The folders of the atlases that have no table."""
        return [folder for folder in self.exceptions if folder not in self.contents]

    def readme(self) -> str:
        """The content of `nodes/README.md`."""
        text = (
            "# Nodes of the connectomes\n\n"
            "Each table lists the nodes of one atlas. Node k of a connectome is the k-th label of the atlas in order,\n"
            "not label k. A region that a scan loses keeps its number and has no edges.\n\n"
            "Functional connectomes are different: their nodes are the columns of C-PAC's time series, which are the\n"
            "labels present in the data. An atlas has a table for them only where no scan has lost a region.\n\n"
            "The names and centres are neuroparc's, at 2 mm. At 1 mm and 4 mm an atlas has a table only where it has\n"
            "as many regions as at 2 mm.\n\n"
        )
        if not self.exceptions:
            return text + "Every atlas of these connectomes has its table.\n"
        return text + "".join(f"- {harmless(folder)}: {reason}\n" for folder, reason in sorted(self.exceptions.items()))


def node_tables(
    rows: Iterable[ConnectomeRow], *, atlases: AtlasTable, nodes: Mapping[str, Sequence[AtlasNode]]
) -> NodeTables:
    """Make the table of each atlas whose labels are known at the connectomes' voxel size.

    Parameters
    ----------
    rows
        The connectomes.
    nodes
        The regions of each atlas at 2 mm, in the order of their labels, by the atlas's name.
    """
    by_folder: dict[str, list[ConnectomeRow]] = defaultdict(list)
    for row in rows:
        by_folder[atlas_of(row.file)].append(row)
    known = {atlas.folder(size): (atlas, size) for atlas in atlases for size in VOXEL_SIZES}
    contents: dict[str, str] = {}
    exceptions: dict[str, str] = {}
    for folder, of_atlas in by_folder.items():
        if folder == UNKNOWN:
            continue
        if folder not in known:
            exceptions[folder] = "no table. opsctl does not know this atlas."
            continue
        atlas, size = known[folder]
        labels_unknown, order_unknown = _labels_unknown(atlas, size, nodes), _order_unknown(of_atlas)
        is_functional = all(row.kind != "streamlines" for row in of_atlas)
        if labels_unknown or (order_unknown and is_functional):
            exceptions[folder] = f"no table. {labels_unknown or order_unknown}"
            continue
        contents[folder] = _table(nodes[atlas.name])
        if order_unknown:
            exceptions[folder] = f"the table is for the diffusion connectomes only. {order_unknown}"
    return NodeTables(contents, exceptions)


def known_nodes(
    folder: str, *, atlases: AtlasTable, nodes: Mapping[str, Sequence[AtlasNode]]
) -> Sequence[AtlasNode] | None:
    """The regions of an atlas in the order of the nodes of its connectomes; None where they are not known.

    They hold for a functional connectome only where its scan has lost no region.

    Parameters
    ----------
    folder
        Of the atlas in m2g's outputs.
    nodes
        See `node_tables`.
    """
    for atlas in atlases:
        for size in VOXEL_SIZES:
            if atlas.folder(size) == folder and not _labels_unknown(atlas, size, nodes):
                return nodes[atlas.name]
    return None


def _labels_unknown(atlas: Atlas, size: str, nodes: Mapping[str, Sequence[AtlasNode]]) -> str:
    regions, known_regions = atlas.regions[size], atlas.regions[_KNOWN_SIZE]
    if atlas.name not in nodes:
        return f"opsctl has no names and centres for an atlas of {known_regions:,} regions."
    if regions == known_regions:
        return ""
    return (
        f"It has {regions:,} regions at {_mm(size)} and {known_regions:,} at {_mm(_KNOWN_SIZE)}; "
        "which of them differ is not known."
    )


def _order_unknown(rows: Sequence[ConnectomeRow]) -> str:
    """Why the nodes of the functional connectomes among the rows need not be the labels in order; empty: they are."""
    scans = {row.scan for row in rows if row.kind != "streamlines" and row.lost != 0}
    if not scans:
        return ""
    number = f"{len(scans):,} scan{'' if len(scans) == 1 else 's'}"
    return f"In {number} regions are lost, or not counted: node k of a functional connectome may be another label."


def _table(nodes: Sequence[AtlasNode]) -> str:
    lines = [tuple(COLUMNS)]
    for number, node in enumerate(nodes, start=1):
        centre = (f"{value:.1f}" for value in (node.x_mm, node.y_mm, node.z_mm))
        lines.append((str(number), str(node.label), node.region or UNKNOWN, *centre))
    return table_text(lines)


def _mm(size: str) -> str:
    return f"{size.removesuffix('mm')} mm"

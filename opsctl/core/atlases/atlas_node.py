"""The nodes of an atlas's graphs: what node 14 of a connectome is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class AtlasNode:
    """One region of an atlas.

    m2g numbers the nodes of a graph by the order of the atlas's labels, before registration: node k is the k-th label,
    not label k. A region that a scan loses keeps its number.

    Attributes
    ----------
    label
        The region's value in the atlas's image.
    region
        Its name; empty where neuroparc has none.
    x_mm, y_mm, z_mm
        Its centre in MNI space, in mm.
    voxels
        Its size in the 2 mm atlas.
    """

    label: int
    region: str
    x_mm: float
    y_mm: float
    z_mm: float
    voxels: int


def parse_nodes(text: str) -> Mapping[str, tuple[AtlasNode, ...]]:
    """Read `opsctl/neuroparc/nodes.tsv`: the regions of each atlas at 2 mm, in the order of their labels.

    Atlases with more than 1,200 regions are not in the file.
    """
    nodes: dict[str, list[AtlasNode]] = {}
    for line in text.splitlines()[1:]:
        atlas, label, region, x, y, z, voxels = line.split("\t")
        nodes.setdefault(atlas, []).append(
            AtlasNode(
                label=int(label),
                region="" if region == "n/a" else region,
                x_mm=float(x),
                y_mm=float(y),
                z_mm=float(z),
                voxels=int(voxels),
            )
        )
    return {atlas: tuple(sorted(of_atlas, key=lambda node: node.label)) for atlas, of_atlas in nodes.items()}

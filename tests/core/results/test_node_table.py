"""The tables of nodes: exact where they exist, and a reason where they do not."""

from __future__ import annotations

from typing import Any

import pytest

from opsctl.assets import atlas_nodes, atlas_table
from opsctl.core.atlases.atlas import Atlas
from opsctl.core.atlases.atlas_table import VOXEL_SIZES
from opsctl.core.results.connectome_table import ConnectomeRow
from opsctl.core.results.node_table import NodeTables, node_tables
from opsctl.core.runs.output_kinds import GraphKind

ATLASES = {atlas.name: atlas for atlas in atlas_table()}


def row(folder: str, *, kind: GraphKind = "streamlines", lost: int | None = 0, scan: str = "sub-1") -> ConnectomeRow:
    file = f"sub-1/connectomes_d/{folder}/x_connectome.csv"
    if kind != "streamlines":
        file = f"sub-1/connectomes_f/{folder}.nii.gz/x_edgelist.csv"
    unknown: dict[str, Any] = dict.fromkeys(
        ("size", "regions", "seconds", "peak_memory_mib", "peak_disk_mib", "cost_usd")
    )
    return ConnectomeRow(scan=scan, file=file, kind=kind, lost=lost, run="", **unknown)


def tables(*rows: ConnectomeRow) -> NodeTables:
    return node_tables(rows, atlases=atlas_table(), nodes=atlas_nodes())


@pytest.mark.parametrize("atlas", ATLASES.values(), ids=list(ATLASES))
@pytest.mark.parametrize("size", VOXEL_SIZES)
def test_a_table_has_a_line_for_each_region_or_there_is_none(atlas: Atlas, size: str) -> None:
    folder = atlas.folder(size)
    made = tables(row(folder))
    is_known = atlas.regions["2mm"] <= 1200 and atlas.regions[size] == atlas.regions["2mm"]
    assert (folder in made.contents, folder in made.exceptions) == (is_known, not is_known)
    if is_known:
        header, *lines = (line.split("\t") for line in made.contents[folder].splitlines())
        assert header == ["node", "label", "region", "x_mm", "y_mm", "z_mm"]
        assert [line[0] for line in lines] == [str(number + 1) for number in range(atlas.regions[size])]
        labels = [int(line[1]) for line in lines]
        assert labels == sorted(set(labels)) and 0 not in labels
        assert all(all(cell for cell in line) for line in lines)


def test_a_node_is_named() -> None:
    folder = ATLASES["AAL"].folder("2mm")
    assert tables(row(folder)).contents[folder].splitlines()[2] == "2\t2\tR_Precentral_gyrus\t39.1\t-9.5\t48.8"


def test_why_an_atlas_has_no_table() -> None:
    juelich, large = ATLASES["Juelich"].folder("4mm"), ATLASES["DS16784"].folder("2mm")
    made = tables(row(juelich), row(large), row("preview8"), row(ATLASES["AAL"].folder("4mm")))
    assert made.exceptions == {
        juelich: "no table. It has 102 regions at 4 mm and 103 at 2 mm; which of them differ is not known.",
        large: "no table. opsctl has no names and centres for an atlas of 16,281 regions.",
        "preview8": "no table. opsctl does not know this atlas.",
    }
    assert all(f"- {folder}: {reason}\n" in made.readme() for folder, reason in made.exceptions.items())
    assert "Every atlas of these connectomes has its table." in tables(row(ATLASES["AAL"].folder("4mm"))).readme()


@pytest.mark.parametrize("lost", [0, 2, None])
def test_functional_nodes_are_labels_only_where_none_is_lost(lost: int | None) -> None:
    folder = ATLASES["Desikan"].folder("2mm")
    rows = [row(folder, kind=kind, lost=lost, scan="sub-2") for kind in ("correlation", "absolute correlation")]
    made = tables(row(folder, kind="correlation"), *rows)
    assert (folder in made.contents) == (lost == 0)
    both = tables(row(folder), *rows)
    assert folder in both.contents
    if lost != 0:
        assert made.exceptions[folder].startswith("no table. In 1 scan regions are lost, or not counted:")
        assert both.exceptions[folder].startswith("the table is for the diffusion connectomes only. In 1 scan")
        assert (made.without, both.without) == ([folder], [])


def test_a_file_outside_m2gs_folders_has_no_atlas() -> None:
    unknown: Any = dict.fromkeys(
        ("kind", "size", "regions", "lost", "seconds", "peak_memory_mib", "peak_disk_mib", "cost_usd")
    )
    made = tables(ConnectomeRow(scan="sub-1", file="sub-1/x.csv", run="", **unknown))
    assert made == NodeTables({}, {})

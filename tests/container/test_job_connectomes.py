"""What the runner says of m2g's connectomes: their sizes, the regions that were lost, and graphs that look wrong."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from m2g_job import edge_list, graph_warnings
from m2g_job.connectomes import Connectome
from m2g_job.edge_list import EdgeList
from m2g_job.scan import Atlas
from support.job_world import ATLAS, DESIKAN, SKULL_STRIP, World, packed

MICCAI = ATLAS.replace("Desikan", "MICCAI")


def read(path: Path, text: str) -> EdgeList:
    path.write_text(text)
    return edge_list.read(str(path), check=lambda: None)


@pytest.mark.parametrize(
    ("text", "nodes", "edges", "highest"),
    [
        ("1 2 10.0\n1 4 14.0\n2 8 2.0\n", 4, 3, 8),
        ("1 2 -0.232053\n1 3 0.000000\n2 3 nan\n", 2, 1, 3),
        ("1 1 5.0\n2 2 7.0\n", 0, 0, 2),
        ("3 9 1e-05\n", 2, 1, 9),
        ("", 0, 0, 0),
    ],
)
def test_the_size_of_a_file(tmp_path: Path, text: str, nodes: int, edges: int, highest: int) -> None:
    assert read(tmp_path / "x.csv", text) == EdgeList(nodes, edges, highest)


@pytest.mark.parametrize("text", ["1 2\n", "0,1\n1,0\n", "1 2 3 4\n", "a b 1.0\n", "1 2 3.0\n1 2 3", "1 2 x\n", "\n"])
def test_what_is_no_list_of_edges(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="is no|breaks off"):
        read(tmp_path / "x.csv", text)


def test_a_large_file_takes_memory_for_its_nodes_only(tmp_path: Path) -> None:
    numbers = random.Random(1)
    count, nodes = 600_000, 2_000
    with (tmp_path / "x.csv").open("w") as file:
        file.writelines(f"{numbers.randint(1, nodes)} {nodes + 1} 1.0\n" for _ in range(count))
    blocks = 0

    def check() -> None:
        nonlocal blocks
        blocks += 1

    tracemalloc.start()
    size = edge_list.read(str(tmp_path / "x.csv"), check=check)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (size.edges, size.highest_node) == (count, nodes + 1)
    assert blocks >= 9, "a signal ends the reading of a file that takes minutes"
    assert peak < 16e6, "a list of all lines would take 40 MB"


def test_lost_regions_are_in_the_result_and_in_the_last_lines(world: World) -> None:
    code, output = world.run(OPSCTL_FAKE_M2G_LOST="2")

    assert code == 0, output
    (graph,) = world.graphs()
    assert (graph["regions"], graph["lost"], graph["nodes"]) == (70, 2, 68)
    assert world.result()["warnings"] == [
        {
            "code": "regions_lost",
            "atlas": ATLAS,
            "text": "The scan has no voxel of 2 of 70 regions of Desikan. Look at the picture of the skull strip first "
            f"({SKULL_STRIP}), then try --skull with another --modif.",
        }
    ]
    assert output.splitlines()[-2] == "opsctl: 2 regions of Desikan lost"
    connectomes = [graph["uri"] for graph in world.graphs()]
    assert not [uri for uri in connectomes if "lost_roi" in uri], "a list of labels is no connectome"


def test_what_m2g_cuts_of_an_atlas_in_every_scan_is_no_warning(world: World) -> None:
    world.scan["atlases"] = [{**DESIKAN, "name": "MICCAI", "folder": MICCAI, "regions": 134, "kept": 66}]
    world.ask(parcellation=["MICCAI"])
    world.submit()

    code, output = world.run(OPSCTL_FAKE_M2G_LOST="68")

    assert code == 0, output
    assert world.result()["warnings"] == []
    assert world.graphs()[0]["lost"] == 68
    assert "opsctl: 68 regions of MICCAI lost\n" in output


def test_a_func_scan_loses_the_regions_that_have_no_column(world: World) -> None:
    world.scan["inputs"] = [entry for entry in world.scan["inputs"] if entry["role"] == "T1w"]
    world.input("bold", "HNU1/sub-0025427/ses-1/func/sub-0025427_ses-1_task-rest_bold.nii.gz", packed(9))
    world.scan["m2g"] = {"pipeline": "func", "parcellation": ["Desikan"]}
    world.submit()

    code, output = world.run(OPSCTL_FAKE_M2G_LOST="3")

    assert code == 0, output
    assert [graph["lost"] for graph in world.graphs()] == [3, 3]
    assert world.result()["warnings"] == [
        {
            "code": "regions_lost",
            "atlas": ATLAS,
            "text": "The scan has no voxel of 3 of 70 regions of Desikan. Look at the picture of the skull strip first "
            "(qa_f/skullstrip_vis/skull_vis.png).",
        }
    ], "once for both files, and without --skull, which C-PAC does not get"


def test_an_atlas_without_any_edge_does_not_cost_the_others(world: World) -> None:
    world.ask(parcellation=["Desikan", "JHU", "MICCAI"])
    world.scan["atlases"] += [
        {**DESIKAN, "name": name, "folder": ATLAS.replace("Desikan", name)} for name in ("JHU", "MICCAI")
    ]
    world.submit()

    code, output = world.run(OPSCTL_FAKE_M2G="empty-jhu")

    assert code == 0, output
    empty = {graph["atlas"]: graph["edges"] for graph in world.graphs()}
    assert (len(empty), empty[ATLAS.replace("Desikan", "JHU")]) == (3, 0)
    assert [(warning["code"], warning["text"]) for warning in world.result()["warnings"]] == [
        ("diagonal_only", "The connectome of JHU has no edge between different regions.")
    ]


@pytest.mark.parametrize(
    ("mode", "codes", "text"),
    [
        ("diagonal", ["diagonal_only"], "The connectome of Desikan has no edge between different regions."),
        ("few-edges", ["few_edges", "few_regions"], "The connectome of Desikan has 1 edge for 70 regions."),
        ("few-regions", ["few_regions"], "Only 34 of the 70 regions of Desikan have an edge."),
        ("succeed", [], ""),
    ],
)
def test_a_graph_that_looks_wrong_is_done_with_a_warning(
    world: World, mode: str, codes: Sequence[str], text: str
) -> None:
    code, output = world.run(OPSCTL_FAKE_M2G=mode)

    assert code == 0, output
    result = world.result()
    assert result["status"] == "succeeded"
    assert [warning["code"] for warning in result["warnings"]] == codes
    assert [warning["text"] for warning in result["warnings"]][:1] == ([text] if text else [])


DESIKAN_ATLAS = Atlas("Desikan", ATLAS, regions=70, kept=70)
CUT = Atlas("MICCAI", MICCAI, regions=134, kept=66)


@pytest.mark.parametrize(
    ("atlas", "size", "lost", "codes"),
    [
        (DESIKAN_ATLAS, EdgeList(nodes=35, edges=7, highest_node=70), 0, []),
        (DESIKAN_ATLAS, EdgeList(nodes=35, edges=6, highest_node=70), 0, ["few_edges"]),
        (DESIKAN_ATLAS, EdgeList(nodes=34, edges=7, highest_node=70), 0, ["few_regions"]),
        (CUT, EdgeList(nodes=33, edges=50, highest_node=66), 68, []),
        (CUT, EdgeList(nodes=32, edges=50, highest_node=66), 69, ["regions_lost", "few_regions"]),
        # Nothing is known of the atlas.
        (None, EdgeList(nodes=2, edges=1, highest_node=2), 0, []),
        (None, EdgeList(nodes=2, edges=1, highest_node=2), 1, ["regions_lost"]),
        (None, EdgeList(nodes=0, edges=0, highest_node=2), 0, ["diagonal_only"]),
    ],
)
def test_the_limits_of_the_warnings(atlas: Atlas | None, size: EdgeList, lost: int, codes: list[str]) -> None:
    connectome = Connectome("x", atlas.folder if atlas else "odd", "streamlines", size, atlas, lost)

    given: Any = graph_warnings.warnings([connectome], pipeline="dwi", skull_strip_picture=None)

    assert [warning["code"] for warning in given] == codes
    if codes and atlas is CUT:
        assert "(68 of them in every scan, because m2g cuts this atlas)" in given[0]["text"]


def test_the_log_names_each_atlas_that_lost_regions() -> None:
    connectome = Connectome("x", ATLAS, "streamlines", EdgeList(1, 1, 1), DESIKAN_ATLAS, 1)
    others = [replace(connectome, atlas=CUT, lost=2), replace(connectome, atlas=None, folder="odd", lost=0)]
    assert graph_warnings.lost_regions([connectome, *others]) == "1 region of Desikan lost, 2 regions of MICCAI lost"
    assert graph_warnings.lost_regions(others[1:]) == ""


def test_what_to_do_about_lost_regions_is_said_once_for_a_scan() -> None:
    size = EdgeList(nodes=30, edges=400, highest_node=40)
    lossy = [
        Connectome(f"{name}.csv", name, "streamlines", size, Atlas(name, name, 40, 40), lost=2) for name in ("A", "B")
    ]
    given = graph_warnings.warnings(lossy, pipeline="dwi", skull_strip_picture="skull.png")
    assert [warning["text"] for warning in given] == [
        "The scan has no voxel of 2 of 40 regions of A. "
        "Look at the picture of the skull strip first (skull.png), then try --skull with another --modif.",
        "The scan has no voxel of 2 of 40 regions of B.",
    ]

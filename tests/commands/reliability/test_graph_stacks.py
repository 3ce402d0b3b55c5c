"""Stacks from a run on S3 and from a folder that `results` wrote."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.results_world import OUTPUT, RUN, World

from opsctl.assets import atlas_nodes, atlas_table
from opsctl.aws.s3.storage import Storage
from opsctl.commands.reliability import stack_room
from opsctl.commands.reliability.folder_graphs import FolderGraphs
from opsctl.commands.reliability.graph_files import GraphSource
from opsctl.commands.reliability.graph_stacks import Atlases, read_stacks
from opsctl.commands.reliability.run_graphs import RunGraphs
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.core.errors import Problem, UsageProblem
from opsctl.core.preview import BANNER
from opsctl.core.reliability.graph_stack import GraphStack

ATLASES = Atlases(table=atlas_table(), nodes=atlas_nodes())
#: 48 regions at every voxel size.
JHU = "JHU_space-MNI152NLin6_res-2x2x2"


def edge_list(regions: int, *, without: tuple[int, ...] = ()) -> bytes:
    """A chain through all regions but some, by m2g's numbers of the nodes."""
    nodes = [node for node in range(1, regions + 1) if node not in without]
    return "".join(f"{node} {other} {node}.0\n" for node, other in pairwise(nodes)).encode()


def place(scan: str, atlas: str = JHU) -> str:
    return f"{scan}/connectomes_d/{atlas}/{scan.replace('/', '_')}_dwi_{atlas}_connectome.csv"


def graph(scan: str, *, lost: int, regions: int = 48, atlas: str = JHU) -> dict[str, Any]:
    uri = f"{OUTPUT}/{place(scan, atlas)}"
    counts = {"nodes": regions - lost, "edges": regions - 1, "regions": regions, "lost": lost}
    return {"uri": uri, "atlas": atlas, "kind": "streamlines", **counts}


@pytest.fixture
def world(s3: Any, storage: Storage, records: Records) -> World:
    return World(s3, storage, records)


def stack_of(source: GraphSource, **options: Any) -> GraphStack:
    (stack,) = read_stacks(source, atlases=ATLASES, **options)
    return stack


def run_graphs(world: World) -> RunGraphs:
    return RunGraphs(RunReader(world.records.run(RUN), records=world.records), world.storage)


def publish(world: World, *, lost_list: bytes | None, second: bytes | None = None) -> None:
    """The first scan lost the regions of the labels 3 and 7."""
    first = {place("sub-01/ses-1"): edge_list(48, without=(3, 7, 9))}
    if lost_list is not None:
        first[f"sub-01/ses-1/connectomes_d/{JHU}/lost_roi.csv"] = lost_list
    world.publish(0, first, graphs=[graph("sub-01/ses-1", lost=2)])
    world.publish(1, {place("sub-02"): second or edge_list(48)}, graphs=[graph("sub-02", lost=0)])


def test_lost_regions_are_nan_where_m2g_lists_them(world: World) -> None:
    publish(world, lost_list=b"0,3,7\r\n")
    stack = stack_of(run_graphs(world))
    assert [scan.name for scan in stack.scans] == ["sub-01/ses-1", "sub-02"]
    assert (stack.parcellation, stack.kind, stack.model) == ("JHU", "streamlines", "csa")
    assert stack.labels == tuple(node.label for node in ATLASES.nodes["JHU"])
    assert stack.centres is not None
    assert stack.centres.shape == (48, 3)
    lost = np.isnan(stack.matrix(0)).all(axis=1)
    assert [stack.labels[row] for row in np.flatnonzero(lost)] == [3, 7]
    # Node 9 has no streamline, and is not lost.
    assert not stack.matrix(0)[8][~lost].any()
    assert not np.isnan(stack.matrix(1)).any()
    assert stack.matrix(1)[4, 5] == 5
    assert stack.unplaced == ()


def test_where_only_their_number_is_known_it_is_said(world: World) -> None:
    publish(world, lost_list=None)
    stack = stack_of(run_graphs(world))
    assert not np.isnan(stack.weights).any()
    assert [(note.scan, note.reason[:22]) for note in stack.unplaced] == [("sub-01/ses-1", "Which 2 regions it los")]


def test_regions_without_an_edge_are_the_lost_ones_if_their_numbers_agree(world: World) -> None:
    world.publish(0, {place("sub-01/ses-1"): edge_list(48, without=(3, 7))}, graphs=[graph("sub-01/ses-1", lost=2)])
    stack = stack_of(run_graphs(world))
    assert np.flatnonzero(np.isnan(stack.matrix(0)).all(axis=1)).tolist() == [2, 6]
    assert stack.unplaced == ()


def test_a_file_that_is_no_connectome_is_left_out_and_the_others_stay(world: World) -> None:
    publish(world, lost_list=None, second=b"no numbers\n")
    world.publish(0, {place("sub-01/ses-1"): b"hello\n"}, graphs=[graph("sub-01/ses-1", lost=0)])
    world.publish(1, {place("sub-02"): edge_list(48)}, graphs=[graph("sub-02", lost=0)])
    stack = stack_of(run_graphs(world))
    assert [scan.name for scan in stack.scans] == ["sub-02"]
    assert [left_out.scan for left_out in stack.left_out] == ["sub-01/ses-1"]
    assert stack.matrix(0)[4, 5] == 5


def test_a_parcellation_that_no_scan_has_is_refused(world: World) -> None:
    publish(world, lost_list=None)
    with pytest.raises(UsageProblem, match="No scan has a connectome of the parcellation Desikan"):
        stack_of(run_graphs(world), atlas="Desikan")
    assert stack_of(run_graphs(world), atlas="jhu").atlas == JHU


def test_a_large_stack_is_a_private_file_without_a_name(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(world, lost_list=None)
    in_memory = stack_of(run_graphs(world)).weights
    monkeypatch.setattr(stack_room, "IN_MEMORY_BYTES", 100)
    mapped = stack_of(run_graphs(world)).weights
    assert isinstance(mapped, np.memmap)
    assert (np.asarray(mapped) == in_memory).all()


def test_a_disk_without_room_is_told_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_room, "IN_MEMORY_BYTES", 100)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(Problem, match=r"need 0\.0 GB in .*, and its disk has 0\.0 GB left") as caught:
        stack_room.room(100, 100)
    assert "TMPDIR" in caught.value.hint


def folder_with(path: Path, *, lost: str = "0", regions: str = "48", body: bytes | None = None) -> Path:
    """A folder as `results` writes it, with the columns that are read."""
    file = place("sub-01/ses-1")
    (path / file).parent.mkdir(parents=True)
    (path / file).write_bytes(edge_list(48) if body is None else body)
    rows = [
        ("scan", "participant_id", "session_id", "atlas", "kind", "file", "regions", "lost"),
        ("sub-01/ses-1", "sub-01", "ses-1", JHU, "streamlines", file, regions, lost),
        ("sub-02", "sub-02", "n/a", JHU, "streamlines", f"../{file}", regions, lost),
        ("sub-03", "sub-03", "n/a", JHU, "streamlines", f"sub-03/connectomes_d/{JHU}/x_connectome.csv", "n/a", "n/a"),
    ]
    (path / "connectomes.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))
    return path


def test_a_folder_of_results_is_read(tmp_path: Path) -> None:
    stack = stack_of(FolderGraphs(folder_with(tmp_path)))
    assert [scan.name for scan in stack.scans] == ["sub-01/ses-1"]
    assert stack.model == ""
    assert stack.matrix(0)[4, 5] == 5
    # A path out of the folder is not followed, and a missing file is one scan's.
    assert [(note.scan, note.reason.split(" ")[-1]) for note in stack.left_out] == [
        ("sub-02", "folder."),
        ("sub-03", "missing."),
    ]
    assert not stack.is_preview


def test_a_folder_of_the_preview_says_so(tmp_path: Path) -> None:
    folder_with(tmp_path)
    (tmp_path / "README.md").write_text(f"# Connectomes\n\n**{BANNER}**\n")
    assert stack_of(FolderGraphs(tmp_path)).is_preview


def test_a_folder_with_the_list_of_lost_regions_uses_it(tmp_path: Path) -> None:
    folder_with(tmp_path, lost="1", body=edge_list(48, without=(3, 9)))
    (tmp_path / place("sub-01/ses-1")).with_name("lost_roi.csv").write_text("9\r\n")
    stack = stack_of(FolderGraphs(tmp_path))
    assert [stack.labels[row] for row in np.flatnonzero(np.isnan(stack.matrix(0)).all(axis=1))] == [9]


@pytest.mark.parametrize("table", [None, "a\tb\n1\t2\n"])
def test_a_folder_that_results_did_not_write_is_refused(tmp_path: Path, table: str | None) -> None:
    if table is not None:
        (tmp_path / "connectomes.tsv").write_text(table)
    with pytest.raises(Problem, match=r"connectomes\.tsv"):
        FolderGraphs(tmp_path)

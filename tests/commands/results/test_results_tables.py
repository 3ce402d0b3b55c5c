"""`results`: the table of connectomes, and those of each atlas's nodes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from support.results_world import OUTPUT, PLACE, RUN, World, names

from opsctl.assets import atlas_nodes, atlas_table
from opsctl.commands.results.description import describe
from opsctl.commands.results.download import download, open_folder
from opsctl.commands.results.faults import Faults
from opsctl.commands.results.tables import write_tables
from opsctl.core.runs.output_kinds import What


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def tables(world: World, folder: Path, costs: dict[int, float] | None = None, what: What = "connectomes") -> Path:
    """Download the files and write the tables, as the verb does."""
    plan = world.plan(folder, what)
    with open_folder(folder) as target:
        describe(target, plan, world.storage)
        downloaded = download(plan, world.storage, target, on_file=lambda _: None)
        path = write_tables(
            plan,
            downloaded.in_the_table,
            costs or {},
            target,
            faults=downloaded.faults,
            atlases=atlas_table(),
            nodes=atlas_nodes(),
        )
    if downloaded.faults:
        raise downloaded.faults.summary()
    assert path is not None
    return path


#: Atlases at 2 mm: one that m2g cuts, and one whose nodes opsctl does not know.
MICCAI = "MICCAI_space-MNI152NLin6_res-2x2x2"
DS16784 = "DS16784_space-MNI152NLin6_res-2x2x2"


def place(atlas: str) -> str:
    return f"sub-01/ses-1/connectomes_d/{atlas}/sub-01_ses-1_dwi_{atlas}_connectome.csv"


def graph(file: str, **changes: Any) -> dict[str, Any]:
    counted = {"nodes": 66, "edges": 812, "regions": 134, "lost": 68, "kind": "streamlines"}
    return {"uri": f"{OUTPUT}/{file}", "atlas": file.split("/")[-2].removesuffix(".nii.gz"), **counted, **changes}


def test_the_table_has_what_the_job_counted(world: World, tmp_path: Path) -> None:
    # The file says otherwise: it is not read.
    world.publish(0, {place(MICCAI): b"1 2 5.0\n"}, graphs=[graph(place(MICCAI))], peak_disk_mib=2100)
    path = tables(world, tmp_path, {0: 0.1234567})
    assert path == tmp_path / "connectomes.tsv"
    assert rows(path) == [
        {
            "scan": "sub-01/ses-1",
            "participant_id": "sub-01",
            "session_id": "ses-1",
            "atlas": MICCAI,
            "kind": "streamlines",
            "file": place(MICCAI),
            "nodes": "66",
            "edges": "812",
            "regions": "134",
            "lost": "68",
            "seconds": "3665",
            "peak_memory_mib": "812",
            "peak_disk_mib": "2100",
            "cost_usd": "0.1235",
            "run": RUN,
            "model": "csa",
        }
    ]
    sidecar = json.loads((tmp_path / "connectomes.json").read_text())
    assert list(sidecar) == list(rows(path)[0])
    assert all(column["Description"] for column in sidecar.values())
    assert [name for name in names(tmp_path) if name.endswith(".part")] == []


def test_what_the_job_does_not_know_is_not_available(done: World, tmp_path: Path) -> None:
    atlas = "AAL_space-MNI152NLin6_res-2x2x2"
    signed, absolute = (
        f"sub-02/connectomes_f/{atlas}.nii.gz/sub-02_ses-_func_{atlas}.nii.gz_{name}.csv"
        for name in ("edgelist", "abs_edgelist")
    )
    files = {
        signed: b"1 2 -0.5\n1 3 nan\n",
        absolute: b"1 2 0.5\n1 3 nan\n",
    }
    done.publish(1, files, peak_memory_mib=0)
    lines = rows(tables(done, tmp_path, what="all"))
    shown = [(line["file"], line["atlas"], line["kind"], line["nodes"], line["edges"]) for line in lines]
    assert shown == [
        (PLACE, "Desikan", "streamlines", "2", "1"),
        (absolute, atlas, "absolute correlation", "2", "1"),
        (signed, atlas, "correlation", "2", "1"),
    ]
    unknown = ("regions", "peak_memory_mib", "peak_disk_mib", "cost_usd")
    assert [lines[1][column] for column in unknown] == ["n/a"] * 4
    assert (lines[1]["session_id"], lines[0]["peak_memory_mib"]) == ("n/a", "812")


def test_a_connectome_of_an_atlas_without_any_edge_comes_home_and_is_listed(world: World, tmp_path: Path) -> None:
    world.publish(0, {place(MICCAI): b"1 2 5.0\n", place(DS16784): b""})
    lines = rows(tables(world, tmp_path))
    shown = {line["file"]: (line["nodes"], line["edges"]) for line in lines}
    assert shown == {place(MICCAI): ("2", "1"), place(DS16784): ("0", "0")}
    assert (tmp_path / place(DS16784)).read_bytes() == b""


def test_each_atlas_has_a_table_of_its_nodes(world: World, tmp_path: Path) -> None:
    world.publish(0, {place(atlas): b"1 2 5.0\n" for atlas in (MICCAI, DS16784)})
    tables(world, tmp_path)
    assert {name for name in names(tmp_path) if name.startswith("nodes/")} == {
        f"nodes/{MICCAI}_nodes.tsv",
        "nodes/nodes.json",
        "nodes/README.md",
    }
    nodes = rows(tmp_path / f"nodes/{MICCAI}_nodes.tsv")
    # Node 14 is label 44: m2g counts labels, and keeps the numbers of those that it cuts.
    assert len(nodes) == 134
    assert (nodes[13]["node"], nodes[13]["label"]) == ("14", "44")
    assert list(json.loads((tmp_path / "nodes/nodes.json").read_text())) == list(nodes[0])
    assert f"- {DS16784}: no table. " in (tmp_path / "nodes/README.md").read_text()
    assert "nodes/**" in (tmp_path / ".bidsignore").read_text().splitlines()
    assert "Node k of a connectome is the k-th label" in (tmp_path / "README.md").read_text()


def test_a_table_of_nodes_goes_when_it_does_not_hold_any_more(world: World, tmp_path: Path) -> None:
    file = f"sub-02/connectomes_f/{MICCAI}.nii.gz/sub-02_ses-_func_{MICCAI}.nii.gz_edgelist.csv"
    for lost in (0, 1):
        world.publish(1, {file: b"1 2 0.5\n"}, graphs=[graph(file, kind="correlation", lost=lost)])
        tables(world, tmp_path)
        assert (tmp_path / f"nodes/{MICCAI}_nodes.tsv").exists() == (lost == 0)


def test_scans_that_need_a_look_are_listed(world: World, tmp_path: Path) -> None:
    warning = {"code": "regions_lost", "atlas": MICCAI, "text": "3 more regions than usual are lost."}
    world.publish(0, {place(MICCAI): b"1 2 5.0\n"}, warnings=[warning])
    world.publish(1, {"sub-02/connectomes_d/A/x.csv": b"1 2 5.0\n"})
    plan = world.plan(tmp_path)
    shown = plan.as_json(present=(), faults=Faults(""), table=None)
    assert shown["warnings"] == [{"scan": "sub-01/ses-1", **warning}]
    assert [scan for scan, _ in plan.warnings] == ["sub-01/ses-1"]

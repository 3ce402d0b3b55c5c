"""`results`: a run's files are downloaded and verified, and only below the folder."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.results_world import ABOUT, DESCRIPTION, EARLIER, OTHER, OUTPUT, PLACE, QA, RUN, World

from opsctl.assets import atlas_nodes, atlas_table
from opsctl.aws.s3.storage import Storage
from opsctl.commands.results import download as module
from opsctl.commands.results.description import describe
from opsctl.commands.results.download import download, open_folder
from opsctl.commands.results.faults import Faults
from opsctl.commands.results.tables import write_tables
from opsctl.commands.runs.records import Records
from opsctl.core.errors import ErrorCode, Interrupted, Problem
from opsctl.core.runs.manifest import Origin
from opsctl.core.runs.output_kinds import What


@pytest.fixture
def world(s3: Any, storage: Storage, records: Records) -> World:
    return World(s3, storage, records)


@pytest.fixture
def done(world: World) -> World:
    """The first scan is done."""
    world.publish(0, {PLACE: b"0,2\n2,0\n", QA: b"png", OTHER: b"trk"})
    return world


@pytest.fixture
def read_keys(done: World) -> Any:
    """The keys of the outputs that were read."""
    keys: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        if "/sub-" in params["Key"]:
            keys.append(params["Key"])

    done.s3.meta.events.register("provide-client-params.s3.GetObject", note, unique_id="read_keys")
    yield keys
    done.s3.meta.events.unregister("provide-client-params.s3.GetObject", unique_id="read_keys")


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("what", "places"), [("connectomes", [PLACE]), ("qa", [QA]), ("all", sorted([PLACE, QA, OTHER]))]
)
def test_what_is_asked_for_comes_in_the_same_tree(done: World, tmp_path: Path, what: What, places: list[str]) -> None:
    assert done.fetched(tmp_path, what) == places
    assert names(tmp_path) == {*places, *ABOUT}
    assert (tmp_path / places[0]).read_bytes() == {PLACE: b"0,2\n2,0\n", QA: b"png", OTHER: b"trk"}[places[0]]


def test_functional_outputs_have_their_own_folders(world: World, tmp_path: Path) -> None:
    places = {f"sub-02/{folder}/x.txt": b"1" for folder in ("qa_f", "log_f", "func", "qa_d.old")}
    world.publish(1, places)
    assert world.fetched(tmp_path, "qa") == ["sub-02/log_f/x.txt", "sub-02/qa_f/x.txt"]


def test_what_is_missing_is_told(done: World, tmp_path: Path) -> None:
    plan = done.plan(tmp_path)
    assert plan.missing == ("sub-02",)
    body = b"0,2\n2,0\n"
    faults = Faults("opsctl results x")
    assert plan.as_json(present=plan.downloads, faults=faults, table=tmp_path / "connectomes.tsv") == {
        "schema_version": 1,
        "run_id": RUN,
        "dataset": "s3://data/HNU1",
        "output": OUTPUT,
        "what": "connectomes",
        "connectomes": [
            {
                "scan": "sub-01/ses-1",
                "run_id": RUN,
                "uri": f"{OUTPUT}/{PLACE}",
                "path": str(tmp_path / PLACE),
                "size_bytes": 8,
                "sha256": hashlib.sha256(body).hexdigest(),
            }
        ],
        "files": [],
        "table": str(tmp_path / "connectomes.tsv"),
        "formats": [],
        "missing": ["sub-02"],
        "warnings": [],
        "failed": [],
        "error": None,
    }
    qa = done.plan(tmp_path, "qa")
    files = qa.as_json(present=qa.downloads, faults=faults, table=None)["files"]
    assert [file["path"] for file in files] == [str(tmp_path / QA)]
    done.publish(1, {}, status="failed", cause="c")
    assert done.plan(tmp_path).missing == ("sub-02",)
    done.publish(1, {"sub-02/connectomes_d/A/x.csv": b"3"})
    assert done.plan(tmp_path).missing == ()


def test_scans_that_an_earlier_run_made_are_this_runs_too(done: World, tmp_path: Path) -> None:
    done.publish(0, {PLACE: b"0,2\n2,0\n"}, run_id=EARLIER)
    done.put_run(EARLIER)
    scans = ("sub-02", "sub-01/ses-1")
    done.put_run(RUN, scans=scans, sizes=(1,), adopted=(Origin(EARLIER, 0),))
    done.publish(0, {"sub-02/connectomes_d/A/x.csv": b"3"}, scan="sub-02")
    plan = done.plan(tmp_path)
    assert [(item.index, item.scan, item.place) for item in plan.downloads] == [
        (0, "sub-02", "sub-02/connectomes_d/A/x.csv"),
        (1, "sub-01/ses-1", PLACE),
    ]
    assert plan.missing == ()


@pytest.mark.parametrize("status", ["failed", None])
def test_nothing_done_yet(world: World, tmp_path: Path, status: str | None) -> None:
    if status is not None:
        world.publish(0, {}, status=status, cause="c")
    with pytest.raises(Problem, match=f"No scan of {RUN} is done yet") as caught:
        world.plan(tmp_path)
    assert "opsctl status" in caught.value.hint


def test_a_second_time_fetches_only_what_is_not_here(done: World, tmp_path: Path, read_keys: list[str]) -> None:
    x, y = (f"sub-02/connectomes_d/A/{name}.csv" for name in "xy")
    done.publish(1, {x: b"3", y: b"4"})
    places = done.fetched(tmp_path)
    (tmp_path / x).unlink()
    done.publish(1, {x: b"3", y: b"9"})  # as long as before
    read_keys.clear()
    # Told of all of them: the bar must get to its end.
    assert done.fetched(tmp_path) == places
    assert sorted(read_keys) == [done.key(x), done.key(y)]
    assert [(tmp_path / place).read_bytes() for place in (x, y)] == [b"3", b"9"]


def test_a_file_that_was_changed_by_hand_is_noticed_though_its_size_and_time_are_the_same(
    done: World, tmp_path: Path
) -> None:
    done.fetched(tmp_path)
    status = (tmp_path / PLACE).stat()
    content = (tmp_path / PLACE).read_bytes()
    (tmp_path / PLACE).write_bytes(content.swapcase()[:-1] + b" ")
    os.utime(tmp_path / PLACE, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (tmp_path / PLACE).stat().st_size == status.st_size
    with pytest.raises(Problem, match=f"{PLACE} cannot be written .it is there already, and not as opsctl wrote it"):
        done.fetched(tmp_path)


def test_one_bad_file_does_not_keep_the_others_from_coming(done: World, tmp_path: Path) -> None:
    done.publish(1, {f"sub-02/connectomes_d/A/{name}.csv": name.encode() for name in "abcd"})
    done.s3.put_object(Bucket="data", Key=done.key("sub-02/connectomes_d/A/b.csv"), Body=b"X")
    done.s3.delete_object(Bucket="data", Key=done.key("sub-02/connectomes_d/A/c.csv"))
    with pytest.raises(Problem, match=r"2 files did not come: .*sub-02/connectomes_d/A/[bc]\.csv") as caught:
        done.fetched(tmp_path)
    assert "run the scan again" in str(caught.value).lower()
    assert f"`opsctl results {tmp_path}` goes on" in caught.value.hint
    assert names(tmp_path) == {PLACE, "sub-02/connectomes_d/A/a.csv", "sub-02/connectomes_d/A/d.csv", *ABOUT}


def test_a_network_that_is_down_is_not_tried_for_each_of_a_thousand_files(
    done: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done.publish(1, {f"sub-02/connectomes_d/A/{number}.csv": b"1" for number in range(200)})
    tried: list[str] = []

    def down(client: Any, file: Any, folder: Any, place: str, **_: Any) -> None:
        tried.append(place)
        raise Problem("s3 cannot be reached.", "Is the network up?", code=ErrorCode.AWS_UNREACHABLE)

    monkeypatch.setattr(module, "download_file", down)
    with pytest.raises(Problem, match="201 files did not come: s3 cannot be reached"):
        done.fetched(tmp_path)
    assert len(tried) < 40


def test_a_disk_without_room_is_found_before_anything_is_fetched(
    done: World, tmp_path: Path, read_keys: list[str]
) -> None:
    with pytest.raises(Problem, match="are to come, and the disk of .* has") as caught:
        done.fetched(tmp_path, free=lambda _: 7)
    assert "name another folder" in caught.value.hint
    assert read_keys == []
    assert done.fetched(tmp_path, free=lambda _: 8) == [PLACE]
    # What is here already needs no room.
    assert done.fetched(tmp_path, free=lambda _: 0) == [PLACE]


def test_a_disk_that_fills_up_is_a_sentence(done: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done.publish(1, {f"sub-02/connectomes_d/A/{number}.csv": b"1" for number in range(50)})

    def full(client: Any, file: Any, folder: Any, place: str, **_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "download_file", full)
    with pytest.raises(Problem, match="51 files did not come: .* cannot be written .No space left") as caught:
        done.fetched(tmp_path)
    assert "Make room" in caught.value.hint


@pytest.mark.parametrize("where", ["folder", "file"])
def test_a_place_that_cannot_be_written_to_is_told(done: World, tmp_path: Path, where: str) -> None:
    blocked = tmp_path / "home"
    if where == "folder":
        blocked.write_text("a file in the way")
    else:
        blocked.mkdir()
        (blocked / "sub-01").write_text("a file in the way")
    with pytest.raises(Problem, match="cannot be written"):
        done.fetched(blocked)


def test_ctrl_c_says_what_is_still_to_come(done: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pool(module.ThreadPoolExecutor):
        def map(self, function: Callable[..., Any], *rest: Any, **_: Any) -> Any:  # type: ignore[override]
            if getattr(function, "__name__", "") == "_download":
                raise KeyboardInterrupt
            return super().map(function, *rest)

    monkeypatch.setattr(module, "ThreadPoolExecutor", Pool)
    with pytest.raises(Interrupted, match="Stopped: 1 file still to come") as caught:
        done.fetched(tmp_path)
    assert "goes on where this stopped" in caught.value.hint


OUTSIDE = [
    f"{OUTPUT}/../../../x.csv",
    f"{OUTPUT}/sub-01/../../x.csv",
    f"{OUTPUT}//etc/x.csv",
    f"{OUTPUT}-2/x.csv",
    "s3://data/HNU1/derivatives/other/x.csv",
    "s3://elsewhere/x.csv",
]


@pytest.mark.parametrize("uri", OUTSIDE)
def test_a_result_that_points_outside_its_run_is_refused(world: World, tmp_path: Path, uri: str) -> None:
    world.publish(0, {uri: b"x"})
    with pytest.raises(Problem, match="No scan of .* is done yet"):
        world.plan(tmp_path / "home")
    (problem,) = world.records.unreadable()
    assert (
        problem.source.endswith("/results/00000.json") and "files are in" in problem.what
    ) or "outputs" in problem.what


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


def test_what_the_job_did_not_count_is_read_from_the_files(done: World, tmp_path: Path) -> None:
    atlas = "AAL_space-MNI152NLin6_res-2x2x2"
    signed, absolute = (
        f"sub-02/connectomes_f/{atlas}.nii.gz/sub-02_ses-_func_{atlas}.nii.gz_{name}.csv"
        for name in ("edgelist", "abs_edgelist")
    )
    files = {
        signed: b"1 2 -0.5\n1 3 nan\n",
        absolute: b"1 2 0.5\n1 3 nan\n",
        "sub-02/connectomes_f/B/no graph.csv": b"words",
    }
    done.publish(1, files, peak_memory_mib=0)
    lines = rows(tables(done, tmp_path, what="all"))
    shown = [(line["file"], line["atlas"], line["kind"], line["nodes"], line["edges"]) for line in lines]
    assert shown == [
        (PLACE, "Desikan", "streamlines", "2", "1"),
        (absolute, atlas, "absolute correlation", "2", "1"),
        (signed, atlas, "correlation", "2", "1"),
        ("sub-02/connectomes_f/B/no graph.csv", "B", "n/a", "n/a", "n/a"),
    ]
    unknown = ("regions", "lost", "peak_memory_mib", "peak_disk_mib", "cost_usd")
    assert [lines[1][column] for column in unknown] == ["n/a"] * 5
    assert (lines[1]["session_id"], lines[0]["peak_memory_mib"]) == ("n/a", "812")


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


def test_a_result_with_control_characters_in_a_name_counts_as_none(done: World, tmp_path: Path) -> None:
    done.publish(1, {"sub-02/a\tb\nc.csv": b"1"})
    assert done.plan(tmp_path).missing == ("sub-02",)


def test_the_folder_is_a_derivative_as_pybids_reads_it(done: World, tmp_path: Path) -> None:
    done.fetched(tmp_path)
    assert json.loads((tmp_path / "dataset_description.json").read_text()) == DESCRIPTION
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from bids import BIDSLayout

        layout = BIDSLayout(tmp_path, is_derivative=True, validate=False)
    assert layout.get_subjects() == ["01"]
    assert layout.get_dataset_description()["DatasetType"] == "derivative"


def test_what_a_person_wrote_there_stays(done: World, tmp_path: Path) -> None:
    (tmp_path / "README.txt").write_text("mine")
    (tmp_path / ".bidsignore").write_text("mine")
    done.fetched(tmp_path)
    assert names(tmp_path) == {PLACE, "README.txt", *ABOUT - {"README.md"}}
    assert (tmp_path / ".bidsignore").read_text() == "mine"


@pytest.mark.parametrize(
    "change",
    [
        {"DatasetType": "raw"},
        {"Name": "m2g-csd-native"},
        {"SourceDatasets": [{"URL": "s3://data/KKI"}]},
        "not JSON",
    ],
)
def test_another_dataset_is_never_written_into(
    done: World, tmp_path: Path, change: dict[str, Any] | str, read_keys: list[str]
) -> None:
    text = change if isinstance(change, str) else json.dumps({**DESCRIPTION, **change})
    (tmp_path / "dataset_description.json").write_text(text)
    with pytest.raises(Problem, match="holds another dataset"):
        done.fetched(tmp_path)
    assert names(tmp_path) == {"dataset_description.json"}
    assert (tmp_path / "dataset_description.json").read_text() == text
    assert read_keys == []


def test_a_description_that_has_changed_since_is_renewed(done: World, tmp_path: Path) -> None:
    key = done.key("dataset_description.json")
    done.storage.put_json("data", key, {**DESCRIPTION, "GeneratedBy": [{"Name": "m2g", "Version": "0.0"}]})
    done.fetched(tmp_path)
    done.storage.put_json("data", key, DESCRIPTION)
    done.fetched(tmp_path)
    assert json.loads((tmp_path / "dataset_description.json").read_text()) == DESCRIPTION

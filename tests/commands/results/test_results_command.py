"""`results`: a run's files are downloaded and verified, and only below the folder."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.record_examples import outputs_of
from support.results_world import ABOUT, DESCRIPTION, EARLIER, OTHER, OUTPUT, PLACE, QA, RUN, World, names

from opsctl.aws.s3.partial_file import part_name
from opsctl.commands.results import download as module
from opsctl.commands.results.faults import Faults
from opsctl.core.errors import ErrorCode, Interrupted, Problem
from opsctl.core.runs.manifest import Origin
from opsctl.core.runs.output_kinds import What


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
    # What is here already needs no room, and neither does what an earlier download has left.
    assert done.fetched(tmp_path, free=lambda _: 0) == [PLACE]
    (tmp_path / PLACE).unlink()
    (tmp_path / PLACE).with_name(part_name(Path(PLACE).name)).write_bytes(b"0,2\n2")
    with pytest.raises(Problem, match=r"0\.0 MB are to come"):
        done.fetched(tmp_path, free=lambda _: 2)
    assert done.fetched(tmp_path, free=lambda _: 3) == [PLACE]


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
    class Pressed(module.Workers[Any]):
        def wait(self) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "Workers", Pressed)
    with pytest.raises(Interrupted, match="Stopped: 1 file still to come") as caught:
        done.fetched(tmp_path)
    assert "goes on where this stopped" in caught.value.hint


OUTSIDE = {
    "above the derivatives": {"path": "../../../x.csv"},
    "in another scan": {"path": "../../x.csv"},
    "of the system": {"path": "/etc/x.csv"},
    "in a derivative with a longer name": {"folder": f"{OUTPUT}-2/sub-01/ses-1"},
    "in another derivative": {"folder": "s3://data/HNU1/derivatives/other/sub-01/ses-1"},
    "in another bucket": {"folder": "s3://elsewhere/HNU1/derivatives/m2g-csa-native/sub-01/ses-1"},
}


@pytest.mark.parametrize("place", OUTSIDE.values(), ids=list(OUTSIDE))
def test_a_result_that_points_outside_its_run_is_refused(
    world: World, tmp_path: Path, place: Mapping[str, str]
) -> None:
    outputs = outputs_of("sub-01/ses-1", OUTPUT)
    outputs["folder"] = place.get("folder", outputs["folder"])
    outputs["files"] = [{**file, "path": place.get("path", file["path"])} for file in outputs["files"]]
    world.publish(0, {}, outputs=outputs)
    with pytest.raises(Problem, match="No scan of .* is done yet"):
        world.plan(tmp_path / "home")
    (problem,) = world.records.unreadable()
    assert (
        problem.source.endswith("/results/00000.json") and "files are in" in problem.what
    ) or "outputs" in problem.what


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

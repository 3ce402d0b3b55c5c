"""A job that reuses an earlier registration: all of it is staged and compared, or m2g does not start."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from m2g_job import reuse
from support.job_world import BUCKET, RUN, RUN_ID, World

from opsctl.core.runs.registration import registration_of
from opsctl.core.runs.result import Result

BASE = "HNU1/derivatives/m2g-csa-native/sub-0025427/ses-1"
OWN = "HNU1/derivatives/m2g-csa-native-reuse-Desikan/sub-0025427/ses-1"
NEEDED = (*reuse.REGISTRATION, *(f"{tissue}_res.nii.gz" for tissue in reuse.TISSUES))
PICTURE = "qa_d/skull_strip/qa_skullstrip__sub-0025427_ses-1_T1w_RAS.png"


def reusing(world: World) -> dict[str, Any]:
    """Put an earlier scan's files, and make the world's scan one that reuses them; returns the block `reuse`."""
    files = []
    for path in (*NEEDED, PICTURE):
        data = f"earlier {path}".encode()
        entry = world.put(f"{BASE}/{path}", data)
        files.append(
            {
                "path": path,
                "size_bytes": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "etag": entry["etag"],
            }
        )
    block = {"run_id": "HNU1-20261121-120000-ab12", "base": f"s3://{BUCKET}/{BASE}", "files": files}
    world.scan["reuse"] = block
    world.scan["output"] = f"s3://{BUCKET}/{OWN}"
    world.ask(reuse_registration=True)
    return block


def test_m2g_repeats_no_step_of_the_earlier_scan(world: World) -> None:
    block = reusing(world)
    world.submit()
    code, output = world.run()
    assert code == 0, output
    assert "staged 16 files" in output
    assert world.get(f"{OWN}/dwi/steps.txt") == b""
    # The new output is complete in itself.
    assert world.get(f"{OWN}/{PICTURE}") == f"earlier {PICTURE}".encode()
    assert world.get(f"{OWN}/anat_d/registered/t1w_in_dwi.nii.gz").startswith(b"earlier")

    provenance = json.loads(world.get(f"{OWN}/sub-0025427_ses-1_provenance.json"))
    assert provenance["reuse"] == block
    at = "bids:source:derivatives/m2g-csa-native/sub-0025427/ses-1"
    assert f"{at}/tmp_d/reg_a/mni2t1w_warp.nii.gz" in provenance["Sources"]
    assert len(provenance["Sources"]) == 4 + 16


@pytest.mark.parametrize("path", NEEDED)
def test_a_job_whose_json_lacks_a_needed_file_is_refused(world: World, path: str) -> None:
    block = reusing(world)
    others = [file for file in block["files"] if file["path"] != path]
    with pytest.raises(reuse.WrongInput, match="m2g would register again") as refused:
        reuse.parse({**block, "files": others}, argv=world.scan["argv"], bucket=BUCKET)
    assert (refused.value.cause_code, refused.value.exit_code) == ("reuse_incomplete", 2)


@pytest.mark.parametrize("change", ["gone", "replaced", "of another content"])
def test_m2g_does_not_start_where_an_earlier_file_is_not_what_it_was(world: World, change: str) -> None:
    block = reusing(world)
    path = "tmp_d/reg_a/t1w_vent_csf_in_dwi.nii.gz"
    (file,) = (entry for entry in block["files"] if entry["path"] == path)
    if change == "gone":
        world.client.delete_object(Bucket=BUCKET, Key=f"{BASE}/{path}")
    elif change == "replaced":
        world.put(f"{BASE}/{path}", b"another registration")
    else:
        file["sha256"] = "0" * 64
    world.submit()
    code, output = world.run()
    assert (code, world.result()["cause_code"]) == (2, "reuse_incomplete"), output
    assert path in world.result()["cause"]
    assert "running: m2g" not in output
    assert world.keys(OWN) == []


@pytest.mark.parametrize(
    ("missing", "steps"),
    [
        ("dwi/preproc/eddy_corrected_data.nii.gz", "eddy correction"),
        ("anat_d/preproc/t1w_seg_pve_1_res.nii.gz", "skull strip"),
        ("tmp_d/reg_a/mni2t1w_warp.nii.gz", "registration"),
        ("tmp_d/reg_a/t1w_vent_csf_in_dwi.nii.gz", "tissue to DWI"),
    ],
)
def test_without_the_refusal_m2g_would_repeat_a_step_in_silence(
    world: World, monkeypatch: pytest.MonkeyPatch, missing: str, steps: str
) -> None:
    """What m2g itself does, so that the refusal is seen to matter: the runner's own list is emptied in a copy."""
    block = reusing(world)
    block["files"] = [file for file in block["files"] if file["path"] != missing]
    world.submit()
    code, output = world.run(path=str(trusting_runner(world)))
    assert code == 0, output
    assert world.get(f"{OWN}/dwi/steps.txt").decode() == steps


def trusting_runner(world: World) -> Any:
    """A copy of the runner that believes that no file is missing."""
    import shutil

    from support.job_world import CONTAINER

    copy = world.folder / "trusting"
    shutil.copytree(CONTAINER / "m2g_job", copy / "m2g_job")
    module = copy / "m2g_job" / "reuse.py"
    source = module.read_text()
    assert "missing = missing_files(" in source
    module.write_text(source.replace("missing = missing_files(", "missing = [] and missing_files("))
    return copy


@pytest.mark.parametrize("argv", [["--skipeddy", "--skipreg"], ["--skipreg"], ["--skipeddy"]])
def test_m2gs_flags_without_earlier_files_are_refused(world: World, argv: list[str]) -> None:
    with pytest.raises(reuse.WrongInput, match="contradict"):
        reuse.parse(None, argv=argv, bucket=BUCKET)
    assert reuse.parse(None, argv=["m2g"], bucket=BUCKET) is None


@pytest.mark.parametrize("argv", [[], ["--skipreg"]])
def test_earlier_files_without_m2gs_flags_are_refused(world: World, argv: list[str]) -> None:
    with pytest.raises(reuse.WrongInput, match="contradict"):
        reuse.parse(reusing(world), argv=argv, bucket=BUCKET)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "tmp_d/../../x", "dwi//x", "tmp_d/./x"])
def test_a_path_cannot_lead_out_of_the_output_folder(world: World, path: str) -> None:
    block = reusing(world)
    block["files"].append({**block["files"][0], "path": path})
    with pytest.raises(reuse.WrongInput, match="leads out"):
        reuse.parse(block, argv=world.scan["argv"], bucket=BUCKET)


@pytest.mark.parametrize(
    "base", ["s3://other/HNU1/derivatives/m/sub-1", f"s3://{BUCKET}/HNU1/sub-1", "s3://data/x/../derivatives/m/sub-1"]
)
def test_only_a_derivative_of_the_data_bucket_is_reused(world: World, base: str) -> None:
    with pytest.raises(reuse.WrongInput, match="not in a derivative"):
        reuse.parse({**reusing(world), "base": base}, argv=world.scan["argv"], bucket=BUCKET)


def test_all_four_tissues_need_the_same_ending() -> None:
    mixed = [*reuse.REGISTRATION, f"{reuse.TISSUES[0]}_res.nii.gz"]
    mixed += [f"{tissue}_nores.nii.gz" for tissue in reuse.TISSUES[1:]]
    assert reuse.missing_files(mixed) == [f"{reuse.TISSUES[0]}_nores.nii.gz"]
    assert reuse.missing_files(NEEDED) == []


@pytest.mark.parametrize(("session", "subject"), [("1", "0025427"), (None, "0025427"), ("A+1", "B+1")])
def test_a_second_job_reuses_what_the_first_one_left(world: World, session: str | None, subject: str) -> None:
    """From one job's result to the other's block, as opsctl makes it; a job's own labels are in no output."""
    name = f"sub-{subject}" + (f"/ses-{session}" if session else "")
    stem = name.replace("/", "_")
    world.scan["scan"] = {"name": name, "subject": subject, "session": session, "entities": {}}
    for entry in world.scan["inputs"]:
        data = world.get(entry["uri"].removeprefix(f"s3://{BUCKET}/"))
        ending = {"dwi": "dwi.nii.gz", "bval": "dwi.bval", "bvec": "dwi.bvec", "T1w": "T1w.nii.gz"}[entry["role"]]
        entry.update(world.put(f"HNU1/{name}/{stem}_{ending}", data))
    world.scan["output"] = f"s3://{BUCKET}/HNU1/derivatives/m2g-csa-native/{name}"
    world.submit()
    code, output = world.run(OPSCTL_FAKE_M2G="registers")
    assert code == 0, output
    first = Result.decode(json.dumps(world.result()).encode(), world.result_uri)

    reused = registration_of(first, run_id=RUN_ID, base=world.scan["output"])
    assert reused is not None
    world.client.delete_object(Bucket=BUCKET, Key=f"{RUN}/results/00000.json")
    world.scan |= {"reuse": reused.as_json(), "output": f"s3://{BUCKET}/HNU1/derivatives/again/{name}"}
    world.ask(reuse_registration=True)
    world.submit()
    code, output = world.run("job-b")
    assert code == 0, output
    assert world.get(f"HNU1/derivatives/again/{name}/dwi/steps.txt") == b""
    second = Result.decode(json.dumps(world.result()).encode(), world.result_uri)
    again = registration_of(second, run_id=RUN_ID, base=world.scan["output"])
    assert again is not None and [file.sha256 for file in again.files] == [file.sha256 for file in reused.files]

"""A scan that succeeds: staged as m2g needs it, verified, pushed privately and whole, the result last."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import pytest
from support.job_s3 import LocalS3
from support.job_world import (
    ATLAS,
    BUCKET,
    IMAGE,
    OUTPUT,
    REGISTRATION,
    RUN,
    RUN_ID,
    SKULL_STRIP,
    World,
    nifti,
    packed,
    table,
)

DERIVATIVE = "HNU1/derivatives/m2g-csa-native"


def test_a_dwi_scan(world: World, s3: LocalS3) -> None:
    code, output = world.run()

    assert code == 0, output
    assert output.splitlines()[0] == f"opsctl: run {RUN_ID}, index 0, attempt 1, job job-a"
    assert "m2g is done" in output
    assert world.seen_input() == [
        "dataset_description.json",
        "sub-0025427/ses-1/anat/sub-0025427_ses-1_T1w.nii.gz",
        "sub-0025427/ses-1/dwi/sub-0025427_ses-1_dwi.bval",
        "sub-0025427/ses-1/dwi/sub-0025427_ses-1_dwi.bvec",
        "sub-0025427/ses-1/dwi/sub-0025427_ses-1_dwi.nii.gz",
    ]
    atlas = f"{OUTPUT}/connectomes_d/{ATLAS}"
    connectome = f"{atlas}/sub-0025427_ses-1_dwi_{ATLAS}_connectome.csv"
    assert world.keys("HNU1/derivatives/") == [
        f"{DERIVATIVE}/dataset_description.json",
        connectome,
        *(f"{OUTPUT}/dwi/file-{number}.txt" for number in range(3)),
        f"{OUTPUT}/{SKULL_STRIP}",
        f"{OUTPUT}/sub-0025427_ses-1_provenance.json",
        *(f"{OUTPUT}/{name}" for name in REGISTRATION),
    ]
    result = world.result()
    assert result["outputs"]["folder"] == f"s3://{BUCKET}/{OUTPUT}"
    assert world.graphs() == [
        {
            "uri": f"s3://{BUCKET}/{connectome}",
            "atlas": ATLAS,
            "kind": "streamlines",
            "nodes": 70,
            "edges": 9 * 70 - 45,
            "regions": 70,
            "lost": 0,
        }
    ]
    assert result["warnings"] == []
    assert {name: result[name] for name in ("schema_version", "run_id", "index", "scan", "key", "status")} == {
        "schema_version": 1,
        "run_id": RUN_ID,
        "index": 0,
        "scan": "sub-0025427/ses-1",
        "key": "5f" * 32,
        "status": "succeeded",
    }
    assert (result["cause"], result["exit_code"], result["attempt"], result["image"]) == ("", 0, 1, IMAGE)
    assert (result["job_id"], result["log_stream"]) == ("job-a", "csa/default/job-a")
    assert all(seconds > 0 for seconds in result["seconds"].values())
    assert result["peak_memory_mib"] > 1
    assert s3.writes()[-1].key.startswith(f"{RUN}/claims/")
    assert s3.writes()[-2].key == f"{RUN}/results/00000.json", "the result is written after every output"


def test_the_result_lists_every_object_with_its_size_and_checksum(world: World, s3: LocalS3) -> None:
    assert world.run(OPSCTL_FAKE_M2G_FILES="40")[0] == 0

    files = world.files()
    assert len(files) == 46
    assert sorted(entry["uri"] for entry in files) == [f"s3://{BUCKET}/{key}" for key in world.keys(OUTPUT + "/")]
    for entry in files:
        data = world.get(entry["uri"].split("/", 3)[3])
        assert (entry["size_bytes"], entry["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        # What a listing says of it, months later.
        assert entry["etag"] == hashlib.md5(data).hexdigest()
    puts = [request for request in s3.writes() if request.key.startswith(OUTPUT)]
    assert puts
    assert all("x-amz-checksum-sha256" in request.headers for request in puts)


def test_nothing_is_made_public_and_nothing_written_elsewhere(world: World, s3: LocalS3) -> None:
    assert world.run()[0] == 0

    allowed = (
        OUTPUT + "/",
        f"{DERIVATIVE}/dataset_description.json",
        f"{RUN}/results/00000.json",
        f"{RUN}/claims/00000.",
        f"{RUN}/attempts/00000.1.",
    )
    assert s3.writes()
    for request in s3.writes(attempts=True):
        assert request.method == "PUT" and request.key.startswith(allowed), request
        assert not [name for name in request.headers if name.startswith(("x-amz-acl", "x-amz-grant"))]
        assert "acl" not in request.query


def test_a_large_file_goes_up_in_parts(world: World, s3: LocalS3) -> None:
    from m2g_job.faults import TransientFault
    from m2g_job.outputs import Output, push, verify
    from m2g_job.s3 import S3, make_client

    large = world.folder / "tracts.bin"
    large.write_bytes(bytes(range(256)) * (40 * 4096))
    client = S3(make_client())

    pushed = push(client, [Output(str(large), "tracts.bin")], f"s3://{BUCKET}/{OUTPUT}", guard=lambda: None)

    (entry,) = verify(client, pushed, f"s3://{BUCKET}/{OUTPUT}")
    assert entry["sha256"] == hashlib.sha256(large.read_bytes()).hexdigest()
    assert entry["etag"] == client.head(f"s3://{BUCKET}/{OUTPUT}/tracts.bin").etag
    assert world.get(f"{OUTPUT}/tracts.bin") == large.read_bytes()
    parts = [request for request in s3.requests if "partNumber" in request.query]
    assert len(parts) == 2
    assert all(request.headers.get("x-amz-sdk-checksum-algorithm") == "SHA256" for request in parts)
    world.put(f"{OUTPUT}/tracts.bin", b"another job's")
    with pytest.raises(TransientFault, match="not what this job uploaded"):
        verify(client, pushed, f"s3://{BUCKET}/{OUTPUT}")
    with pytest.raises(TransientFault, match="not what this job uploaded"):
        verify(client, pushed, f"s3://{BUCKET}/nothing-is-here")


def test_the_derivative_describes_itself_once(world: World) -> None:
    assert world.run()[0] == 0

    description = json.loads(world.get(f"{DERIVATIVE}/dataset_description.json"))
    assert (description["Name"], description["DatasetType"]) == ("m2g-csa-native", "derivative")
    assert description["BIDSVersion"]
    assert [entry["Name"] for entry in description["GeneratedBy"]] == ["m2g", "opsctl"]
    assert description["GeneratedBy"][0]["Container"]["Tag"] == IMAGE
    assert description["SourceDatasets"] == [{"URL": f"s3://{BUCKET}/HNU1"}]

    world.put(f"{DERIVATIVE}/dataset_description.json", b"the first one's")
    world.client.delete_object(Bucket=BUCKET, Key=f"{RUN}/results/00000.json")
    assert world.run(attempt=2)[0] == 0
    assert world.get(f"{DERIVATIVE}/dataset_description.json") == b"the first one's"


def test_inherited_gradients_are_copied_down_beside_an_image_of_any_name(world: World) -> None:
    stem = "sub-0025427_ses-1_acq-x_run-2_dwi"
    world.input("dwi", f"HNU1/sub-0025427/ses-1/dwi/{stem}.nii", nifti(7))
    world.input("bval", "HNU1/dwi.bval", table(7, 1))
    world.input("bvec", "HNU1/sub-0025427/sub-0025427_dwi.bvec", table(7, 3))
    world.input("T1w", "HNU1/sub-0025427/ses-1/anat/sub-0025427_ses-1_run-1_T1w.nii", nifti())
    world.put(f"HNU1/sub-0025427/ses-1/dwi/{stem}.json", b"{}")
    world.scan["scan"]["name"] = "sub-0025427/ses-1/acq-x_run-2"
    world.scan["output"] = f"s3://{BUCKET}/{OUTPUT}/acq-x_run-2"
    world.submit()

    code, output = world.run()

    assert code == 0, output
    assert world.seen_input() == [
        "dataset_description.json",
        "sub-0025427/ses-1/anat/sub-0025427_ses-1_T1w.nii",
        f"sub-0025427/ses-1/dwi/{stem}.bval",
        f"sub-0025427/ses-1/dwi/{stem}.bvec",
        f"sub-0025427/ses-1/dwi/{stem}.nii",
    ]
    assert [graph["uri"] for graph in world.graphs()] == [
        f"s3://{BUCKET}/{OUTPUT}/acq-x_run-2/connectomes_d/{ATLAS}/{stem}_{ATLAS}_connectome.csv"
    ]
    assert f"{DERIVATIVE}/dataset_description.json" in world.keys(DERIVATIVE)


def test_a_made_up_session_never_shows_in_the_outputs(world: World) -> None:
    world.input("dwi", "HNU1/sub-01/dwi/sub-01_dwi.nii.gz", packed(7))
    world.input("T1w", "HNU1/sub-01/anat/sub-01_T1w.nii.gz", packed())
    world.scan["scan"] = {"name": "sub-01", "subject": "01", "session": None, "entities": {}}
    world.scan["output"] = f"s3://{BUCKET}/{DERIVATIVE}/sub-01"
    world.submit()

    code, output = world.run()

    assert code == 0, output
    assert "sub-01/ses-nosession/dwi/sub-01_ses-nosession_dwi.nii.gz" in world.seen_input()
    keys = world.keys("HNU1/derivatives/")
    assert f"{DERIVATIVE}/sub-01/connectomes_d/{ATLAS}/sub-01_dwi_{ATLAS}_connectome.csv" in keys
    assert f"{DERIVATIVE}/sub-01/qa_d/skull_strip/qa_skullstrip__sub-01_T1w_reor_RAS_res.png" in keys
    assert not [key for key in keys if "nosession" in key]
    assert "nosession" not in json.dumps(world.result())


def test_a_child_of_an_array_with_an_offset_takes_its_own_scan(world: World) -> None:
    world.submit(index=10007)

    code, output = world.run(OPSCTL_SCAN_OFFSET="10000", AWS_BATCH_JOB_ARRAY_INDEX="7")

    assert code == 0, output
    assert world.result(10007)["index"] == 10007


def test_a_scan_that_is_done_is_left_alone(world: World, s3: LocalS3) -> None:
    assert world.run()[0] == 0
    before = world.get(f"{RUN}/results/00000.json")
    s3.requests.clear()

    code, output = world.run("job-b")

    assert code == 0
    assert "job job-a (attempt 1) has published this scan's result" in output
    assert "failed" not in output
    assert s3.writes() == []
    assert not (world.folder / "work-job-b" / "input").exists()
    assert world.get(f"{RUN}/results/00000.json") == before


def test_a_succeeded_result_of_other_work_is_never_overwritten(world: World) -> None:
    assert world.run()[0] == 0
    before = world.get(f"{RUN}/results/00000.json")
    world.scan["key"] = "aa" * 32
    world.submit()

    code, output = world.run("job-b")

    assert code == 2
    assert "a succeeded result with another key stands" in output
    assert world.attempt("job-b")["cause_code"] == "other_result_exists"
    assert world.get(f"{RUN}/results/00000.json") == before


def test_how_many_requests_a_scan_takes(world: World, s3: LocalS3) -> None:
    code, output = world.run()
    assert code == 0, output
    outputs = len([key for key in world.keys("HNU1/derivatives/") if key.startswith(OUTPUT)])
    # Beside the outputs: the dataset's description, the claim taken and given back, the result, the attempt's start and
    # end. Each input is one GET. More would be felt: they are most of what a short scan costs the local platform.
    assert Counter(request.method for request in s3.requests if request.job) == {"GET": 18, "PUT": outputs + 6}

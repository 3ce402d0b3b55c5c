"""Inputs that no attempt can succeed with: exit 2, the cause named, before m2g costs anything."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from m2g_job import environment, gradients, scan
from m2g_job import nifti as images
from m2g_job.faults import WrongInput
from support.job_s3 import LocalS3
from support.job_world import BUCKET, RUN, World, nifti, packed, table

AT = "HNU1/sub-0025427/ses-1"
STEM = f"{AT}/dwi/sub-0025427_ses-1_dwi"


def corrupt() -> bytes:
    data = bytearray(packed(7))
    data[-6] ^= 0xFF  # in gzip's checksum
    return bytes(data)


@pytest.mark.parametrize(
    ("role", "key", "data", "cause_code", "cause"),
    [
        ("bvec", f"{STEM}.bvec", table(6, 3), "gradient_counts_differ", "bval and bvec differ in count: 7 and 6"),
        ("bval", f"{STEM}.bval", b"0 1000 x\n", "bval_invalid", "the bval file is not a table of numbers"),
        ("bval", f"{STEM}.bval", b"0 1 2\n0 1 2\n", "bval_invalid", "the bval file has 2 rows; it must have one"),
        ("bvec", f"{STEM}.bvec", b"1 0\n0 1\n", "bvec_invalid", "the bvec file has 2 rows of 2 values"),
        (
            "dwi",
            f"{STEM}.nii.gz",
            packed(8),
            "volume_count_differs",
            "image and bval differ in count: sub-0025427_ses-1_dwi.nii.gz has 8 volumes",
        ),
        ("dwi", f"{STEM}.nii.gz", packed(7)[:-300], "image_truncated", "sub-0025427_ses-1_dwi.nii.gz is truncated"),
        (
            "dwi",
            f"{STEM}.nii.gz",
            gzip.compress(nifti(7)[:-9], mtime=0),
            "image_truncated",
            "sub-0025427_ses-1_dwi.nii.gz is truncated",
        ),
        ("dwi", f"{STEM}.nii.gz", corrupt(), "image_corrupt", "sub-0025427_ses-1_dwi.nii.gz is corrupt"),
        ("dwi", f"{STEM}.nii.gz", nifti(7), "image_invalid", "sub-0025427_ses-1_dwi.nii.gz is not a gzip file"),
        (
            "T1w",
            f"{AT}/anat/sub-0025427_ses-1_T1w.nii.gz",
            gzip.compress(b"x" * 999, mtime=0),
            "image_invalid",
            "_T1w.nii.gz is not a NIfTI image",
        ),
    ],
)
def test_a_wrong_input_is_named_and_not_run(
    world: World, role: str, key: str, data: bytes, cause_code: str, cause: str
) -> None:
    world.input(role, key, data)
    world.submit()

    code, output = world.run()

    assert code == 2, output
    result = world.result()
    assert (result["status"], result["exit_code"], result["key"]) == ("failed", 2, world.scan["key"])
    assert cause in result["cause"]
    assert result["cause_code"] == cause_code
    assert "m2g runs" not in output
    assert world.keys("HNU1/derivatives") == []


def test_an_input_that_changed_or_went_since_the_submission(world: World) -> None:
    world.put(f"{STEM}.bval", table(8, 1))
    assert world.run()[0] == 2
    assert world.result()["cause"].startswith("sub-0025427_ses-1_dwi.bval has changed since the run was submitted")
    uri = f"s3://{BUCKET}/{STEM}.bval"
    assert (world.result()["cause_code"], world.result()["facts"]) == ("input_changed", {"file": uri})

    world.client.delete_object(Bucket=BUCKET, Key=f"{STEM}.bval")
    assert world.run(attempt=2)[0] == 2
    assert world.result()["cause"].startswith("sub-0025427_ses-1_dwi.bval cannot be read: S3 answered GetObject")
    assert (world.result()["cause_code"], world.result()["facts"]["file"]) == ("input_missing", uri)


def test_a_denied_input_is_not_retried(world: World, s3: LocalS3) -> None:
    s3.rules.append(lambda request: (403, "AccessDenied") if request.key.endswith(".bvec") else None)

    assert world.run()[0] == 2
    assert "403" in world.result()["cause"]
    assert world.result()["cause_code"] == "input_denied"


def test_an_archived_input_is_not_retried(world: World, s3: LocalS3) -> None:
    # S3 describes an archived object, and refuses to return it.
    s3.rules.append(
        lambda request: (
            (403, "InvalidObjectState") if request.key.endswith(".bvec") and request.method == "GET" else None
        )
    )

    assert world.run()[0] == 2
    assert world.result()["cause_code"] == "input_archived"


def test_a_disk_that_is_too_small_is_found_before_anything_is_pulled(world: World, s3: LocalS3) -> None:
    world.scan["inputs"][0]["size_bytes"] = 10**15
    world.submit()

    assert world.run()[0] == 1
    assert world.result()["cause"].startswith("the disk is too small: ")
    assert world.result()["cause_code"] == "disk_full"
    assert not [request for request in s3.requests if request.job and request.key.startswith("HNU1/")]


def test_a_scan_that_does_not_exist(world: World) -> None:
    code, output = world.run(AWS_BATCH_JOB_ARRAY_INDEX="3")

    assert code == 2, output
    result = world.result(3)
    assert (result["status"], result["cause"]) == (
        "failed",
        f"there is no scan's JSON at s3://{BUCKET}/{RUN}/scans/00003.json",
    )
    assert result["cause_code"] == "scan_record_invalid"


@pytest.mark.parametrize("run_uri", ["", "s3://data", "s3://data/HNU1", "/opsctl/runs/x"])
def test_a_job_without_a_run_ends_in_words(world: World, run_uri: str) -> None:
    code, output = world.run(OPSCTL_RUN_URI=run_uri)

    assert code == 2
    assert "OPSCTL_RUN_URI is not a run's URI" in output
    assert "Traceback" not in output


def _word(old: str, new: str) -> Callable[[dict[str, Any]], None]:
    def change(raw: dict[str, Any]) -> None:
        raw["argv"] = [new if word == old else word for word in raw["argv"]]

    return change


REFUSED: dict[str, Callable[[dict[str, Any]], None]] = {
    "schema_version": lambda raw: raw.update(schema_version=2),
    "of run": lambda raw: raw.update(run_id="another"),
    "index": lambda raw: raw.update(index=1),
    "'argv' is missing": lambda raw: raw.pop("argv"),
    "'dataset' is missing": lambda raw: raw.pop("dataset"),
    "'opsctl_version' is missing": lambda raw: raw.pop("opsctl_version"),
    "'image_digest' is missing": lambda raw: raw.pop("image_digest"),
    "'ab12' stands where a text of another form": lambda raw: raw.update(image_digest="ab12"),
    "'HNU1' stands where a text": lambda raw: raw.update(dataset="HNU1"),
    "NoneType stands where a list": lambda raw: raw.update(inputs=None),
    "BIDS subject label": lambda raw: raw["scan"].update(subject="../x"),
    "BIDS session label": lambda raw: raw["scan"].update(session="$(x)"),
    "dwi or func": lambda raw: raw["m2g"].update(pipeline="both"),
    "needs the inputs": lambda raw: raw["inputs"].append(dict(raw["inputs"][0])),
    "'/etc/passwd' stands": lambda raw: raw["inputs"][0].update(uri="/etc/passwd"),
    "is empty": lambda raw: raw["inputs"][1].update(size_bytes=0),
    "does not end as a": lambda raw: raw["inputs"][0].update(uri="s3://data/HNU1/sub-0025427_dwi.mgz"),
    "not an image of subject": lambda raw: raw["inputs"][0].update(uri="s3://data/HNU1/sub-2_dwi.nii"),
    "'sh' in place of m2g": _word("m2g", "sh"),
    "'/' in place of OUTPUT_DIR": _word("OUTPUT_DIR", "/"),
    "'1' in place of 0025427": _word("0025427", "1"),
    "not this scan's place": lambda raw: raw["scan"].update(session="2", name="sub-0025427/ses-2"),
    "not this scan's place in": lambda raw: raw.update(output="s3://data/HNU1"),
    "in a derivative of the data bucket": lambda raw: raw.update(output=raw["output"].replace("//data/", "//other/")),
    "in a derivative": lambda raw: raw.update(output="s3://data/derivatives/../x/sub-0025427/ses-1"),
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_scans_json_that_does_not_fit_is_refused(world: World, message: str) -> None:
    job = environment.read({"OPSCTL_RUN_URI": f"s3://{BUCKET}/{RUN}"})
    raw = json.loads(json.dumps(world.scan))
    assert scan.parse(json.dumps(raw).encode(), job).name == "sub-0025427/ses-1"
    REFUSED[message](raw)

    with pytest.raises(WrongInput, match=message.replace("(", r"\(")) as refused:
        scan.parse(json.dumps(raw).encode(), job)
    assert refused.value.cause_code == ("input_empty" if message == "is empty" else "scan_record_invalid")


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"{"])
def test_a_scans_json_that_is_none_is_refused(data: bytes) -> None:
    job = environment.read({"OPSCTL_RUN_URI": f"s3://{BUCKET}/{RUN}"})
    with pytest.raises(WrongInput, match="cannot be read"):
        scan.parse(data, job)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("order", ["<", ">"])
def test_headers_of_both_nifti_kinds_and_byte_orders(tmp_path: Path, kind: type, order: str) -> None:
    header = kind.header_class(endianness=order)
    header.set_data_dtype(np.dtype(np.float32).newbyteorder(order))
    path = tmp_path / "image.nii"
    image = kind(np.zeros((3, 4, 5, 6), dtype=np.float32), np.eye(4), header)
    path.write_bytes(image.to_bytes())

    assert images.check(str(path), "image", on_bytes=lambda _count: None) == images.Header(
        6, path.stat().st_size, slices=5, tr_seconds=1.0
    )
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WrongInput, match="truncated"):
        images.check(str(path), "image", on_bytes=lambda _count: None)


def test_a_header_with_impossible_dimensions_is_refused() -> None:
    head = bytearray(nifti(7)[:540])
    struct.pack_into("<h", head, 42, -5)
    with pytest.raises(WrongInput, match="broken NIfTI header"):
        images.parse_header(bytes(head), "image")


def test_the_smallest_b_value_is_written_as_0_where_dipy_would_not_take_it_as_b0(tmp_path: Path) -> None:
    path = tmp_path / "x.bval"
    path.write_text("60 1000.5 60 2000 61\n")
    assert gradients.write_b0(str(path), [60.0, 1000.5, 60.0, 2000.0, 61.0])
    assert path.read_text() == "0 1000.5 0 2000.0 61.0\n"

    path.write_text("50 1000,2000\n")
    assert not gradients.write_b0(str(path), [50.0, 1000.0, 2000.0])
    assert path.read_text() == "50 1000,2000\n"

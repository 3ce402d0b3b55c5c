"""`check` of a hostile dataset: hundreds of scans, each of which would take a reader's memory or time."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from support.hostile_files import HEADERS, SIDECARS, STREAMS, TABLES, header
from support.job_s3 import LocalS3
from support.repository import ROOT

BUCKET = "data"
SCANS_A_KIND = 6
#: What `check` may take at most, with Python, botocore and 16 threads.
MOST_MIB = 200
SOUND = gzip.compress(header() + bytes(9600), mtime=0)
T1W = gzip.compress(header(d4=1) + bytes(240), mtime=0)
BVAL = b"0 0 " + b"1000 " * 38
BVEC = b"1 " * 40 + b"\n" + b"0 " * 40 + b"\n" + b"0 " * 40


@pytest.fixture(scope="module")
def server() -> Iterator[LocalS3]:
    with LocalS3() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.credentials.items():
            patch.setenv(name, value)
        yield server


def checked(server: LocalS3, files: dict[str, bytes], pipeline: str) -> dict[str, Any]:
    patched = {**os.environ, **server.credentials, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    server.reset()
    client = server.client
    client.create_bucket(Bucket=BUCKET)
    for key, content in files.items():
        client.put_object(Bucket=BUCKET, Key=f"D/{key}", Body=content)
    ended = subprocess.run(
        [sys.executable, "-m", "support.checked_dataset", f"s3://{BUCKET}/D", pipeline],
        env=patched, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    verdicts: dict[str, Any] = json.loads(ended.stdout)
    return verdicts


def test_gradients_and_images(server: LocalS3) -> None:
    files = {"dataset_description.json": b"{}"}
    for number, (content, role) in enumerate((table, role) for table in TABLES.values() for role in ("bval", "bvec")):
        # Sidecars at the root belong to the scans of every subject.
        files |= {f"acq-t{number}_dwi.bval": BVAL, f"acq-t{number}_dwi.bvec": BVEC}
        files[f"acq-t{number}_dwi.{role}"] = content
    kinds: dict[str, bytes] = {f"t{number}": SOUND for number in range(2 * len(TABLES))}
    kinds |= {f"s{number}": change(SOUND) for number, change in enumerate(STREAMS.values())}
    kinds |= {f"h{number}": gzip.compress(head, mtime=0) for number, head in enumerate(HEADERS.values())}
    files |= {"dwi.bval": BVAL, "dwi.bvec": BVEC}
    for subject in range(SCANS_A_KIND):
        files[f"sub-{subject}/anat/sub-{subject}_T1w.nii.gz"] = T1W
        for kind, image in kinds.items():
            files[f"sub-{subject}/dwi/sub-{subject}_acq-{kind}_dwi.nii.gz"] = image
    result = checked(server, files, "dwi")
    assert len(result["levels"]) == SCANS_A_KIND * len(kinds) > 200
    assert {level for level, *_ in result["levels"].values()} == {"wrong"}
    assert max(len(finding) for _, *findings in result["levels"].values() for finding in findings) < 300
    assert result["peak_mib"] < MOST_MIB, result["peak_mib"]


def test_json_sidecars(server: LocalS3) -> None:
    files = {"dataset_description.json": b"{}"}
    for number, (content, _) in enumerate(SIDECARS.values()):
        files[f"task-k{number}_bold.json"] = content
    for subject in range(SCANS_A_KIND):
        files[f"sub-{subject}/anat/sub-{subject}_T1w.nii.gz"] = T1W
        for number in range(len(SIDECARS)):
            files[f"sub-{subject}/func/sub-{subject}_task-k{number}_bold.nii.gz"] = SOUND
    result = checked(server, files, "func")
    assert len(result["levels"]) == SCANS_A_KIND * len(SIDECARS)
    for scan, (level, *findings) in result["levels"].items():
        _, is_refused = list(SIDECARS.values())[int(scan.rpartition("task-k")[2])]
        assert (level == "wrong") is is_refused, (scan, findings)
        assert max(map(len, findings)) < 300
    assert result["peak_mib"] < MOST_MIB, result["peak_mib"]

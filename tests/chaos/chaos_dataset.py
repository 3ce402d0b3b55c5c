"""A BIDS dataset of many small scans, each of other bytes, put straight into S3."""

from __future__ import annotations

import gzip
import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import nibabel
import numpy as np

NAME = "HNU1"
_SESSIONS = 10
_VOLUMES = 7


def make(s3: Any, bucket: str, *, scan_count: int) -> list[str]:
    """Put the dataset there.

    Parameters
    ----------
    s3
        A client that meets no faults.

    Returns
    -------
    list of str
        The scans' names, in the order in which opsctl counts them.
    """
    names = [f"sub-{25427 + number // _SESSIONS:07d}/ses-{number % _SESSIONS:02d}" for number in range(scan_count)]
    description = {"Name": NAME, "BIDSVersion": "1.9.0"}
    s3.put_object(Bucket=bucket, Key=f"{NAME}/dataset_description.json", Body=json.dumps(description).encode())

    def put(number: int) -> None:
        folder = f"{NAME}/{names[number]}"
        stem = names[number].replace("/", "_")
        values = "0 " + " ".join(["1000"] * (_VOLUMES - 1)) + "\n"
        bodies = {
            f"dwi/{stem}_dwi.nii.gz": _image(number, _VOLUMES),
            f"dwi/{stem}_dwi.bval": values.encode(),
            f"dwi/{stem}_dwi.bvec": (" ".join(["0.5"] * _VOLUMES) + "\n").encode() * 3,
            f"anat/{stem}_T1w.nii.gz": _image(number, 1),
        }
        for key, body in bodies.items():
            s3.put_object(Bucket=bucket, Key=f"{folder}/{key}", Body=body)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(scan_count)))
    return sorted(names)


def _image(number: int, volumes: int) -> bytes:
    shape = (5, 4, 3, volumes) if volumes > 1 else (5, 4, 3)
    data = np.random.default_rng(number).integers(0, 1000, size=shape, dtype=np.int16)
    stream = io.BytesIO()
    nibabel.Nifti1Image(data, np.eye(4)).to_stream(stream)
    return gzip.compress(stream.getvalue(), mtime=0)

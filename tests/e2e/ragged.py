"""A dataset as labs have them: labels that are words, no sessions here and there, sidecars at the root, a bad scan."""

from __future__ import annotations

import json
import shutil
from pathlib import Path


def write_ragged(folder: Path, sample: Path) -> None:
    """Write the dataset from the sample's volumes.

    sub-alice   no session; inherits bval and bvec from the dataset's root; JSON sidecars; two T1w
    sub-bob     sessions `retest` and `2b`; `2b` has two runs
    sub-carol   a dwi image without T1w: to be left out
    sub-dave    bval and bvec differ in count: its job must fail with that cause
    """
    image, bval, bvec, t1w = (_first(sample, end) for end in ("dwi.nii.gz", "dwi.bval", "dwi.bvec", "T1w.nii.gz"))

    def put(source: Path, name: str) -> None:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)

    put(bval, "dwi.bval")
    put(bvec, "dwi.bvec")
    put(image, "sub-alice/dwi/sub-alice_dwi.nii.gz")
    (folder / "sub-alice/dwi/sub-alice_dwi.json").write_text(json.dumps({"EchoTime": 0.09}))
    put(t1w, "sub-alice/anat/sub-alice_run-2_T1w.nii.gz")
    put(t1w, "sub-alice/anat/sub-alice_run-1_T1w.nii.gz")
    (folder / "sub-alice/anat/sub-alice_run-1_T1w.json").write_text("{}")
    for stem in (
        "ses-retest/dwi/sub-bob_ses-retest",
        "ses-2b/dwi/sub-bob_ses-2b_run-1",
        "ses-2b/dwi/sub-bob_ses-2b_run-2",
    ):
        put(image, f"sub-bob/{stem}_dwi.nii.gz")
        put(bval, f"sub-bob/{stem}_dwi.bval")
        put(bvec, f"sub-bob/{stem}_dwi.bvec")
    for session in ("retest", "2b"):
        put(t1w, f"sub-bob/ses-{session}/anat/sub-bob_ses-{session}_T1w.nii.gz")
    put(image, "sub-carol/dwi/sub-carol_dwi.nii.gz")
    put(image, "sub-dave/dwi/sub-dave_dwi.nii.gz")
    put(t1w, "sub-dave/anat/sub-dave_T1w.nii.gz")
    words = bval.read_text().split()
    (folder / "sub-dave/dwi/sub-dave_dwi.bval").write_text(" ".join(words[:-1]))
    put(image, "derivatives/other/sub-alice/dwi/sub-alice_dwi.nii.gz")


def _first(sample: Path, end: str) -> Path:
    return sorted(sample.glob(f"sub-*/ses-*/*/*_{end}"))[0]

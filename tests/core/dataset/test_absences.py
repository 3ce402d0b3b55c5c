"""What a dataset has and no scan is made of is counted: each place where an image is missing is told once."""

from __future__ import annotations

import pytest
from support.bids_trees import PATTERNS, PREFIX, discovered, dwi, listing

from opsctl.core.dataset import discovery
from opsctl.core.dataset.discovery import Discoverer
from opsctl.core.dataset.examples import OTHER_REASONS, Examples
from opsctl.core.runs.m2g_options import Pipeline

T1W = "sub-{0}/anat/sub-{0}_T1w.nii.gz"
WHOLE = [*dwi("sub-01/dwi/sub-01"), T1W.format("01")]
BOLD = "sub-{0}/func/sub-{0}_task-rest_bold.nii.gz"
SESSIONS = [
    *dwi("sub-01/ses-1/dwi/sub-01_ses-1"),
    "sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz",
    "sub-01/ses-2/anat/sub-01_ses-2_T1w.nii.gz",
]

CASES: dict[str, tuple[Pipeline, list[str], set[tuple[str, str, int]]]] = {
    "nothing is missing": ("dwi", WHOLE, set()),
    "a subject with a T1w only": ("dwi", [*WHOLE, T1W.format("02")], {("subject_without_image", "sub-02", 0)}),
    "a subject with nothing that is read": (
        "dwi", [*WHOLE, "sub-02/beh/sub-02_task-x_beh.tsv"], {("subject_without_image", "sub-02", 0)},
    ),
    "a subject with bold images only": (
        "dwi", [*WHOLE, BOLD.format("02")], {("subject_without_image", "sub-02", 1)},
    ),
    "a subject with dwi images only, for func": (
        "func", [*WHOLE, BOLD.format("02"), T1W.format("02")], {("subject_without_image", "sub-01", 1)},
    ),
    "either image is one, for both": ("both", [*WHOLE, BOLD.format("02"), T1W.format("02")], set()),
    "a session with a T1w only": ("dwi", SESSIONS, {("session_without_image", "sub-01/ses-2", 0)}),
    "a session whose image did not come": (
        "dwi",
        [*SESSIONS, *dwi("sub-01/ses-2/dwi/sub-01_ses-2")[1:]],
        {("sidecar_without_image", "sub-01/ses-2/dwi/sub-01_ses-2_dwi.bval", 0)},
    ),
    "a subject whose only image did not come": (
        "dwi",
        [*WHOLE, *dwi("sub-02/dwi/sub-02")[1:], T1W.format("02")],
        {("sidecar_without_image", "sub-02/dwi/sub-02_dwi.bval", 0)},
    ),
    "a bold image did not come": (
        "func",
        [BOLD.format("01"), T1W.format("01"), "sub-01/func/sub-01_task-x_bold.json"],
        {("sidecar_without_image", "sub-01/func/sub-01_task-x_bold.json", 0)},
    ),
    "a sidecar of several runs": (
        "func",
        ["sub-01/func/sub-01_task-rest_bold.json", T1W.format("01"), "sub-01/func/sub-01_task-rest_run-1_bold.nii.gz"],
        set(),
    ),
    "sidecars above the images": (
        "dwi", ["dwi.bval", "sub-01/sub-01_dwi.bvec", "sub-01/dwi/sub-01_dwi.nii.gz", T1W.format("01")], set(),
    ),
    # These have a reason of their own.
    "an image with a wrong ending": ("dwi", [*dwi("sub-01/dwi/sub-01", image=".NII.GZ"), T1W.format("01")], set()),
    "an image in a hidden file": (
        "dwi", [*WHOLE, "sub-02/dwi/.sub-02_dwi.nii.gz"], {("subject_without_image", "sub-02", 0)},
    ),
    "folders of no subject": ("dwi", [*WHOLE, "derivatives/x/sub-02/dwi/sub-02_dwi.bval"], set()),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_where_an_image_is_missing(case: str) -> None:
    pipeline, paths, expected = CASES[case]
    found = discovered(paths, pipeline=pipeline)
    assert {(absence.kind, absence.path, absence.other_images) for absence in found.absences} == expected
    assert found.pipeline == pipeline


def test_folders_that_no_listing_has_a_file_of() -> None:
    discoverer = Discoverer(PATTERNS, bucket="data", prefix=PREFIX, pipeline="dwi")
    discoverer.add_folders(f"{PREFIX}{folder}/" for folder in ("code", "derivatives", "sourcedata", "sub-01", "sub-02"))
    found = discoverer.discovery([discoverer.group(listing(WHOLE))])
    assert found.not_read == ("code/", "derivatives/", "sourcedata/")
    assert [absence.path for absence in found.absences] == ["sub-02"]
    assert found.as_json()["absence_count"] == 1


def test_of_many_exclusions_some_are_kept_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MOST_KEPT", 3)
    paths = [f"sub-0{number}/dwi/sub-0{number}_dwi.nii.gz" for number in range(5)]
    found = discovered([*paths, *(f"sub-1{number}/anat/sub-1{number}_T1w.nii.gz" for number in range(4))])
    assert len(found.excluded) == len(found.absences) == 3
    assert found.more_excluded == {"no bval and no bvec and no T1w": 2}
    assert found.more_absent == {"subject_without_image": 1}
    document = found.as_json()
    assert (document["excluded_count"], document["absence_count"]) == (5, 4)


def test_reasons_without_end_are_counted_together() -> None:
    examples: Examples[int] = Examples(1)
    for number in range(3_000):
        examples.add(number, f"reason {number}")
    assert examples.kept == [0]
    assert len(examples.others) == 1_001
    assert examples.others[OTHER_REASONS] == 1_999
    assert sum(examples.others.values()) == 2_999

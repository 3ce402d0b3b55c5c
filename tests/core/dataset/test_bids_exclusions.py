"""Exclusions: every image that discovery leaves out is listed with its reason."""

from __future__ import annotations

import pytest
from support.bids_trees import discovered, dwi, inputs, reasons

from opsctl.core.errors import Problem

T1W = "sub-01/anat/sub-01_T1w.nii.gz"
IMAGE = "sub-01/dwi/sub-01_dwi.nii.gz"
WHOLE = [*dwi("sub-01/dwi/sub-01"), T1W]


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (["sub-01/dwi/sub-01_dwi.bval"], "no bval"),
        (["sub-01/dwi/sub-01_dwi.bvec"], "no bvec"),
        ([T1W], "no T1w"),
        (["sub-01/dwi/sub-01_dwi.bval", "sub-01/dwi/sub-01_dwi.bvec"], "no bval and no bvec"),
        (["sub-01/dwi/sub-01_dwi.bval", T1W], "no bval and no T1w"),
    ],
)
def test_missing_pieces(missing: list[str], reason: str) -> None:
    assert reasons(discovered(set(WHOLE) - set(missing))) == {IMAGE: reason}


def test_an_empty_image_is_left_out() -> None:
    assert reasons(discovered(WHOLE, empty=[IMAGE])) == {IMAGE: "it is empty (0 bytes)"}


def test_an_empty_sidecar_at_the_root_is_told() -> None:
    paths = [IMAGE, T1W, "dwi.bval", "dwi.bvec"]
    assert reasons(discovered(paths, empty=["dwi.bval"])) == {IMAGE: "its bval is empty (0 bytes)"}


def test_an_empty_sidecar_beside_the_image_is_told() -> None:
    assert reasons(discovered(WHOLE, empty=["sub-01/dwi/sub-01_dwi.bval"])) == {IMAGE: "its bval is empty (0 bytes)"}


def test_an_empty_sidecar_is_not_replaced_by_an_inherited_one() -> None:
    discovery = discovered([*WHOLE, "dwi.bval"], empty=["sub-01/dwi/sub-01_dwi.bval"])
    assert [inputs(scan) for scan in discovery.scans] == []


def test_an_empty_t1w_is_told() -> None:
    assert "empty" in reasons(discovered(WHOLE, empty=[T1W]))[IMAGE]


def replaced(image: str, *more: str) -> list[str]:
    return [*WHOLE, image, *more]


FAULTS = [
    ("sub-02/dwi/sub-02_dwi.NII.GZ", "ending .NII.GZ is not lower case"),
    ("sub-02/dwi/sub-02_dwi.Nii", "ending .Nii is not lower case"),
    ("sub-02/func/sub-02_dwi.nii.gz", "does not lie in a folder dwi/"),
    ("sub-02/sub-02_dwi.nii.gz", "does not lie in a folder dwi/"),
    ("sub-02/dwi/sub-03_dwi.nii.gz", "its name does not begin with its folder's subject, sub-02"),
    ("sub-02/ses-1/dwi/sub-02_ses-2_dwi.nii.gz", "disagree about the session (ses-1, ses-2)"),
    ("sub-02/dwi/sub-02_part-phase_dwi.nii.gz", "part-phase is not a magnitude image"),
    ("sub-02/dwi/sub-02_acq-1.5mm_dwi.nii.gz", "is not a BIDS entity and label"),
    ("sub-02/dwi/sub-02 copy_dwi.nii.gz", "is not a BIDS entity and label"),
    ("sub-02//dwi/sub-02_dwi.nii.gz", "empty folder name"),
    ("sub-01;rm -rf /dwi/sub-01;rm -rf _dwi.nii.gz", "is not a BIDS entity and label"),
    ("sub-01;rm -rf/dwi/sub-01_dwi.nii.gz", "sub-01;rm -rf is not a BIDS entity and label"),
    ("sub-$(x)/dwi/sub-$(x)_dwi.nii.gz", "is not a BIDS entity and label"),
    ("sub-$(x)/dwi/sub-01_dwi.nii.gz", "sub-$(x) is not a BIDS entity and label"),
    ("sub-../dwi/sub-.._dwi.nii.gz", "is not a BIDS entity and label"),
    ("sub-../dwi/sub-01_dwi.nii.gz", "sub-.. is not a BIDS entity and label"),
    ("sub-01%20/dwi/sub-01%20_dwi.nii.gz", "is not a BIDS entity and label"),
    ("sub-é/dwi/sub-é_dwi.nii.gz", "is not a BIDS entity and label"),
    ("sub-/dwi/sub-_dwi.nii.gz", "is not a BIDS entity and label"),
    ("sub-02_dwi.nii.gz", "it does not lie in a folder dwi/"),
    ("sub-02/ses-a b/dwi/sub-02_dwi.nii.gz", "ses-a b is not a BIDS entity and label"),
]


@pytest.mark.parametrize(("key", "reason"), FAULTS)
def test_an_image_that_cannot_be_used_is_named_with_its_reason(key: str, reason: str) -> None:
    stem = key.removesuffix(".nii.gz").removesuffix(".NII.GZ").removesuffix(".Nii")
    beside = [f"{stem}.bval", f"{stem}.bvec", "sub-02/anat/sub-02_T1w.nii.gz"]
    discovery = discovered([*WHOLE, key, *beside])
    assert [scan.name for scan in discovery.scans] == ["sub-01"]
    assert list(reasons(discovery)) == [key]
    assert reason in reasons(discovery)[key]


def test_the_first_fault_of_a_file_does_not_hide_the_others() -> None:
    keys = [key for key, _ in FAULTS]
    assert sorted(reasons(discovered([*WHOLE, *keys]))) == sorted(keys)


@pytest.mark.parametrize(
    "piece",
    [
        "sub-01/dwi/sub-01_T1w.nii.gz",
        "sub-01/anat/sub-02_T1w.nii.gz",
        "sub-01/anat/sub-01_T1w.NII.GZ",
        "sub-01/anat/sub-01_T1w.json",
        "sub-01/anat/sub-01_T2w.nii.gz",
        "sub-01/anat/sub-01_part-imag_T1w.nii.gz",
        "sub-01/.hidden/anat/sub-01_T1w.nii.gz",
    ],
)
def test_what_is_no_t1w_of_the_subject_is_not_taken_for_one(piece: str) -> None:
    assert reasons(discovered([*dwi("sub-01/dwi/sub-01"), piece])) == {IMAGE: "no T1w"}


def test_plus_in_labels_is_kept() -> None:
    stem = "sub-0+1/ses-a+b/dwi/sub-0+1_ses-a+b"
    (scan,) = discovered([*dwi(stem), "sub-0+1/ses-a+b/anat/sub-0+1_ses-a+b_T1w.nii.gz"]).scans
    assert (scan.subject, scan.session, scan.name) == ("0+1", "a+b", "sub-0+1/ses-a+b")


@pytest.mark.parametrize("name", ["sub-02_DWI.nii.gz", "sub-02_meandwi.nii.gz", "sub-02_notdwi.nii"])
def test_a_reason_is_always_words(name: str) -> None:
    assert "-" not in reasons(discovered([*WHOLE, f"sub-02/dwi/{name}"])).values()


def test_a_backslash_in_a_key_does_not_end_discovery() -> None:
    assert [scan.name for scan in discovered([*WHOLE, "sub-01/notes.txt\\old"]).scans] == ["sub-01"]


def test_dots_as_a_folder_are_told() -> None:
    key = "sub-01/../dwi/sub-01_dwi.nii.gz"
    assert list(reasons(discovered([*WHOLE, key]))) == [key]


def test_scans_that_differ_only_in_case_are_told() -> None:
    keys = [*dwi("sub-01/dwi/sub-01_acq-x"), *dwi("sub-01/dwi/sub-01_acq-X"), "sub-01/anat/sub-01_T1w.nii.gz"]
    with pytest.raises(Problem, match=r"sub-01/acq-X and sub-01/acq-x differ|sub-01/acq-x and sub-01/acq-X differ"):
        discovered(keys)

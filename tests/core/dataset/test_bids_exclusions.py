"""Exclusions: every image that discovery leaves out is listed with its reason."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from support.bids_trees import PATTERNS, PREFIX, discovered, dwi, inputs, listing, reasons

from opsctl.core.dataset.discovery import discover
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
    ("piece", "reason"),
    [
        ("sub-01/dwi/sub-01_T1w.nii.gz", "it does not lie in a folder anat/ of its subject or session"),
        ("sub-01/anat/sub-02_T1w.nii.gz", "its name does not begin with its folder's subject, sub-01"),
        ("sub-01/anat/sub-01_T1w.NII.GZ", "its ending .NII.GZ is not lower case"),
        ("sub-01/anat/sub-01_t1w.nii.gz", "its suffix t1w must be T1w"),
        ("sub-01/anat/sub-01_T1W.nii", "its suffix T1W must be T1w"),
        ("sub-01/anat/sub-01_T1.nii.gz", "its suffix T1 must be T1w"),
        ("sub-01/anat/sub-01_T1w.nii.gz.gz", "its ending .nii.gz.gz is not .nii.gz or .nii"),
        ("sub-01/anat/sub-01_T1w.mgz", "its ending .mgz is not .nii.gz or .nii"),
        ("sub-01/anat/sub-01_T1w.nii.bz2", "its ending .nii.bz2 is not .nii.gz or .nii"),
        ("sub-01/anat/sub-01_part-imag_T1w.nii.gz", "part-imag is not a magnitude image"),
        (
            "sub-01/anat/sub-01_desc-defaced_T1w.nii.gz",
            "its entities are not those that BIDS allows for this kind of image, in BIDS's order",
        ),
        ("sub-01/anat/sub-01_acq-1.5_T1w.nii.gz", "acq-1.5 is not a BIDS entity and label (letters and digits only)"),
        ("sub-01/anat/sub-01_T1w.json", ""),
        ("sub-01/anat/sub-01_T2w.nii.gz", ""),
        ("sub-01/.hidden/anat/sub-01_T1w.nii.gz", ""),
        ("sub-02/anat/sub-02_t1w.nii.gz", ""),
    ],
)
def test_no_t1w_names_the_files_that_were_meant_to_be_one(piece: str, reason: str) -> None:
    passed_over = f" ({piece}: {reason})" if reason else ""
    assert reasons(discovered([*dwi("sub-01/dwi/sub-01"), piece])) == {IMAGE: f"no T1w{passed_over}"}


def test_a_misnamed_t1w_of_another_session_is_not_named() -> None:
    stem = "sub-1/ses-a/dwi/sub-1_ses-a"
    pieces = [f"sub-1/ses-{session}/anat/sub-1_ses-{session}_t1w.nii.gz" for session in "ab"]
    reason = f"no T1w in its session ({pieces[0]}: its suffix t1w must be T1w)"
    assert reasons(discovered([*dwi(stem), *pieces])) == {f"{stem}_dwi.nii.gz": reason}


def archived(*keys: str, storage_class: str = "GLACIER", restore: Any = "") -> dict[str, str]:
    objects = [
        replace(obj, storage_class=storage_class, restore=restore) if obj.key.endswith(keys) else obj
        for obj in listing(WHOLE)
    ]
    return reasons(discover(objects, PATTERNS, bucket="data", prefix=PREFIX, pipeline="dwi"))


HOW = (
    "`aws s3api restore-object --bucket data --key KEY --restore-request Days=7` restores it in hours, with the "
    "archived file as KEY"
)


def test_a_scan_with_an_archived_file_is_left_out_until_it_is_restored() -> None:
    for storage_class in ("GLACIER", "DEEP_ARCHIVE"):
        for key in ("dwi.nii.gz", "dwi.bval", "dwi.bvec", "T1w.nii.gz"):
            reason = f"its {key} is archived ({storage_class}); {HOW}"
            assert archived(key, storage_class=storage_class) == {IMAGE: reason}
    both = f"its T1w.nii.gz, dwi.nii.gz are archived (GLACIER); {HOW}"
    assert archived("dwi.nii.gz", "T1w.nii.gz") == {IMAGE: both}
    waiting = "its dwi.nii.gz is archived (GLACIER), and being restored: that takes hours"
    assert archived("dwi.nii.gz", restore="in progress") == {IMAGE: waiting}
    tiering = "its T1w.nii.gz is archived (INTELLIGENT_TIERING), and being restored: that takes hours"
    assert archived("T1w.nii.gz", storage_class="INTELLIGENT_TIERING", restore="in progress") == {IMAGE: tiering}


def test_what_can_be_read_at_once_is_not_archived() -> None:
    assert archived("gz", restore="restored") == {}
    for storage_class in ("STANDARD_IA", "GLACIER_IR", "INTELLIGENT_TIERING"):
        assert archived("gz", storage_class=storage_class) == {}


def test_a_run_with_a_zero_beside_one_without_has_its_own_sidecars() -> None:
    stems = [f"sub-01/dwi/sub-01_run-{run}" for run in ("1", "01")]
    discovery = discovered([*dwi(stems[0]), *dwi(stems[1]), T1W])
    assert [scan.name for scan in discovery.scans] == ["sub-01/run-01", "sub-01/run-1"]
    for scan in discovery.scans:
        stem = f"sub-01/dwi/sub-01_{scan.name.partition('/')[2]}_dwi"
        assert inputs(scan) == {"dwi": f"{stem}.nii.gz", "bval": f"{stem}.bval", "bvec": f"{stem}.bvec", "T1w": T1W}


@pytest.mark.parametrize(
    "sidecar",
    ["dwi", "sub-1_dwi", "ses-a_dwi", "sub-1_ses-a_dwi", "sub-1/sub-1_dwi", "sub-1/sub-1_ses-a_dwi"],
)
def test_sidecars_above_the_session_are_inherited(sidecar: str) -> None:
    others = [sidecar.replace("sub-1", "sub-2").replace("ses-a", "ses-b") + ".bval"] if "-" in sidecar else []
    image, anatomy = "sub-1/ses-a/dwi/sub-1_ses-a_dwi.nii.gz", "sub-1/ses-a/anat/sub-1_ses-a_T1w.nii.gz"
    (scan,) = discovered([image, anatomy, f"{sidecar}.bval", f"{sidecar}.bvec", *others]).scans
    assert inputs(scan) == {"dwi": image, "bval": f"{sidecar}.bval", "bvec": f"{sidecar}.bvec", "T1w": anatomy}


def test_a_t1w_in_both_ways_is_a_choice_that_the_note_says() -> None:
    (scan,) = discovered([*WHOLE, T1W.removesuffix(".gz")]).scans
    assert inputs(scan)["T1w"] == "sub-01/anat/sub-01_T1w.nii"
    assert scan.note == "its T1w is there as .nii and as .nii.gz: sub-01_T1w.nii is taken"


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

"""Discovery: the scans, their names, and the files of each scan."""

from __future__ import annotations

import pytest
from support.bids_trees import PREFIX, discovered, dwi, images, inputs, reasons

from opsctl.core.errors import Problem


def test_a_scan_is_its_image_its_sidecars_and_its_t1w() -> None:
    stem = "sub-0025427/ses-1/dwi/sub-0025427_ses-1"
    discovery = discovered(
        [
            "dataset_description.json",
            *dwi(stem),
            f"{stem}_dwi.json",
            "sub-0025427/ses-1/anat/sub-0025427_ses-1_T1w.nii.gz",
            "sub-0025427/ses-1/anat/sub-0025427_ses-1_T1w.json",
        ]
    )
    (scan,) = discovery.scans
    assert (scan.name, scan.subject, scan.session, scan.pipeline) == ("sub-0025427/ses-1", "0025427", "1", "dwi")
    assert scan.entities == {
        "subject": "0025427",
        "session": "1",
        "suffix": "dwi",
        "datatype": "dwi",
        "extension": ".nii.gz",
    }
    assert inputs(scan) == {
        "dwi": f"{stem}_dwi.nii.gz",
        "bval": f"{stem}_dwi.bval",
        "bvec": f"{stem}_dwi.bvec",
        "T1w": "sub-0025427/ses-1/anat/sub-0025427_ses-1_T1w.nii.gz",
    }
    assert scan.size_bytes == 400
    assert scan.note == ""
    assert discovery.excluded == ()
    assert discovery.warnings == ()


def t1w(place: str) -> str:
    return f"{place}/anat/{place.replace('/', '_')}_T1w.nii.gz"


def session(place: str, *tails: str) -> list[str]:
    """A folder `sub-X[/ses-Y]` with a T1w and an image for each tail."""
    pairs = place.replace("/", "_")
    return [t1w(place), *(path for tail in tails for path in dwi(f"{place}/dwi/{pairs}{tail}"))]


NAMES = [
    pytest.param(session("sub-01", ""), ["sub-01"], id="no sessions"),
    pytest.param(
        session("sub-01/ses-retest", "") + session("sub-01/ses-1b", "") + session("sub-01/ses-baseline", ""),
        ["sub-01/ses-1b", "sub-01/ses-baseline", "sub-01/ses-retest"],
        id="sessions that are words",
    ),
    pytest.param(
        session("sub-01", "") + session("sub-02/ses-1", "") + session("sub-02/ses-2", ""),
        ["sub-01", "sub-02/ses-1", "sub-02/ses-2"],
        id="some subjects with, some without sessions",
    ),
    pytest.param(
        session("sub-01/ses-1", "_run-1", "_run-02"),
        ["sub-01/ses-1/run-02", "sub-01/ses-1/run-1"],
        id="several runs",
    ),
    pytest.param(
        session("sub-01", "_acq-x_dir-AP_run-1", "_acq-x_dir-PA_run-1", "_acq-y"),
        ["sub-01/acq-x_dir-AP_run-1", "sub-01/acq-x_dir-PA_run-1", "sub-01/acq-y"],
        id="acquisitions, directions and runs",
    ),
    pytest.param(
        session("sub-01/ses-1", "", "_acq-x"),
        ["sub-01/ses-1/acq-x", "sub-01/ses-1/dwi"],
        id="one of several has no further words",
    ),
    pytest.param(session("sub-01/ses-1", "_acq-x_run-3"), ["sub-01/ses-1"], id="words of a single image do not show"),
    pytest.param(session("sub-2a/ses-2a", "") + session("sub-2a/ses-2b", ""), ["sub-2a/ses-2a", "sub-2a/ses-2b"]),
]


@pytest.mark.parametrize(("paths", "names"), NAMES)
def test_names(paths: list[str], names: list[str]) -> None:
    discovery = discovered(paths)
    assert [scan.name for scan in discovery.scans] == names
    assert discovery.excluded == ()


def test_the_output_of_no_scan_lies_inside_anothers() -> None:
    paths = [*session("sub-01/ses-1", "", "_acq-x", "_acq-x_run-1"), *session("sub-01/ses-2", "_acq-x")]
    names = [scan.name for scan in discovered(paths).scans]
    assert len(names) == 4
    assert not [(a, b) for a in names for b in names if b.startswith(f"{a}/")]


def test_a_subject_with_and_without_sessions_has_no_output_inside_anothers() -> None:
    names = [scan.name for scan in discovered(session("sub-01", "") + session("sub-01/ses-1", "")).scans]
    assert len(names) == 2
    assert not [(a, b) for a in names for b in names if b.startswith(f"{a}/")]


def test_two_files_of_one_stem_do_not_share_a_name() -> None:
    paths = [*session("sub-01", ""), "sub-01/dwi/sub-01_dwi.nii"]
    discovery = discovered(paths)
    names = [scan.name for scan in discovery.scans]
    assert len(names) == len(set(names))
    assert len(images(discovery)) == 2


def test_of_several_t1w_the_lowest_run_is_taken_and_the_choice_is_told() -> None:
    anatomical = [f"sub-01/anat/sub-01_run-{run}_T1w.nii.gz" for run in ("10", "02", "1")]
    (scan,) = discovered([*dwi("sub-01/dwi/sub-01"), *anatomical]).scans
    assert inputs(scan)["T1w"] == "sub-01/anat/sub-01_run-1_T1w.nii.gz"
    assert scan.note == "3 T1w, the lowest run is taken: sub-01_run-1_T1w.nii.gz"


def test_the_t1w_of_another_session_is_never_taken() -> None:
    paths = [*dwi("sub-01/ses-2/dwi/sub-01_ses-2"), t1w("sub-01/ses-1"), t1w("sub-01"), t1w("sub-02/ses-2")]
    assert reasons(discovered(paths)) == {"sub-01/ses-2/dwi/sub-01_ses-2_dwi.nii.gz": "no T1w in its session"}


SIDECARS = [
    pytest.param(["dwi.bval"], "dwi.bval", id="root"),
    pytest.param(
        ["dwi.bval", "sub-01/sub-01_dwi.bval"], "sub-01/sub-01_dwi.bval", id="the subject's before the root's"
    ),
    pytest.param(
        ["dwi.bval", "sub-01/sub-01_dwi.bval", "sub-01/ses-1/sub-01_ses-1_dwi.bval"],
        "sub-01/ses-1/sub-01_ses-1_dwi.bval",
        id="the session's before the subject's",
    ),
    pytest.param(
        ["sub-01/ses-1/sub-01_ses-1_dwi.bval", "sub-01/ses-1/dwi/sub-01_ses-1_acq-x_run-1_dwi.bval"],
        "sub-01/ses-1/dwi/sub-01_ses-1_acq-x_run-1_dwi.bval",
        id="the image's own before all",
    ),
    pytest.param(["acq-x_dwi.bval", "dwi.bval"], "acq-x_dwi.bval", id="in one folder the one that says more"),
    pytest.param(["acq-y_dwi.bval", "dwi.bval"], "dwi.bval", id="not that of another acquisition"),
    pytest.param(["sub-01/sub-01_run-2_dwi.bval", "dwi.bval"], "dwi.bval", id="a nearer one that does not fit"),
    pytest.param(["sub-02/sub-02_dwi.bval"], None, id="not that of another subject"),
    pytest.param(["sub-01/ses-2/sub-01_ses-2_dwi.bval"], None, id="not that of another session"),
    pytest.param(["sub-01/ses-1/dwi/sub-01_ses-1_acq-x_run-1_T1w.bval"], None, id="not that of another suffix"),
    pytest.param(["derivatives/dwi.bval"], None, id="not from derivatives"),
]


@pytest.mark.parametrize(("sidecars", "taken"), SIDECARS)
def test_sidecars_are_inherited_from_the_nearest_folder_that_fits(sidecars: list[str], taken: str | None) -> None:
    image = "sub-01/ses-1/dwi/sub-01_ses-1_acq-x_run-1_dwi"
    discovery = discovered([f"{image}.nii.gz", f"{image}.bvec", t1w("sub-01/ses-1"), *sidecars])
    if taken is None:
        assert reasons(discovery) == {f"{image}.nii.gz": "no bval"}
    else:
        assert [inputs(scan)["bval"] for scan in discovery.scans] == [taken]


def test_a_dataset_at_the_buckets_root() -> None:
    discovery = discovered([*session("sub-01", ""), "dwi.bval"], prefix="")
    assert [file.uri for file in discovery.scans[0].inputs] == [
        "s3://data/sub-01/dwi/sub-01_dwi.nii.gz",
        "s3://data/sub-01/dwi/sub-01_dwi.bval",
        "s3://data/sub-01/dwi/sub-01_dwi.bvec",
        "s3://data/sub-01/anat/sub-01_T1w.nii.gz",
    ]


def test_derivatives_hidden_files_and_the_rest_of_a_dataset_are_passed_over() -> None:
    beside = [
        "derivatives/m2g-csa-native/sub-01/dwi/sub-01_dwi.nii.gz",
        "sourcedata/sub-09/dwi/sub-09_dwi.nii.gz",
        ".git/sub-01/dwi/sub-01_dwi.nii.gz",
        "sub-01/.backup/dwi/sub-01_dwi.nii.gz",
        "sub-01/dwi/.sub-01_dwi.nii.gz",
        "sub-01/dwi/sub-01_sbref.nii.gz",
        "participants.tsv",
        "sub-01/sub-01_scans.tsv",
        "sub-01/",
        "sub-01/dwi/",
    ]
    discovery = discovered([*session("sub-01", ""), *beside])
    assert [scan.name for scan in discovery.scans] == ["sub-01"]
    assert discovery.excluded == ()


def test_images_without_compression_are_taken() -> None:
    paths = ["sub-01/anat/sub-01_T1w.nii", *dwi("sub-01/dwi/sub-01", image=".nii")]
    (scan,) = discovered(paths).scans
    assert inputs(scan)["dwi"].endswith("_dwi.nii")
    assert inputs(scan)["T1w"].endswith("_T1w.nii")


def test_func_takes_bold_images_and_both_takes_all_under_names_that_tell_them_apart() -> None:
    bold = "sub-01/func/sub-01_task-rest"
    paths = [*session("sub-01", ""), f"{bold}_bold.nii.gz", f"{bold}_bold.json", f"{bold}_sbref.nii.gz"]
    func = discovered(paths, pipeline="func")
    assert [(scan.name, scan.pipeline, sorted(inputs(scan))) for scan in func.scans] == [
        ("sub-01", "func", ["T1w", "bold", "bold_json"])
    ]
    both_pipelines = discovered(paths, pipeline="both")
    assert [(scan.name, scan.pipeline) for scan in both_pipelines.scans] == [
        ("sub-01/dwi", "dwi"),
        ("sub-01/task-rest_bold", "func"),
    ]
    assert both_pipelines.excluded == func.excluded == ()


def test_a_missing_description_is_a_warning_and_no_more() -> None:
    assert "dataset_description.json is missing" in discovered(session("sub-01", "")).warnings[0]
    assert discovered([*session("sub-01", ""), "dataset_description.json"]).warnings == ()
    assert discovered([*session("sub-01", ""), "sub-01/dataset_description.json"]).warnings != ()


def test_subjects_that_differ_only_in_case_are_refused() -> None:
    with pytest.raises(Problem, match=r"sub-0?A and sub-0?a|sub-0?a and sub-0?A") as problem:
        discovered(session("sub-A", "") + session("sub-a", ""))
    assert problem.value.exit_code == 1


def test_sessions_that_differ_only_in_case_are_refused() -> None:
    with pytest.raises(Problem, match="case"):
        discovered(session("sub-1/ses-A", "") + session("sub-1/ses-a", ""))


def test_etags_and_sizes_come_from_the_listing() -> None:
    (scan,) = discovered(session("sub-01", "")).scans
    assert {file.size_bytes for file in scan.inputs} == {100}
    assert len({file.etag for file in scan.inputs}) == 4
    assert all(file.uri.startswith(f"s3://data/{PREFIX}sub-01/") for file in scan.inputs)

"""The JSON sidecars of a bold series, and series of several echoes."""

from __future__ import annotations

from support.bids_trees import PREFIX, discovered, reasons

T1W = "sub-1/anat/sub-1_T1w.nii.gz"


def test_a_series_gets_the_sidecars_that_it_inherits_the_most_general_first() -> None:
    bold = "sub-1/func/sub-1_task-rest_run-1_bold"
    sidecars = ["task-rest_bold.json", "sub-1/sub-1_task-rest_bold.json", f"{bold}.json"]
    others = ["task-nback_bold.json", "sub-1/func/sub-1_task-rest_run-2_bold.json", "sub-2/sub-2_task-rest_bold.json"]
    (scan,) = discovered([T1W, f"{bold}.nii.gz", *others, *sidecars], pipeline="func").scans
    of_scan = [file.uri.removeprefix(f"s3://data/{PREFIX}") for file in scan.inputs if file.role == "bold_json"]
    assert of_scan == sidecars


def test_the_sidecars_of_other_images_are_not_read() -> None:
    paths = [T1W, "sub-1/anat/sub-1_T1w.json", "sub-1/dwi/sub-1_dwi.json", "sub-1/func/sub-1_task-rest_bold.nii.gz"]
    (scan,) = discovered(paths, pipeline="func").scans
    assert [file.role for file in scan.inputs] == ["bold", "T1w"]


def test_several_echoes_are_excluded_and_never_one_job_each() -> None:
    echoes = [f"sub-1/func/sub-1_task-rest_echo-{echo}_bold.nii.gz" for echo in (1, 2, 3)]
    discovery = discovered([T1W, *echoes], pipeline="func")
    assert discovery.scans == ()
    assert set(reasons(discovery)) == set(echoes)
    assert all(reason.startswith("one of 3 echoes") for reason in reasons(discovery).values())


def test_a_single_echo_is_a_series() -> None:
    paths = [T1W] + [f"sub-1/func/sub-1_task-{task}_echo-{echo}_bold.nii.gz" for task, echo in (("a", 1), ("b", 2))]
    assert len(discovered(paths, pipeline="func").scans) == 2

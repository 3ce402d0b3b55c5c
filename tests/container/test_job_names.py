"""Outputs come back under the scan's own names, whatever m2g needs them to be called in the job."""

from __future__ import annotations

import json

import pytest
from m2g_job import environment, scan
from m2g_job.staged_names import StagedNames
from support.job_world import ATLAS, BUCKET, RUN_ID, World, packed

DERIVATIVE = "HNU1/derivatives/m2g-csa-native"
JHU = "JHU_space-MNI152NLin6_res-4x4x4"


def make_scan(world: World, image: str, *, session: str | None, name: str) -> None:
    """Replace the scan by one of an image's name; its pipeline is the one of the image's suffix."""
    subject = image.split("_")[0][len("sub-") :]
    is_func = image.endswith("_bold")
    if is_func:
        world.scan["inputs"] = [entry for entry in world.scan["inputs"] if entry["role"] == "T1w"]
        world.scan["m2g"] = {"pipeline": "func", "parcellation": ["Desikan"]}
    world.input("bold" if is_func else "dwi", f"HNU1/{image}.nii.gz", packed(7))
    world.scan["scan"] = {"name": name, "subject": subject, "session": session, "entities": {}}
    world.scan["output"] = f"s3://{BUCKET}/{DERIVATIVE}/{name}"
    world.submit()


def names(world: World, image: str, *, session: str | None) -> StagedNames:
    make_scan(world, image, session=session, name="sub-x")
    job = environment.read({"OPSCTL_RUN_URI": f"s3://{BUCKET}/opsctl/runs/{RUN_ID}"})
    return StagedNames(scan.parse(json.dumps({**world.scan, "index": 0}).encode(), job))


@pytest.mark.parametrize("session", ["baseline", "2b", "1", None])
def test_a_func_scans_outputs_name_its_session_task_and_run(world: World, session: str | None) -> None:
    place = f"sub-02/ses-{session}" if session else "sub-02"
    prefix = place.replace("/", "_")
    image = f"{prefix}_task-rest_acq-1400_run-2_bold"
    make_scan(world, image, session=session, name=f"{place}/acq-1400_run-2")

    code, output = world.run()

    assert code == 0, output
    assert "TR extracted" not in output, "m2g reads milliseconds out of acq-1400"
    label = session or "nosession"
    assert f"sub-02/ses-{label}/func/sub-02_ses-{label}_task-rest_bold.nii.gz" in world.seen_input()
    keys = [key.removeprefix(f"{DERIVATIVE}/{place}/acq-1400_run-2/") for key in world.keys(DERIVATIVE)]
    func = f"connectomes_f/{ATLAS}/{prefix}_task-rest_acq-1400_run-2_func_{ATLAS}"
    assert [key for key in keys if key.startswith("connectomes_f")] == [
        f"{func}_abs_edgelist.csv",
        f"{func}_edgelist.csv",
    ]
    assert f"func/register/roi_timeseries/{ATLAS}/roi_stats.csv" in keys
    graphs = world.graphs()
    assert [(graph["atlas"], graph["kind"], graph["nodes"], graph["edges"], graph["lost"]) for graph in graphs] == [
        (ATLAS, "absolute correlation", 70, 70 * 69 // 2, 0),
        (ATLAS, "correlation", 70, 70 * 69 // 2, 0),
    ]


def test_a_label_with_a_plus_is_m2gs_under_another_and_the_outputs_under_its_own(world: World) -> None:
    image = "sub-B+1_ses-a+b_acq-x+y_run-1_dwi"
    make_scan(world, image, session="a+b", name="sub-B+1/ses-a+b")

    code, output = world.run()

    assert code == 0, output
    assert "--participant_label Bplus1 --session_label aplusb" in output
    assert "sub-Bplus1/ses-aplusb/dwi/sub-Bplus1_ses-aplusb_acq-xplusy_run-1_dwi.bval" in world.seen_input()
    keys = world.keys(DERIVATIVE)
    assert f"{DERIVATIVE}/sub-B+1/ses-a+b/connectomes_d/{ATLAS}/{image}_{ATLAS}_connectome.csv" in keys
    assert "qa_d/skull_strip/qa_skullstrip__sub-B+1_ses-a+b_T1w_reor_RAS_res.png" in "".join(keys)
    assert not [key for key in [*keys, json.dumps(world.result())] if "plus" in key]


def test_a_stand_in_is_never_another_label_in_use(world: World) -> None:
    staged = names(world, "sub-a+_ses-aplus_acq-aplusx_dwi", session="aplus")

    assert (staged.subject, staged.session) == ("aplusxx", "aplus")
    assert staged.stem == "sub-aplusxx_ses-aplus_acq-aplusx_dwi"
    assert staged.output_key(f"dwi/{staged.stem}_x.png") == "dwi/sub-a+_ses-aplus_acq-aplusx_dwi_x.png"
    assert staged.output_key("qa_d/sub-aplusxx2_ses-aplus.png") == "qa_d/sub-aplusxx2_ses-aplus.png"


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (
            f"connectomes_f/{JHU}.nii.gz/sub-02_ses-_func_{JHU}.nii.gz_edgelist.csv",
            f"connectomes_f/{JHU}/sub-02_ses-pre_task-a_run-01_func_{JHU}_edgelist.csv",
        ),
        # m2g takes the first digits behind any `ses-` of the path, such as those of a folder `courses-12`.
        (
            f"connectomes_f/{JHU}.nii.gz/sub-02_ses-12_func_{JHU}.nii.gz_abs_edgelist.csv",
            f"connectomes_f/{JHU}/sub-02_ses-pre_task-a_run-01_func_{JHU}_abs_edgelist.csv",
        ),
        ("func/register/sub-02_ses-_func_mean.nii.gz", "func/register/sub-02_ses-pre_task-a_run-01_func_mean.nii.gz"),
        (
            f"func/register/roi_timeseries/{JHU}.nii.gz/roi_stats.npz",
            f"func/register/roi_timeseries/{JHU}/roi_stats.npz",
        ),
        (
            "func/preproc/sub-02_ses-pre_task-a_bold_mc.nii.gz",
            "func/preproc/sub-02_ses-pre_task-a_run-01_bold_mc.nii.gz",
        ),
        ("anat_f/sub-02_ses-pre_T1w.nii.gz", "anat_f/sub-02_ses-pre_T1w.nii.gz"),
        ("log_f/x_func.yaml", "log_f/x_func.yaml"),
    ],
)
def test_func_names(world: World, path: str, key: str) -> None:
    assert names(world, "sub-02_ses-pre_task-a_run-01_echo-2_bold", session="pre").output_key(path) == key


def test_a_bold_image_without_a_task_is_staged_with_the_one_that_bids_requires(world: World) -> None:
    staged = names(world, "sub-02_bold", session=None)
    assert staged.stem == "sub-02_ses-nosession_task-rest_bold"
    assert staged.output_key("x/sub-02_ses-_func_y.csv") == "x/sub-02_func_y.csv"


def test_the_argv_of_the_scans_json_has_the_true_labels(world: World) -> None:
    make_scan(world, "sub-B+1_dwi", session=None, name="sub-B+1")
    world.submit(argv=["Bplus1" if word == "B+1" else word for word in world.scan["argv"]])
    assert world.run()[0] == 2
    assert "'Bplus1' in place of B+1" in world.result()["cause"]
    assert world.keys("HNU1/derivatives") == []

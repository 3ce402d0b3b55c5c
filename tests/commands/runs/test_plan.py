"""What `run` is going to do: scans found and compared with the earlier runs; nothing is written."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from support.run_world import PLATFORM, RunWorld, put_dataset, put_run, request

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.run import keep_documents
from opsctl.commands.runs.run_plan import RunPlan
from opsctl.core.errors import Problem, UsageProblem
from opsctl.core.location import Location
from opsctl.core.openneuro.snapshot import Snapshot
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.submission import submissions_of

SUBJECTS = ("sub-01", "sub-02/ses-1", "sub-02/ses-retest", "sub-03")


@pytest.fixture
def world(storage: Storage, tmp_path: Path) -> RunWorld:
    return RunWorld(storage, tmp_path)


@pytest.fixture
def dataset(s3: Any) -> None:
    put_dataset(s3, *SUBJECTS)


@pytest.mark.usefixtures("dataset")
def test_what_is_planned(world: RunWorld) -> None:
    plan = world.plan()
    run = plan.run(plan.dispositions)
    assert run.run_id == "HNU1-20261122-120100-0001"
    assert run.scans == SUBJECTS
    assert run.output == "s3://data/HNU1/derivatives/m2g-csa-native"
    assert run.command_line == ("opsctl", "run", "HNU1")
    assert (run.model, run.resources, run.image, run.platform) == ("csa", "csa", "repo:0.1.0", "m2g")
    documents = plan.documents(run)
    assert list(documents) == [0, 1, 2, 3]
    assert documents[2]["output"] == "s3://data/HNU1/derivatives/m2g-csa-native/sub-02/ses-retest"
    assert [document["key"] for document in documents.values()] == list(run.keys)
    value = plan.as_json()
    assert [job_request["arrayProperties"] for job_request in value["requests"]] == [{"size": 4}]
    assert value["counts"] == {"new": 4}
    assert json.loads(json.dumps(value)) == value


@pytest.mark.usefixtures("dataset")
def test_the_snapshot_is_in_the_run_and_in_each_scan_and_another_one_later_is_told(world: RunWorld) -> None:
    snapshot = Snapshot(version="1.0.1", doi="10.18112/openneuro.ds000114.v1.0.1")
    plan = world.plan(snapshot=snapshot)
    run = plan.run(plan.dispositions)
    assert (run.dataset_version, run.dataset_doi) == (snapshot.version, snapshot.doi)
    for document in plan.documents(run).values():
        assert (document["dataset_version"], document["dataset_doi"]) == (snapshot.version, snapshot.doi)
    assert plan.as_json()["snapshot"] == {"version": snapshot.version, "doi": snapshot.doi}
    assert plan.earlier_snapshots == []
    world.run(snapshot=snapshot)
    assert world.plan(snapshot=snapshot).earlier_snapshots == []
    assert world.plan(snapshot=Snapshot(version="1.0.2")).earlier_snapshots == ["1.0.1"]
    assert world.plan(snapshot=Snapshot()).earlier_snapshots == []


@pytest.mark.usefixtures("dataset")
def test_planning_writes_nothing(world: RunWorld, s3_writes: list[str]) -> None:
    world.plan()
    assert s3_writes == []
    assert world.batch.calls == 0


REFUSED = [
    pytest.param(
        {"participant_labels": ("99",)}, r"--participant-label 99 leaves no scan\. There are: 01, 02, 03", id="p"
    ),
    pytest.param({"session_labels": ("x",)}, r"--session-label x leaves no scan\. There are: 1, retest", id="s"),
    pytest.param(
        {"participant_labels": ("01",), "session_labels": ("1",)}, "--session-label 1 leaves no scan", id="both filters"
    ),
    pytest.param({"dataset": Location("data", "HNU2")}, r"nothing at s3://data/HNU2\. There is: HNU1", id="no dataset"),
    pytest.param({"dataset": Location("nosuch", "HNU1")}, "bucket nosuch does not exist", id="no bucket"),
    pytest.param({"options": M2gOptions(pipeline="func")}, "There is no bold image in s3://data/HNU1", id="no image"),
    pytest.param(
        {"options": M2gOptions(seeds=1)}, "HNU1-20261121-120000-aaaa, which ran with other options", id="mixed"
    ),
]


@pytest.mark.usefixtures("dataset")
@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_a_refusal_says_why_and_writes_nothing(
    world: RunWorld, changes: dict[str, Any], message: str, s3_writes: list[str]
) -> None:
    put_run(world.storage, "HNU1-20261121-120000-aaaa")
    s3_writes.clear()
    with pytest.raises(Problem, match=message) as caught:
        world.plan(**changes)
    assert caught.value.exit_code == 1
    assert s3_writes == []


def test_when_all_is_excluded_the_reasons_are_told(s3: Any, world: RunWorld) -> None:
    s3.put_object(Bucket="data", Key="HNU1/sub-01/dwi/sub-01_dwi.nii.gz", Body=b"x")
    s3.put_object(Bucket="data", Key="HNU1/sub-02/dwi/sub-02_dwi.nii.gz", Body=b"")
    with pytest.raises(Problem) as caught:
        world.plan()
    assert "all 2 dwi images are excluded" in caught.value.what
    assert "it is empty (0 bytes); no bval and no bvec and no T1w" in caught.value.what


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"participant_labels": ("01",)}, ["sub-01"]),
    ({"participant_labels": ("sub-02", "03")}, ["sub-02/ses-1", "sub-02/ses-retest", "sub-03"]),
    ({"participant_labels": ("0[13]",)}, ["sub-01", "sub-03"]),
    ({"session_labels": ("ses-retest",)}, ["sub-02/ses-retest"]),
    ({"session_labels": ("*",)}, list(SUBJECTS)),
    ({"participant_labels": ("02",), "session_labels": ("1",)}, ["sub-02/ses-1"]),
    ({"first": 2}, ["sub-01", "sub-02/ses-1"]),
    ({"first": 99}, list(SUBJECTS)),
    ({"first": 1, "participant_labels": ("03",)}, ["sub-03"]),
]


@pytest.mark.usefixtures("dataset")
@pytest.mark.parametrize(("changes", "names"), FILTERS)
def test_filters(world: RunWorld, changes: dict[str, Any], names: list[str]) -> None:
    plan = world.plan(**changes)
    assert [scan.name for scan in plan.chosen] == names
    run = plan.run(plan.dispositions)
    assert run.scans == tuple(names)
    assert list(plan.documents(run)) == list(range(len(names)))
    assert len(plan.discovery.scans) == 4


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "m2g-csa-native"),
        ({"options": M2gOptions(diffusion_model="csd", space="native_dsn")}, "m2g-csd-native_dsn"),
        ({"options": M2gOptions(pipeline="func")}, "m2g-func"),
        ({"options": M2gOptions(pipeline="both")}, "m2g-both-csa-native"),
        ({"modif": "quick", "options": M2gOptions(pipeline="func")}, "quick"),
    ],
)
def test_the_derivatives_folders_name(changes: dict[str, Any], name: str) -> None:
    assert request(**changes).output_name == name


@pytest.mark.usefixtures("dataset")
def test_other_options_go_where_another_modif_says_and_the_same_go_on(world: RunWorld) -> None:
    put_run(world.storage, "HNU1-20261121-120000-aaaa")
    other = world.plan(options=M2gOptions(seeds=1), modif="quick")
    assert other.output.uri == "s3://data/HNU1/derivatives/quick"
    assert world.plan().output.uri == "s3://data/HNU1/derivatives/m2g-csa-native"


@pytest.mark.usefixtures("dataset")
def test_runs_of_a_dataset_whose_name_begins_alike_do_not_count(world: RunWorld) -> None:
    put_run(
        world.storage,
        "HNU10-20261121-120000-aaaa",
        m2g=M2gOptions(seeds=1).as_dict(),
        output="s3://data/HNU10/derivatives/m2g-csa-native",
    )
    assert [scan.name for scan in world.plan().chosen] == list(SUBJECTS)


def test_a_dataset_of_another_bucket_is_read_there_and_its_outputs_go_home(s3: Any, world: RunWorld) -> None:
    s3.create_bucket(Bucket="open")
    for name in ("dwi/sub-01_dwi.nii", "dwi/sub-01_dwi.bval", "dwi/sub-01_dwi.bvec", "anat/sub-01_T1w.nii"):
        s3.put_object(Bucket="open", Key=f"studies/KKI/sub-01/{name}", Body=b"x")
    plan = world.plan(dataset=Location("open", "studies/KKI"))
    assert plan.run_id.startswith("KKI-")
    documents = plan.documents(plan.run(plan.dispositions))
    assert documents[0]["inputs"][0]["uri"] == "s3://open/studies/KKI/sub-01/dwi/sub-01_dwi.nii"
    assert documents[0]["output"] == "s3://data/KKI/derivatives/m2g-csa-native/sub-01"


@pytest.fixture
def plan(world: RunWorld, dataset: None) -> RunPlan:
    return world.plan()


def test_the_documents_are_kept_here_too(plan: RunPlan, tmp_path: Path) -> None:
    keep_documents(plan, tmp_path / "jobs")
    folder = tmp_path / "jobs" / plan.run_id
    uri = f"s3://data/opsctl/runs/{plan.run_id}/run.json"
    assert Run.decode((folder / "run.json").read_bytes(), uri) == plan.run(plan.dispositions)
    kept = [json.loads(path.read_text()) for path in sorted((folder / "scans").iterdir())]
    assert kept == list(plan.documents(plan.run(plan.dispositions)).values())


def test_a_folder_that_cannot_be_written_to_is_told(plan: RunPlan, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem, match="cannot be written"):
        keep_documents(plan, tmp_path / "file")


@pytest.mark.usefixtures("dataset")
@pytest.mark.parametrize(("memory_mib", "resources"), [(None, "csd"), (15200, "csd"), (2048, "csd"), (15201, "csa")])
def test_more_memory_is_found_on_larger_instances(world: RunWorld, memory_mib: int | None, resources: str) -> None:
    options = M2gOptions(diffusion_model="csd", parcellation=("AAL",))
    plan = world.plan(options=options, memory_mib=memory_mib)
    run = plan.run(plan.dispositions)
    assert (run.model, run.resources, run.memory_mib) == ("csd", resources, memory_mib)


@pytest.mark.usefixtures("dataset")
def test_a_larger_job_keeps_the_list_of_atlases_and_the_scans_keys(world: RunWorld) -> None:
    csd = M2gOptions(diffusion_model="csd")
    first, larger = world.plan(options=csd), world.plan(options=csd, memory_mib=30400)
    assert [scan.key for scan in first.dispositions] == [scan.key for scan in larger.dispositions]
    documents = [plan.documents(plan.run(plan.dispositions))[0] for plan in (first, larger)]
    for document in documents:
        names = document["m2g"]["parcellation"]
        assert len(names) == len(set(names)) == 45
        assert [atlas["name"] for atlas in document["atlases"]] == names
        begin = document["argv"].index("--parcellation") + 1
        assert document["argv"][begin : begin + 45] == [atlas["argument"] for atlas in document["atlases"]]
        assert document["argv"][begin + 45] == "--n_cpus"
    assert documents[0]["argv"] == documents[1]["argv"]


@pytest.mark.usefixtures("dataset")
def test_an_atlas_that_the_job_cannot_hold_is_refused(world: RunWorld) -> None:
    large = {"parcellation": ("AAL", "DS16784")}
    with pytest.raises(UsageProblem, match=r"DS16784 \(17,181 MiB\)"):
        world.plan(options=M2gOptions(diffusion_model="csd", **large))
    with pytest.raises(UsageProblem, match="DS16784"):
        world.plan(options=M2gOptions(n_cpus=2, **large))
    with pytest.raises(UsageProblem, match="Too large for a job of 2,048 MiB: DS06481"):
        world.plan(memory_mib=2048)
    assert world.plan(options=M2gOptions(diffusion_model="csd", **large), memory_mib=17181).atlases
    assert world.plan(options=M2gOptions(**large)).atlases


@pytest.mark.usefixtures("dataset")
def test_the_atlases_that_m2g_cuts_are_those_of_dwi(world: RunWorld) -> None:
    options = M2gOptions(parcellation=("AAL", "DS00071", "MICCAI"))
    assert [atlas.name for atlas in world.plan(options=options).cut_atlases] == ["MICCAI", "DS00071"]
    func = dataclasses.replace(world.plan(options=options).request.options, pipeline="func")
    plan = world.plan(options=options)
    assert dataclasses.replace(plan, request=dataclasses.replace(plan.request, options=func)).cut_atlases == ()


@pytest.mark.usefixtures("dataset")
def test_more_memory_than_there_is_is_refused(world: RunWorld) -> None:
    with pytest.raises(UsageProblem, match="at most 30400 MiB"):
        world.plan(memory_mib=30401)


@pytest.mark.usefixtures("dataset")
def test_jobs_with_other_inputs_on_their_way_to_the_same_place_are_not_joined(world: RunWorld, s3: Any) -> None:
    first = world.run()
    s3.put_object(Bucket="data", Key="HNU1/sub-01/dwi/sub-01_dwi.bval", Body=b"other")
    with pytest.raises(Problem, match=r"still on their way to the same place \(sub-01\)") as caught:
        world.plan()
    assert f"opsctl cancel --run {first.run_id}" in caught.value.hint


@pytest.mark.usefixtures("dataset")
def test_files_of_somebody_else_are_never_written_over(world: RunWorld, s3: Any) -> None:
    place = "HNU1/derivatives/m2g-csa-native"
    s3.put_object(Bucket="data", Key=f"{place}/dataset_description.json", Body=b"{}")
    s3.put_object(Bucket="data", Key=f"{place}/sub-99/old.csv", Body=b"x")
    assert len(world.plan().to_submit()) == 4
    s3.put_object(Bucket="data", Key=f"{place}/sub-02/ses-1/old.csv", Body=b"x")
    with pytest.raises(
        Problem, match=r"did not write \(1, e.g. s3://data/HNU1/derivatives/m2g-csa-native/sub-02/ses-1"
    ):
        world.plan()
    assert len(world.plan(modif="mine").to_submit()) == 4


@pytest.mark.usefixtures("dataset")
def test_what_a_job_of_ours_left_half_is_no_strangers(world: RunWorld, s3: Any) -> None:
    run_id = world.run().run_id
    world.batch.end("job-0", "FAILED")
    s3.put_object(Bucket="data", Key="HNU1/derivatives/m2g-csa-native/sub-01/half.csv", Body=b"x")
    assert world.plan().counts == {"failed": 4}
    assert world.records.run(None).run_id == run_id


@pytest.mark.usefixtures("dataset")
def test_a_run_that_was_given_up_mixes_with_nothing(world: RunWorld) -> None:
    plan = world.plan(options=M2gOptions(seeds=1))
    run = plan.run(plan.dispositions)
    world.records.put_run(run, plan.documents(run))
    for submission in submissions_of(run, PLATFORM, at=run.created_at):
        world.records.put_submission(
            run.run_id, submission.abandoned("not wanted", code="never_submitted", at=run.created_at)
        )
    assert len(world.plan().to_submit()) == 4

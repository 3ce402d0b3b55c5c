"""`delete`: what goes is gone in all its versions, what stays is untouched, and what refers to it tells the truth."""

from __future__ import annotations

import gzip
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.deletion_world import (
    DATASET,
    LABEL,
    OUTPUT,
    SUBJECTS,
    DeletionWorld,
    output_target,
    subject_target,
    whole_target,
)
from support.fake_batch import refused
from support.run_world import MOMENT, PATTERNS, put_dataset

from opsctl.assets import atlas_table
from opsctl.aws.s3.cache import Cache
from opsctl.aws.s3.versions import Versions
from opsctl.commands.deletion.delete import problem_of
from opsctl.commands.results.download_plan import plan_download
from opsctl.commands.runs.audit import audit
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_list import runs as list_runs
from opsctl.commands.runs.run_reader import RunReader
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.deletion.subject import Subject
from opsctl.core.deletion.target import dataset_target, run_target
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.results.request import ResultsRequest


def _reader(world: DeletionWorld, run_id: str) -> SnapshotReader:
    records = world.runs.records
    batch = world.runs.batch.adapter()
    return SnapshotReader(records.run(run_id), records=records, batch=batch, now=lambda: MOMENT, is_saving=True)


def test_after_one_subject_went_nothing_names_it_and_its_siblings_stay(world: DeletionWorld) -> None:
    run_id = world.finished_run()
    before = {version for version in world.versions() if f"{LABEL}1" in version.key or f"{LABEL}x" in version.key}
    assert world.naming(LABEL)

    receipt = world.delete(subject_target())

    assert world.naming(LABEL) == set()
    assert receipt.state == "complete"
    assert problem_of(receipt) is None
    assert receipt.rewritten == 2
    assert before <= set(world.versions())
    documents = sorted(key for key in world.keys(f"opsctl/runs/{run_id}/") if "/0000" in key)
    assert [key.rpartition(f"{run_id}/")[2] for key in documents if "00000" in key] == []
    assert len(documents) == 8
    assert world.body("HNU1/participants.tsv").decode().splitlines()[1:] == [f"sub-{LABEL}1\t31", f"sub-{LABEL}x\t32"]
    value = json.loads(world.body(receipt.key))
    assert value["state"] == "complete"
    assert value["deleted"]["versions"] == receipt.deleted.total.versions
    assert value["command_line"][-1] == "DELETED"


def test_no_summary_keeps_what_the_records_said_of_a_subject_that_went(world: DeletionWorld) -> None:
    folder = f"opsctl/runs/{world.finished_run()}/summaries/"

    def read_by_somebody() -> list[str]:
        """The summaries that a reader leaves behind, decompressed."""
        records = Records(world.runs.storage, data_bucket="data", worth_a_summary=1)
        run_id = folder.split("/")[2]
        assert records.results(run_id) and records.documents(run_id)
        records.attempts(run_id)
        return [gzip.decompress(world.body(key)).decode() for key in world.keys(folder)]

    naming = re.compile(rf"sub-{LABEL}(?![0-9A-Za-z])")
    assert any(map(naming.search, read_by_somebody()))
    world.delete(subject_target())
    assert [version for version in world.versions() if version.key.startswith(folder)] == []
    written_again = read_by_somebody()
    assert written_again
    assert not any(map(naming.search, written_again))


def test_the_views_of_a_run_that_lost_a_subject(world: DeletionWorld) -> None:
    run_id = world.finished_run()
    world.delete(subject_target())
    reader = _reader(world, run_id)
    for status in (reader.whole().status, reader.counts(), reader.progress().status):
        assert status.counts["DONE"] == status.total == 2
        assert status.run.deleted_count == 1
        assert status.as_json()["deleted"] == 1
    lines = list_runs(
        records=world.runs.records, batch=world.runs.batch.adapter(), atlases=atlas_table(), now=lambda: MOMENT
    )
    assert [(line.total, line.done, line.state) for line in lines.lines] == [(2, 2, "done")]
    plan = plan_download(RunReader(reader.run, records=world.runs.records), ResultsRequest(folder="x"))
    assert (len(plan.downloads), plan.missing) == (2, ())
    table = audit(
        DATASET,
        output_name=None,
        source=world.runs.storage,
        storage=world.runs.storage,
        records=world.runs.records,
        batch=world.runs.batch.adapter(),
        patterns=PATTERNS,
        now=lambda: MOMENT,
    )
    assert [(row.scan, row.state) for row in table.rows] == [(scan, "complete") for scan in SUBJECTS[1:]]
    put_dataset(world.s3, "sub-99")
    later = world.runs.run()
    assert set(world.runs.records.run(later.run_id).scans) == {"sub-99", *SUBJECTS[1:]}


def test_a_dataset_goes_with_its_outputs_and_records_and_others_stay(world: DeletionWorld) -> None:
    world.finished_run()
    others = [version for version in world.versions() if version.key.startswith("HNU10/")]
    plan = world.deleter().plan(whole_target())
    assert set(plan.amounts.folders) == {
        "raw data",
        "derivatives/m2g-csa-native",
        f"records of {plan.scope.runs[0].run_id}",
    }
    receipt = world.delete(whole_target())
    assert receipt.deleted == plan.amounts
    assert {key.split("/")[0] for key in world.keys("")} == {"HNU10", "opsctl"}
    assert world.keys("opsctl/runs/") == set()
    assert [version for version in world.versions() if version.key.startswith("HNU10/")] == others
    assert world.deleter().plan(whole_target()).is_empty


def test_the_raw_data_alone(world: DeletionWorld) -> None:
    run_id = world.finished_run()
    world.delete(whole_target(keeps_outputs=True))
    assert {key.split("/")[1] for key in world.keys("HNU1/")} == {"derivatives"}
    assert _reader(world, run_id).whole().status.counts["DONE"] == 3


def test_outputs_alone(world: DeletionWorld) -> None:
    run_id = world.finished_run()
    world.delete(output_target())
    assert world.keys(f"{OUTPUT}/") == set()
    assert world.keys("HNU1/sub-")
    assert world.keys(f"opsctl/runs/{run_id}/")
    assert len(world.runs.plan().scans_to_submit) == 3


def test_a_run_alone_also_one_that_cannot_be_read(world: DeletionWorld) -> None:
    run_id = world.finished_run()
    world.s3.put_object(Bucket="data", Key=f"opsctl/runs/{run_id}/run.json", Body=b"{")
    with pytest.raises(Problem, match=f"opsctl delete run {run_id}") as refused:
        world.deleter().plan(whole_target())
    assert refused.value.code == ErrorCode.RECORD_UNREADABLE
    world.delete(run_target(run_id))
    assert world.keys("opsctl/runs/") == set()
    assert world.keys(f"{OUTPUT}/")


def test_a_run_whose_scans_a_later_run_took_over_stays(world: DeletionWorld) -> None:
    first = world.finished_run()
    put_dataset(world.s3, "sub-99")
    later = world.runs.run()
    world.runs.batch.end("job-1", "FAILED")
    with pytest.raises(Problem, match=later.run_id) as refused:
        world.deleter().plan(run_target(first))
    assert refused.value.code == ErrorCode.DATA_IN_USE
    world.delete(run_target(later.run_id))
    world.delete(run_target(first))
    assert world.keys("opsctl/runs/") == set()


def test_a_plan_changes_nothing(world: DeletionWorld) -> None:
    world.finished_run()
    before = world.versions()
    for target in (subject_target(), whole_target(), output_target()):
        world.deleter().plan(target)
    assert world.versions() == before


def test_active_jobs_keep_everything(world: DeletionWorld) -> None:
    world.runs.run()
    before = world.versions()
    for target in (subject_target(), whole_target(), output_target()):
        with pytest.raises(Problem) as refused:
            world.deleter().plan(target)
        assert refused.value.code == ErrorCode.JOBS_ACTIVE
    assert world.versions() == before


def test_a_run_that_began_after_the_plan_keeps_everything(world: DeletionWorld) -> None:
    deleter = world.deleter()
    plan = deleter.plan(whole_target())
    world.runs.run()
    with pytest.raises(Problem) as refused:
        deleter.carry_out(plan, on_deleted=lambda _: None)
    assert refused.value.code == ErrorCode.JOBS_ACTIVE
    assert world.keys("HNU1/sub-")


def test_nothing_goes_while_somebody_submits(world: DeletionWorld) -> None:
    world.finished_run()
    run_plan = world.runs.plan()
    before = world.keys("HNU1/")
    with world.runs.lease(run_plan).acquire(), pytest.raises(Problem, match="is submitting") as refused:
        world.delete(whole_target())
    assert refused.value.code == ErrorCode.DATA_IN_USE
    assert world.keys("HNU1/") == before
    assert world.delete(whole_target()).state == "complete"


@pytest.mark.parametrize("subject", [None, Subject(LABEL)], ids=["dataset", "subject"])
def test_a_run_into_a_folder_that_does_not_exist_yet_keeps_everything(
    world: DeletionWorld, subject: Subject | None
) -> None:
    before = world.versions("HNU1/")
    run_plan = world.runs.plan()
    with world.runs.lease(run_plan).acquire(), pytest.raises(Problem, match="is submitting") as refused:
        world.delete(dataset_target(DATASET, data_bucket="data", subject=subject))
    assert refused.value.code == ErrorCode.DATA_IN_USE
    assert world.versions("HNU1/") == before


@pytest.mark.parametrize("subject", [None, Subject(LABEL)], ids=["dataset", "subject"])
def test_no_run_begins_while_its_dataset_is_deleted_also_into_a_new_folder(
    world: DeletionWorld, subject: Subject | None
) -> None:
    run_plan = world.runs.plan()
    refusals: list[Problem] = []

    def begin_a_run(_: int) -> None:
        with pytest.raises(Problem, match="deletes data of s3://data/HNU1") as refused:
            world.runs.carry_out(run_plan)
        refusals.append(refused.value)

    deleter = world.deleter()
    target = dataset_target(DATASET, data_bucket="data", subject=subject)
    deleter.carry_out(deleter.plan(target), on_deleted=begin_a_run)
    assert {refusal.code for refusal in refusals} == {ErrorCode.DATA_IN_USE}
    assert world.runs.batch.jobs == {}
    assert world.keys("opsctl/runs/") == set()


def test_a_run_that_was_planned_before_a_deletion_does_not_begin_after_it(
    world: DeletionWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_plan = world.runs.plan()
    world.delete(dataset_target(DATASET, data_bucket="data", subject=Subject(LABEL)))
    monkeypatch.setattr(world.runs, "now", lambda: run_plan.moment + timedelta(minutes=5))
    with pytest.raises(Problem, match="has just done so"):
        world.runs.carry_out(run_plan)
    assert world.runs.batch.jobs == {}
    # A later plan knows what is left.
    monkeypatch.setattr(world.runs, "now", lambda: run_plan.moment)
    assert world.runs.run().submitted == len(SUBJECTS) - 1


@pytest.mark.parametrize("target", [subject_target(), whole_target()])
def test_interrupted_after_each_call_the_same_command_goes_on(
    world: DeletionWorld, target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.finished_run()
    monkeypatch.setattr("opsctl.commands.deletion.removal._BATCH", 3)
    total = 0

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    for _ in range(200):
        deleter = world.deleter()
        plan = deleter.plan(target)
        if plan.is_empty:
            break
        receipt = deleter.carry_out(plan, on_deleted=stop)
        total += receipt.deleted.total.versions
        problem = problem_of(receipt)
        if problem is not None:
            assert problem.exit_code == 130
            assert receipt.deleted.total.versions <= 3
            assert json.loads(world.body(receipt.key))["state"] == "interrupted"
    assert total > 10
    assert world.naming(LABEL) == set()


def test_what_s3_does_not_delete_is_told_and_the_records_still_find_it(
    world: DeletionWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = world.finished_run()
    locked = f"opsctl/runs/{run_id}/results/00000.json"
    delete = world.s3.delete_objects

    def refuse_locked(**request: Any) -> Any:
        objects = request["Delete"]["Objects"]
        free = [entry for entry in objects if entry["Key"] != locked]
        reply = delete(**{**request, "Delete": {"Objects": free, "Quiet": True}}) if free else {}
        errors = [{**entry, "Code": "AccessDenied", "Message": "locked"} for entry in objects if entry["Key"] == locked]
        return {**reply, "Errors": errors}

    monkeypatch.setattr(world.s3, "delete_objects", refuse_locked)
    receipt = world.delete(subject_target())
    problem = problem_of(receipt)
    assert problem is not None
    assert (problem.code, problem.exit_code) == (ErrorCode.DELETION_INCOMPLETE, 1)
    assert receipt.left == {"AccessDenied: locked": 1}
    assert world.runs.records.run(run_id).scans == SUBJECTS
    monkeypatch.undo()
    assert world.delete(subject_target()).state == "complete"
    assert world.naming(LABEL) == set()


def test_a_call_that_is_refused_as_a_whole(world: DeletionWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> Any:
        raise refused("AccessDenied", 403, "no")

    monkeypatch.setattr(world.s3, "delete_objects", refuse)
    receipt = world.delete(whole_target())
    assert receipt.state == "incomplete"
    assert receipt.deleted.total.versions == 0
    assert sum(receipt.left.values()) == len(list(Versions(world.s3, "data").below("HNU1/")))


@pytest.mark.parametrize("is_hidden", [False, True])
def test_the_scans_of_a_run_without_a_record_go_too(world: DeletionWorld, is_hidden: bool) -> None:
    run_id = world.finished_run()
    versions = Versions(world.s3, "data")
    if is_hidden:
        world.s3.delete_object(Bucket="data", Key=f"opsctl/runs/{run_id}/run.json")
    else:
        versions.delete(list(versions.below(f"opsctl/runs/{run_id}/run.json")))
    world.delete(subject_target())
    assert world.naming(LABEL) == set()
    assert f"opsctl/runs/{run_id}/scans/00001.json" in world.keys("")
    world.delete(whole_target())
    assert world.keys(f"opsctl/runs/{run_id}/") == set()


def test_unfinished_uploads_are_aborted(world: DeletionWorld) -> None:
    for key in (f"HNU1/sub-{LABEL}/big.nii", f"HNU1/sub-{LABEL}1/big.nii"):
        world.s3.create_multipart_upload(Bucket="data", Key=key)
    assert world.delete(subject_target()).aborted_uploads == 1
    uploads = world.s3.list_multipart_uploads(Bucket="data")["Uploads"]
    assert [upload["Key"] for upload in uploads] == [f"HNU1/sub-{LABEL}1/big.nii"]


def test_other_texts_that_name_the_subject_are_told_and_stay(world: DeletionWorld) -> None:
    world.s3.put_object(Bucket="data", Key="HNU1/CHANGES", Body=f"sub-{LABEL} moved".encode())
    assert world.deleter().plan(subject_target()).mentions.others == ("HNU1/CHANGES",)
    world.delete(subject_target())
    assert world.naming(LABEL) == {"HNU1/CHANGES"}


def test_this_machine_forgets_too(world: DeletionWorld, tmp_path: Path) -> None:
    run_id = world.finished_run()
    path = tmp_path / "records.sqlite"
    records = Records(world.runs.storage, data_bucket="data", cache=Cache(path))
    records.run(run_id)
    records.run_ids()
    records.results(run_id)
    records.documents(run_id)
    records.completion_cache.dataset("HNU1")
    assert LABEL.encode() in path.read_bytes()
    deleter = world.deleter()
    deleter._records = records  # type: ignore[misc]
    deleter.carry_out(deleter.plan(subject_target()), on_deleted=lambda _: None)
    assert f"sub-{LABEL}/".encode() not in path.read_bytes()
    deleter.carry_out(deleter.plan(whole_target()), on_deleted=lambda _: None)
    assert b"HNU1" not in path.read_bytes()

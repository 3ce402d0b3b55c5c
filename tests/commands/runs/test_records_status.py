"""The runs' records, and the status that is derived from them and from Batch."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from support.batch_world import BatchWorld, Child, made_run, snapshots_of, status_of, submitted
from support.run_world import put_run, result_json

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.records import Records
from opsctl.core.errors import Problem
from opsctl.core.runs.submission import Submission

EARLY, LATE = "ZZZ-20261121-120000-aaaa", "AAA-20261122-120000-bbbb"


def test_runs_are_known_by_time_and_the_latest_is_meant_when_none_is_named(storage: Storage, records: Records) -> None:
    for run_id in (LATE, EARLY):
        put_run(storage, run_id)
    assert records.run_ids() == [EARLY, LATE]
    assert records.run(None).run_id == LATE
    assert records.run(EARLY).run_id == EARLY


def test_no_run_yet(records: Records) -> None:
    with pytest.raises(Problem, match="There is no run yet"):
        records.run(None)
    with pytest.raises(Problem, match="There is no run X") as caught:
        records.run("X")
    assert "opsctl run DATASET" in caught.value.hint


def test_an_unknown_run_tells_the_latest(storage: Storage, records: Records) -> None:
    put_run(storage, LATE)
    with pytest.raises(Problem, match=f"There is no run X. The latest is {LATE}"):
        records.run("X")


def test_the_runs_of_a_dataset(storage: Storage, records: Records) -> None:
    for run_id in ("HNU1-20261122-120000-aaaa", "HNU10-20261121-120000-aaaa", "HNU1-20261120-120000-aaaa"):
        put_run(storage, run_id)
    assert [run.run_id for run in records.runs_of("HNU1")] == [
        "HNU1-20261120-120000-aaaa",
        "HNU1-20261122-120000-aaaa",
    ]


def submission(number: int) -> Submission:
    return Submission(
        number=number,
        job_name="n",
        job_queue="q",
        offset=number,
        size=1,
        state="submitted",
        at="2026-11-22T12:00:00Z",
        job_id=f"j{number}",
    )


def test_the_submission_log_is_in_order_and_only_what_batch_has_is_submitted(records: Records) -> None:
    intended = dataclasses.replace(submission(2), state="intended", job_id="")
    for entry in (submission(10), intended, submission(0)):
        records.put_submission("R", entry)
    assert records.submission_log("R") == [submission(0), intended, submission(10)]
    assert records.submissions("R") == [submission(0), submission(10)]


def test_results_are_known_by_index(storage: Storage, records: Records) -> None:
    for index in (0, 1, 3):
        storage.put_json("data", f"opsctl/runs/R/results/{index:05d}.json", result_json(index, f"sub-0{index}"))
    assert sorted(records.results("R")) == [0, 1, 3]
    assert records.results("R")[3].scan == "sub-03"
    assert records.results("other") == {}


def test_the_results_are_read_after_batch_was_asked(s3: Any, storage: Storage, records: Records) -> None:
    """A job that ends between the two questions has then written its result."""
    run = made_run(2, run_id=LATE)
    storage.put_json("data", f"opsctl/runs/{LATE}/run.json", run.as_json())
    records.put_submission(LATE, submitted(run))

    class Ending(BatchWorld):
        def describe_jobs(self, *, jobs: list[str]) -> dict[str, Any]:
            storage.put_json("data", f"opsctl/runs/{LATE}/results/00000.json", result_json(0, "sub-00000"))
            return super().describe_jobs(jobs=jobs)

    world = Ending({"p": [Child("SUCCEEDED"), Child("RUNNING")]})
    for ask in ("counts", "progress", "whole"):
        s3.delete_object(Bucket="data", Key=f"opsctl/runs/{LATE}/results/00000.json")
        status = status_of(snapshots_of(records.run(None), records, world.adapter), ask)
        assert (status.counts["DONE"], status.counts["RUNNING"], status.counts["FAILED"]) == (1, 1, 0)


def test_final_job_states_are_saved_beside_the_run(storage: Storage, records: Records) -> None:
    run = made_run(1, run_id=LATE)
    storage.put_json("data", f"opsctl/runs/{LATE}/run.json", run.as_json())
    records.put_submission(LATE, submitted(run))
    reason = "Host EC2 (instance i-1) terminated."
    world = BatchWorld(plain={"p": Child("FAILED", reason, attempts=((None, reason),))})
    before = status_of(snapshots_of(run, records, world.adapter))
    world.plain.clear()
    after = status_of(snapshots_of(run, Records(storage, data_bucket="data"), world.adapter))
    assert before.failed == after.failed
    assert (after.failed[0].cause, after.failed[0].attempt) == (reason, 1)

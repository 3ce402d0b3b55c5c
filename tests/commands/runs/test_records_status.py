"""The runs' records, and the status that is derived from them and from Batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.batch_world import BatchWorld, Child, made_run, snapshots_of, status_of, submitted
from support.record_examples import ATTEMPT, RESULT, SCAN, encoded
from support.run_world import RunWorld, put_dataset, put_run, result_json
from support.stored_json import stored_json

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.records import Records
from opsctl.core.errors import Problem
from opsctl.core.record import UnreadableRecord
from opsctl.core.runs.status import BatchJob
from opsctl.core.runs.submission import Submission

EARLY, LATE = "ZZZ-20261121-120000-aaaa", "AAA-20261122-120000-bbbb"
#: The job of its only submission.
NAMES = {"p": f"{LATE}-00"}


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


def submission(number: int, run_id: str = "R") -> Submission:
    return Submission(
        number=number,
        job_name=f"{run_id}-{number:02d}",
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

    world = Ending({"p": [Child("SUCCEEDED"), Child("RUNNING")]}, job_names=NAMES)
    for ask in ("counts", "progress", "whole"):
        s3.delete_object(Bucket="data", Key=f"opsctl/runs/{LATE}/results/00000.json")
        status = status_of(snapshots_of(records.run(None), records, world.adapter), ask)
        assert (status.counts["DONE"], status.counts["RUNNING"], status.counts["FAILED"]) == (1, 1, 0)


@pytest.mark.parametrize("view", ["counts", "progress", "whole", "scans", "history"])
def test_a_job_that_ends_while_the_run_is_read_has_written_its_result(
    storage: Storage, records: Records, view: str
) -> None:
    """Batch still counts the job as running, the results are read, the job ends, and Batch describes it as ended."""
    run = made_run(2, run_id=LATE)
    storage.put_json("data", f"opsctl/runs/{LATE}/run.json", run.as_json())
    records.put_submission(LATE, submitted(run))

    class Ending(BatchWorld):
        def describe_jobs(self, *, jobs: list[str]) -> dict[str, Any]:
            if jobs != ["p"]:
                storage.put_json("data", f"opsctl/runs/{LATE}/results/00000.json", result_json(0, "sub-00000"))
                self.arrays["p"][0].status = "SUCCEEDED"
            return super().describe_jobs(jobs=jobs)

        def list_jobs(self, **request: Any) -> dict[str, Any]:
            self.describe_jobs(jobs=["p:0"])
            return super().list_jobs(**request)

    world = Ending({"p": [Child("RUNNING"), Child("RUNNING")]}, job_names=NAMES)
    reader = snapshots_of(records.run(None), records, world.adapter)
    if view == "history":
        history = reader.history()
        assert history.results[0].succeeded
        assert set(history.jobs) == {1}
        return
    status = reader.scans([0]).status if view == "scans" else status_of(reader, view)
    assert status.failed == ()


def test_final_job_states_are_saved_beside_the_run(storage: Storage, records: Records) -> None:
    run = made_run(1, run_id=LATE)
    storage.put_json("data", f"opsctl/runs/{LATE}/run.json", run.as_json())
    records.put_submission(LATE, submitted(run))
    reason = "Host EC2 (instance i-1) terminated."
    world = BatchWorld(plain={"p": Child("FAILED", reason, attempts=((None, reason),))}, job_names=NAMES)
    before = status_of(snapshots_of(run, records, world.adapter))
    world.plain.clear()
    after = status_of(snapshots_of(run, Records(storage, data_bucket="data"), world.adapter))
    assert before.failed == after.failed
    assert (after.failed[0].cause, after.failed[0].attempt) == (reason, 1)


def put(storage: Storage, path: str, value: Any) -> str:
    storage.client.put_object(Bucket="data", Key=f"opsctl/runs/{path}", Body=encoded(value))
    return f"s3://data/opsctl/runs/{path}"


def test_what_cannot_be_read_counts_as_missing_and_is_reported_once(storage: Storage) -> None:
    reported: list[str] = []
    records = Records(storage, data_bucket="data", on_unreadable=lambda problem: reported.append(problem.source))
    put_run(storage, LATE)
    broken = {
        put(storage, f"{LATE}/submissions/01.json", {}),
        put(storage, f"{LATE}/attempts/00001.1.ab.json", {**ATTEMPT, "index": -1}),
        put(storage, f"{LATE}/results/00001.json", {**RESULT, "schema_version": 2}),
        put(storage, f"{LATE}/final_job_states.json", []),
        put(storage, f"{LATE}/scans/00001.json", {**SCAN, "index": None}),
    }
    put(storage, f"{LATE}/submissions/00.json", submission(0, LATE).as_json())
    put(storage, f"{LATE}/attempts/00000.1.ab.json", {**ATTEMPT, "index": 0})
    put(storage, f"{LATE}/results/00000.json", {**RESULT, "index": 0})
    put(storage, f"{LATE}/scans/00000.json", {**SCAN, "index": 0})
    for _ in range(2):
        assert records.submission_log(LATE) == [submission(0, LATE)]
        assert [attempt.index for attempt in records.attempts(LATE)] == [0]
        assert list(records.results(LATE)) == list(records.results(LATE, files=True)) == [0]
        assert list(records.documents(LATE)) == [0]
        assert records.document(LATE, 1) is None
        assert records.load_final_job_states(LATE) == {}
    assert sorted(reported) == sorted(broken)
    assert {problem.source for problem in records.unreadable(LATE)} == broken
    assert records.unreadable(EARLY) == []
    assert records.unreadable() == records.unreadable(LATE)


def test_a_record_that_was_mended_is_read_and_no_longer_reported(storage: Storage, records: Records) -> None:
    put(storage, f"{LATE}/attempts/00000.1.ab.json", {})
    assert records.attempts(LATE) == []
    put(storage, f"{LATE}/attempts/00000.1.ab.json", {**ATTEMPT, "index": 0})
    assert len(records.attempts(LATE)) == 1
    assert records.unreadable() == []
    put(storage, f"{LATE}/final_job_states.json", {})
    records.load_final_job_states(LATE)
    storage.client.delete_object(Bucket="data", Key=f"opsctl/runs/{LATE}/final_job_states.json")
    assert records.load_final_job_states(LATE) == {}
    assert records.unreadable() == []


def test_final_job_states_that_cannot_be_read_are_not_written_over(storage: Storage, records: Records) -> None:
    put(storage, f"{LATE}/final_job_states.json", {"schema_version": 2})
    job = BatchJob(job_id="j", status="FAILED", reason="Host EC2 (instance i-1) terminated.")
    assert records.load_final_job_states(LATE) == {}
    records.save_final_job_states(LATE, {0: job})
    assert stored_json(storage, f"opsctl/runs/{LATE}/final_job_states.json") == {"schema_version": 2}
    records.save_final_job_states(EARLY, {0: job})
    assert records.load_final_job_states(EARLY) == {0: job}


def test_a_run_that_cannot_be_read_takes_only_itself_away(storage: Storage, records: Records) -> None:
    good, bad = "HNU1-20261120-120000-aaaa", "HNU1-20261122-120000-aaaa"
    put_run(storage, good)
    uri = put(storage, f"{bad}/run.json", {"schema_version": 2})
    assert [run.run_id for run in records.runs_of("HNU1")] == [good]
    assert list(records.runs([good, bad, "HNU1-20261123-120000-aaaa"])) == [good]
    assert [problem.source for problem in records.unreadable(bad)] == [uri]
    assert records.run(good).run_id == good
    # The latest run is not silently another one.
    for run_id in (bad, None):
        with pytest.raises(UnreadableRecord, match=f"{uri} was written by another version") as caught:
            records.run(run_id)
        assert "opsctl runs" in caught.value.hint


def test_only_what_is_new_is_read_again_and_each_object_is_kept_once(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = Records(storage, data_bucket="data")
    for index in range(3):
        put(storage, f"{LATE}/attempts/{index:05d}.1.ab.json", {**ATTEMPT, "index": index, "stopped_at": None})
    put(storage, f"{LATE}/attempts/00009.1.ab.json", {})
    records.attempts(LATE)
    read: list[str] = []
    get_bodies = storage.get_bodies

    def noted(bucket: str, keys: Sequence[str]) -> dict[str, bytes]:
        read.extend(keys)
        return get_bodies(bucket, keys)

    monkeypatch.setattr(storage, "get_bodies", noted)
    records.attempts(LATE)
    assert read == []
    for minute in (1, 2):
        seen_at = f"2026-11-22T12:0{minute}:00Z"
        put(storage, f"{LATE}/attempts/00001.1.ab.json", {**ATTEMPT, "index": 1, "seen_at": seen_at})
        assert records.attempts(LATE)[1].seen_at == seen_at
    assert read == [f"opsctl/runs/{LATE}/attempts/00001.1.ab.json"] * 2
    assert len(records._checked._values) == 4


def test_what_is_done_is_not_run_again_where_its_submission_cannot_be_read(storage: Storage, tmp_path: Path) -> None:
    put_dataset(storage.client, "sub-01", "sub-02")
    world = RunWorld(storage, tmp_path)
    run_id = world.run().run_id
    world.finish(run_id, 0)
    put(storage, f"{run_id}/submissions/00.json", {})
    dispositions = {scan.name: scan.disposition for scan in world.plan().dispositions}
    assert dispositions == {"sub-01": "done", "sub-02": "new"}

"""Status: exact, in few calls, of adopted scans and submissions that were cut short, and after Batch has forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from support.batch_world import (
    NOW,
    PRICING,
    BatchWorld,
    Child,
    MemoryRecords,
    made_result,
    made_run,
    snapshots_of,
    status_of,
    submitted,
)

from opsctl.commands.runs.scan_detail import scan_details
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.diagnosis.reason import Reason
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Origin
from opsctl.core.runs.status import RunStatus

MANY = 10_000


def counts(status: RunStatus) -> dict[str, int]:
    return {state: count for state, count in status.counts.items() if count}


def large(**children: int) -> tuple[BatchWorld, MemoryRecords, Any]:
    """A run of 10,000 scans: so many children in each status, those that SUCCEEDED with their results."""
    world, records = BatchWorld(), MemoryRecords()
    world.arrays["p"] = [Child(status) for status, count in children.items() for _ in range(count)]
    run = made_run(MANY)
    done = [made_result(index) for index, child in enumerate(world.arrays["p"]) if child.status == "SUCCEEDED"]
    records.add(run, submitted(run), results=done)
    return world, records, snapshots_of(run, records, world.adapter)


def test_ten_thousand_children_are_one_call() -> None:
    world, _, reader = large(SUCCEEDED=5000, RUNNING=200, STARTING=10, RUNNABLE=4790)
    assert counts(status_of(reader)) == {"DONE": 5000, "RUNNING": 200, "STARTING": 10, "RUNNABLE": 4790}
    assert dict(world.calls) == {"DescribeJobs": 1}
    status_of(reader)
    assert dict(world.calls) == {"DescribeJobs": 2}


def test_ten_thousand_that_are_done_are_one_call() -> None:
    world, _, reader = large(SUCCEEDED=MANY)
    status = status_of(reader)
    assert (counts(status), status.is_over) == ({"DONE": MANY}, True)
    assert dict(world.calls) == {"DescribeJobs": 1}


def test_of_ten_thousand_only_the_failed_are_listed() -> None:
    world, records, reader = large(SUCCEEDED=5000, FAILED=3, RUNNING=200, RUNNABLE=4797)
    records.written["HNU1-20261122-120000-ab12"][5000] = made_result(5000, status="failed", cause="c", exit_code=1)
    world.arrays["p"][5000].exit_code = 1
    status = status_of(reader)
    assert counts(status) == {"DONE": 5000, "FAILED": 3, "RUNNING": 200, "RUNNABLE": 4797}
    assert [scan.cause for scan in status.failed] == ["c", "failed without a reason", "failed without a reason"]
    # The parent, one page of the failed, and the two that left no result, for their attempts.
    assert dict(world.calls) == {"DescribeJobs": 2, "ListJobs": 1}
    status_of(reader)
    assert dict(world.calls) == {"DescribeJobs": 3, "ListJobs": 1}


def test_a_result_before_its_jobs_end_is_counted_once() -> None:
    world, records, reader = large(SUCCEEDED=5000, RUNNING=200, RUNNABLE=4800)
    records.written["HNU1-20261122-120000-ab12"][5000] = made_result(5000)
    assert counts(status_of(reader)) == {"DONE": 5001, "RUNNING": 199, "RUNNABLE": 4800}
    assert dict(world.calls) == {"DescribeJobs": 1}


def test_a_job_that_ended_well_without_a_result_is_a_failure() -> None:
    _, records, reader = large(SUCCEEDED=5000, RUNNING=5000)
    del records.written["HNU1-20261122-120000-ab12"][7]
    status = status_of(reader)
    assert counts(status) == {"DONE": 4999, "FAILED": 1, "RUNNING": 5000}
    assert [(scan.index, scan.cause) for scan in status.failed] == [(7, "the job ended well but left no result")]


def test_failed_after_its_result_is_done() -> None:
    world, records, reader = large(SUCCEEDED=5000, FAILED=1, RUNNING=4999)
    world.arrays["p"][5000].reason = "Host EC2 (instance i-1) terminated."
    records.written["HNU1-20261122-120000-ab12"][5000] = made_result(5000)
    assert counts(status_of(reader)) == {"DONE": 5001, "RUNNING": 4999}


@pytest.mark.parametrize("ask", ["progress", "whole", "counts"])
def test_every_way_of_asking_counts_alike(ask: str) -> None:
    world, records = BatchWorld(), MemoryRecords()
    statuses = ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"]
    world.arrays["p"] = [Child(status) for status in statuses * 3]
    run = made_run(21)
    failed = [made_result(index, status="failed", cause="f", exit_code=1) for index in range(7)]
    records.add(run, submitted(run), results=[*failed, made_result(12), made_result(13), made_result(11)])
    status = status_of(snapshots_of(run, records, world.adapter), ask)
    # A succeeded result wins over RUNNING (11) and over FAILED (13); a failed one counts when its job has ended (5, 6);
    # two jobs ended without a result (19, 20).
    active = {"PENDING": 6, "RUNNABLE": 3, "STARTING": 3, "RUNNING": 2}
    assert counts(status) == {**active, "DONE": 3, "FAILED": 4}
    assert {scan.index for scan in status.failed} == {5, 6, 19, 20}


def test_a_failed_result_does_not_count_while_batch_tries_again() -> None:
    world, records = BatchWorld(), MemoryRecords()
    world.arrays["p"] = [Child("RUNNING"), Child("RUNNABLE", "Host EC2 (instance i-1) terminated.")]
    run = made_run(2)
    records.add(run, submitted(run), results=[made_result(0, status="failed", cause="S3", exit_code=75)])
    assert counts(status_of(snapshots_of(run, records, world.adapter))) == {"RUNNING": 1, "RUNNABLE": 1}


def test_the_last_attempts_end_is_the_cause_not_an_earlier_result() -> None:
    world, records = BatchWorld(), MemoryRecords()
    attempts = ((75, "Essential container exited"), (None, "Host EC2 (instance i-1) terminated."))
    world.arrays["p"] = [Child("FAILED", "Host EC2 (instance i-1) terminated.", attempts=attempts), Child("RUNNING")]
    run = made_run(2)
    records.add(run, submitted(run), results=[made_result(0, status="failed", cause="S3", exit_code=75)])
    (failed,) = status_of(snapshots_of(run, records, world.adapter)).failed
    assert (failed.cause, failed.attempt) == ("Host EC2 (instance i-1) terminated.", 2)


def tried(index: int, number: int, **changes: Any) -> Attempt:
    times = {"started_at": "2026-11-22T13:00:00Z", "stopped_at": "2026-11-22T13:30:00Z", "exit_code": 75}
    return Attempt(**{"index": index, "number": number, "job_id": f"p:{index}", **times, **changes})


def test_retries_tell_why_from_the_runner_or_from_batch() -> None:
    world, records = BatchWorld(), MemoryRecords()
    world.arrays["p"] = [Child("RUNNING") for _ in range(4)]
    world.arrays["p"][1].attempts = ((None, "Host EC2 (instance i-1) terminated."),)
    run = made_run(4)
    records.add(run, submitted(run))
    under_way = {"stopped_at": None, "exit_code": None}
    records.recorded_attempts[run.run_id] = [
        *(tried(0, 1, reason="S3 did not answer", cause_code="s3_unavailable"), tried(0, 2, **under_way)),
        *(tried(1, 1, **under_way), tried(1, 2, **under_way)),
        tried(2, 1, **under_way),
    ]
    status = status_of(snapshots_of(run, records, world.adapter))
    assert counts(status) == {"RUNNING": 4}
    told = {scan.index: (scan.attempt, scan.retried) for scan in status.scans}
    assert told == {
        0: (2, (Reason("s3_unavailable", "S3 did not answer"),)),
        1: (2, (Reason("instance_lost", "Host EC2 (instance i-1) terminated."),)),
    }
    # The parent, one page of the running ones, and one call for the two that are tried again.
    assert dict(world.calls) == {"DescribeJobs": 2, "ListJobs": 1}


def test_a_retry_that_no_runner_lived_to_write_down_is_told_of_a_done_scan_too() -> None:
    world, records = BatchWorld(), MemoryRecords()
    pulled = ((None, "Task failed to start; CannotPullContainerError"), (0, ""))
    world.arrays["p"] = [Child("SUCCEEDED", attempts=pulled), Child("SUCCEEDED")]
    run = made_run(2)
    records.add(run, submitted(run), results=[made_result(0, attempt=2), made_result(1)])
    records.recorded_attempts[run.run_id] = [tried(0, 2, exit_code=0), tried(1, 1, exit_code=0)]
    reader = snapshots_of(run, records, world.adapter)
    for _ in range(2):
        status = status_of(reader)
        pull = Reason("image_pull_failed", "Task failed to start; CannotPullContainerError")
        assert [scan.retried for scan in status.scans] == [(pull,), ()]
    # Asked once: what has ended says nothing new.
    assert dict(world.calls) == {"DescribeJobs": 3}


def test_money_counts_lost_and_running_attempts() -> None:
    world, records = BatchWorld(), MemoryRecords()
    world.arrays["p"] = [Child("RUNNING"), Child("RUNNING")]
    run = made_run(2)
    records.add(run, submitted(run))
    under_way = {"stopped_at": None, "exit_code": None}
    records.recorded_attempts[run.run_id] = [tried(0, 1), tried(0, 2, started_at="2026-11-22T13:30:00Z", **under_way)]
    records.recorded_attempts[run.run_id] += [tried(1, 1, **under_way)]
    bill = status_of(snapshots_of(run, records, world.adapter)).bill
    # At $1 an hour until 14:00: half an hour lost, half an hour and one hour under way.
    assert bill is not None
    assert (round(bill.usd, 6), round(bill.lost_usd, 6)) == (2.0, 0.5)
    assert "not known" not in bill.basis


def test_adopted_scans_stand_where_their_own_run_says_and_were_paid_there() -> None:
    world, records = BatchWorld(job_names={"old": "HNU1-20261121-120000-aaaa-00"}), MemoryRecords()
    world.arrays["old"] = [Child("SUCCEEDED"), Child("RUNNING"), Child("FAILED")]
    world.plain["new"] = Child("RUNNABLE")
    old = made_run(3, run_id="HNU1-20261121-120000-aaaa")
    records.add(old, submitted(old, job_id="old"), results=[made_result(0, job_id="old:0")])
    records.recorded_attempts[old.run_id] = [tried(0, 1, job_id="old:0", exit_code=0)]
    names = ("sub-00002", "sub-00000", "sub-00001")
    run = made_run(3, scans=names, sizes=(1,), adopted=(Origin(old.run_id, 0), Origin(old.run_id, 1)))
    records.add(run, submitted(run, job_id="new"))
    status = status_of(snapshots_of(run, records, world.adapter))
    assert counts(status) == {"RUNNABLE": 1, "DONE": 1, "RUNNING": 1}
    assert {scan.name: scan.state for scan in status.scans} == {
        "sub-00002": "RUNNABLE",
        "sub-00000": "DONE",
        "sub-00001": "RUNNING",
    }
    assert (status.bill.usd, status.adopted_bill.usd) == (0.0, 0.5)  # type: ignore[union-attr]


def test_an_array_that_was_adopted_whole_is_one_call() -> None:
    world, records = BatchWorld(job_names={"old": "HNU1-20261121-120000-aaaa-00"}), MemoryRecords()
    world.arrays["old"] = [Child("RUNNING")] * 5000
    old = records.add(made_run(5000, run_id="HNU1-20261121-120000-aaaa"))
    records.submission_logs[old.run_id] = [submitted(old, job_id="old")]
    run = made_run(5000, sizes=(), adopted=tuple(Origin(old.run_id, index) for index in range(5000)))
    records.add(run)
    assert counts(status_of(snapshots_of(run, records, world.adapter))) == {"RUNNING": 5000}
    assert dict(world.calls) == {"DescribeJobs": 1}


def test_a_submission_that_aws_refused_is_not_said_to_be_under_way() -> None:
    world, records = BatchWorld(), MemoryRecords()
    run = made_run(4, sizes=(4,))
    moment = run.created_at
    intended = submitted(run, state="intended", job_id="")
    refused = intended.refused("AWS refused SubmitJob (ClientException).", code="never_submitted", at=moment)
    records.add(run, refused)
    # A second after the refusal.
    now = datetime.fromisoformat(moment) + timedelta(seconds=1)
    status = SnapshotReader(run, records=records, batch=world.adapter, now=lambda: now).counts()
    assert (status.is_over, len(status.failed)) == (True, 4)
    assert {scan.cause for scan in status.scans} == {"not submitted: AWS refused SubmitJob (ClientException)."}
    assert refused.submitted("j", at=moment).note == ""
    # The next `run` goes on with it.
    assert refused.state == "intended"


def test_what_was_not_submitted_says_why() -> None:
    world, records = BatchWorld(), MemoryRecords()
    world.arrays["p"] = [Child("RUNNING")] * 2
    run = made_run(8, sizes=(2, 3, 2, 1))
    budget = {"note": "the budget of $20 was reached", "note_code": "budget_reached"}
    given_up = submitted(run, number=1, state="abandoned", job_id="", **budget)
    intended = submitted(run, number=2, state="intended", job_id="")
    records.add(run, submitted(run), given_up, intended)
    status = status_of(snapshots_of(run, records, world.adapter))
    assert counts(status) == {"RUNNING": 2, "FAILED": 6}
    assert status.failures == []
    cut_short = "not submitted: the submission was cut short"
    causes = {scan.name: scan.cause for scan in status.failed}
    assert causes["sub-00002"] == "not submitted: the budget of $20 was reached"
    assert {causes[f"sub-0000{index}"] for index in (5, 6, 7)} == {cut_short}
    groups = {group.code: len(group.scans) for group in status.unsubmitted}
    assert groups == {"budget_reached": 3, "never_submitted": 3}


def test_a_submission_that_nobody_wrote_down_is_found_by_its_name() -> None:
    world, records = BatchWorld(), MemoryRecords()
    world.arrays["lost"] = [Child("RUNNING")] * 3
    run = made_run(3)
    records.add(run, submitted(run, state="intended", job_id=""))
    world.names[f"{run.run_id}-00"] = ["lost"]
    assert counts(status_of(snapshots_of(run, records, world.adapter))) == {"RUNNING": 3}


def test_a_run_that_is_being_submitted_is_not_over() -> None:
    records, run = MemoryRecords(), made_run(3, created_at=NOW.strftime("%Y-%m-%dT%H:%M:%SZ"))
    records.add(run)
    status = status_of(snapshots_of(run, records, BatchWorld().adapter))
    assert (counts(status), status.is_over) == ({"PENDING": 3}, False)


def test_batchs_last_words_outlive_batch() -> None:
    world, records = BatchWorld(), MemoryRecords()
    spot = "Host EC2 (instance i-1) terminated."
    world.arrays["p"] = [Child("SUCCEEDED"), Child("FAILED", spot, attempts=((None, spot),) * 3), Child("FAILED")]
    run = made_run(3)
    failed = made_result(2, status="failed", cause="c", exit_code=1)
    world.arrays["p"][2].exit_code = 1
    records.add(run, submitted(run), results=[made_result(0), failed])
    before = status_of(snapshots_of(run, records, world.adapter))
    assert list(records.final_job_states[run.run_id]) == [1]
    world.arrays.clear()
    for ask in ("progress", "whole"):
        after = status_of(snapshots_of(run, records, world.adapter), ask)
        assert after.scans == before.scans
        assert after.failed[0].cause == spot
    assert records.saves == 1


def test_what_nobody_wrote_down_before_batch_forgot_is_said_so() -> None:
    run, records = made_run(2), MemoryRecords()
    records.add(run, submitted(run), results=[made_result(0)])
    (failed,) = status_of(snapshots_of(run, records, BatchWorld().adapter)).failed
    assert failed.cause == "there is no result, and the job is no longer known"


def test_a_colleague_who_may_only_read_sees_the_status() -> None:
    class ReadOnly(MemoryRecords):
        def save_final_job_states(self, run_id: str, jobs: Any) -> None:
            raise Problem("AWS does not permit PutObject", code=ErrorCode.AWS_DENIED)

    world, records = BatchWorld(), ReadOnly()
    world.arrays["p"] = [Child("FAILED", "r"), Child("RUNNING")]
    run = made_run(2)
    records.add(run, submitted(run))
    assert counts(status_of(snapshots_of(run, records, world.adapter))) == {"FAILED": 1, "RUNNING": 1}


def test_why_the_first_in_the_line_waits_is_told_while_nothing_runs() -> None:
    world, records = BatchWorld(), MemoryRecords()
    reason = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill"
    world.arrays["p"] = [Child("RUNNABLE", reason), *(Child("RUNNABLE") for _ in range(5))]
    run = made_run(6)
    records.add(run, submitted(run))
    reader = snapshots_of(run, records, world.adapter)
    assert status_of(reader).wait_reason == reason
    world.arrays["p"][5].status = "RUNNING"
    assert status_of(reader).wait_reason == ""
    world.arrays["p"][5].status = "RUNNABLE"
    world.arrays["p"][0].reason = "Host EC2 (instance i-1) terminated."
    assert status_of(reader).wait_reason == ""


def test_one_scan_whole() -> None:
    world, records = BatchWorld(), MemoryRecords()
    world.arrays["p"] = [Child("RUNNING"), Child("FAILED", "OutOfMemory", 137, ((137, "OutOfMemory"),))]
    run = made_run(2)
    records.add(run, submitted(run))
    records.recorded_attempts[run.run_id] = [tried(1, 1, exit_code=None, stopped_at=None, log_stream="csa/default/x")]
    snapshot = snapshots_of(run, records, world.adapter).scans([1])
    (detail,) = scan_details(snapshot, records=records, pricing=PRICING)  # type: ignore[arg-type]
    assert detail.status.cause == "exit code 137: OutOfMemory"
    (attempt,) = detail.attempts
    assert (attempt.exit_code, attempt.reason, attempt.log_stream) == (137, "OutOfMemory", "csa/default/x")
    assert detail.failures_uri == f"s3://data/opsctl/runs/{run.run_id}/failures/00001/"
    assert detail.as_json()["inputs"][0]["role"] == "dwi"


def test_an_attempt_without_a_record_is_not_taken_for_the_one_before() -> None:
    """Attempt 1 was lost and attempt 2 runs without a record: the money of attempt 1 has stopped."""
    world, records = BatchWorld(), MemoryRecords()
    lost = {"startedAt": milliseconds("12:00"), "stoppedAt": milliseconds("12:30"), "container": {}}
    world.arrays["p"] = [Child("RUNNING", started_at=milliseconds("13:00"), told=[lost]), Child("RUNNABLE")]
    run = made_run(2)
    records.add(run, submitted(run))
    open_attempt = tried(0, 1, started_at="2026-11-22T12:00:10Z", stopped_at=None, exit_code=None)
    records.recorded_attempts[run.run_id] = [open_attempt]
    for view in ("progress", "whole"):
        bill = status_of(snapshots_of(run, records, world.adapter), view).bill
        assert bill is not None
        assert bill.hours == pytest.approx(0.5, abs=0.01)


def test_a_retry_that_ends_while_it_is_described_is_done() -> None:
    """The summary counts it as running, the results are read, and DescribeJobs shows it as ended."""

    class Ending(BatchWorld):
        def describe_jobs(self, *, jobs: list[str]) -> dict[str, Any]:
            if jobs != ["p"]:
                self.arrays["p"][0].status = "SUCCEEDED"
                records.written[run.run_id][0] = made_result(0, attempt=2)
            return super().describe_jobs(jobs=jobs)

    world, records = Ending(), MemoryRecords()
    world.arrays["p"] = [Child("RUNNING"), *(Child("RUNNABLE") for _ in range(3))]
    run = made_run(4)
    records.add(run, submitted(run))
    records.recorded_attempts[run.run_id] = [tried(0, 1), tried(0, 2, started_at="2026-11-22T13:40:00Z")]
    status = status_of(snapshots_of(run, records, world.adapter))
    assert counts(status) == {"DONE": 1, "RUNNABLE": 3}


def milliseconds(time: str) -> int:
    return int(datetime.fromisoformat(f"2026-11-22T{time}:00+00:00").timestamp() * 1000)

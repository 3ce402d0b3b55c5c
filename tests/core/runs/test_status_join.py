"""A run's status for every combination of result and Batch's status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from support.core_examples import MOMENT, run
from support.record_examples import outputs_of, outputs_of_failed, result_uri

from opsctl.core.costs.attempt_durations import attempt_durations
from opsctl.core.diagnosis.reason import batch_reason
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.attempt_merge import merge_attempts, unexplained_ends, with_retries
from opsctl.core.runs.result import Result
from opsctl.core.runs.state_counts import count_states
from opsctl.core.runs.status import STATES, BatchJob, RunStatus, ScanStatus, State, cancel_reason, join
from opsctl.core.runs.submission import Submission
from opsctl.core.runs.unsubmitted_scans import given_up, unsubmitted_statuses


def result(status: str = "succeeded", **changes: Any) -> Result:
    value: dict[str, Any] = {
        "schema_version": 1,
        "index": 0,
        "scan": "sub-00000",
        "key": "k",
        "status": status,
        "cause": "" if status == "succeeded" else "m2g ended with exit code 1",
        "cause_code": "" if status == "succeeded" else "m2g_failed",
        "facts": {} if status == "succeeded" else {"exit_code": 1},
        "exit_code": 0 if status == "succeeded" else 1,
        "attempt": 2,
        "started_at": "2026-11-22T12:00:00Z",
        "stopped_at": "2026-11-22T12:10:00Z",
        "seconds": {"pull": 1.0, "m2g": 2.0, "push": 0.5},
        "peak_memory_mib": 812,
        "outputs": outputs_of("sub-00000") if status == "succeeded" else outputs_of_failed(0),
        "job_id": "j",
        "log_stream": "",
        **changes,
    }
    return Result.decode(json.dumps(value).encode(), result_uri(value["index"]))


def ended(count: int, **changes: Any) -> tuple[Attempt, ...]:
    return tuple(Attempt(**{"index": 0, "number": number + 1, "job_id": "j", **changes}) for number in range(count))


def scan_status(status: str | None, job: BatchJob | None) -> ScanStatus:
    results = {} if status is None else {0: result(status)}
    return join(run(1), results=results, jobs={} if job is None else {0: job}).scans[0]


BATCH = ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED", None]
#: By result, in BATCH's order: `succeeded` always decides, `failed` only after Batch has ended the job.
TRUTH: Mapping[str | None, list[str]] = {
    "succeeded": ["DONE"] * 8,
    "failed": ["PENDING", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "FAILED", "FAILED", "FAILED"],
    None: ["PENDING", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "FAILED", "FAILED", "FAILED"],
}


@pytest.mark.parametrize(
    ("written", "batch", "state"),
    [(written, batch, state) for written, row in TRUTH.items() for batch, state in zip(BATCH, row, strict=True)],
)
def test_the_truth_table(written: str | None, batch: str | None, state: str) -> None:
    scan = scan_status(written, None if batch is None else BatchJob(job_id="j", status=batch, reason="r"))
    assert scan.state == state
    assert (scan.index, scan.name) == (0, "sub-00000")


CAUSES = [
    ("succeeded", None, ""),
    ("succeeded", BatchJob(job_id="j", status="FAILED", reason="Host EC2 terminated"), ""),
    ("failed", None, "m2g ended with exit code 1"),
    (
        "failed",
        BatchJob(job_id="j", status="FAILED", reason="Essential container exited"),
        "m2g ended with exit code 1",
    ),
    ("failed", BatchJob(job_id="j", status="RUNNABLE", reason="MISCONFIGURATION:x"), "MISCONFIGURATION:x"),
    (None, None, "there is no result, and the job is no longer known"),
    (None, BatchJob(job_id="j", status="SUCCEEDED"), "the job ended well but left no result"),
    (None, BatchJob(job_id="j", status="FAILED"), "failed without a reason"),
    (None, BatchJob(job_id="j", status="FAILED", reason="OutOfMemory"), "OutOfMemory"),
    (None, BatchJob(job_id="j", status="FAILED", exit_code=137), "exit code 137"),
    (None, BatchJob(job_id="j", status="FAILED", exit_code=0, reason="r"), "exit code 0: r"),
    (None, BatchJob(job_id="j", status="RUNNABLE"), ""),
    (None, BatchJob(job_id="j", status="FAILED", reason=cancel_reason("ada lovelace")), "cancelled by ada lovelace"),
    ("failed", BatchJob(job_id="j", status="FAILED", reason=f"{cancel_reason('ada')}; exit"), "cancelled by ada"),
    ("succeeded", BatchJob(job_id="j", status="FAILED", reason=cancel_reason("ada")), ""),
    ("failed", BatchJob(job_id="other", status="FAILED", reason="r", attempts=ended(3)), "m2g ended with exit code 1"),
    ("failed", BatchJob(job_id="j", status="FAILED", reason="Host EC2", attempts=ended(3)), "Host EC2"),
    (None, BatchJob(job_id="j", status="RUNNABLE", reason="CAPACITY:x"), "CAPACITY:x"),
]


@pytest.mark.parametrize(("written", "job", "cause"), CAUSES)
def test_causes(written: str | None, job: BatchJob | None, cause: str) -> None:
    assert scan_status(written, job).cause == cause


def test_a_failed_result_without_words_tells_its_exit_code() -> None:
    status_of_run = join(run(1), results={0: result("failed", cause="", exit_code=2)}, jobs={})
    assert status_of_run.scans[0].cause == "exit code 2"


def test_attempts_and_seconds_come_from_the_result_else_from_batch() -> None:
    assert (scan_status("succeeded", None).attempt, scan_status("succeeded", None).seconds) == (2, 3.5)
    running = scan_status("failed", BatchJob(job_id="j", status="RUNNING", attempts=ended(3)))
    assert (running.attempt, running.seconds) == (3, 0.0)


def mixed() -> RunStatus:
    jobs = {1: BatchJob(job_id="b", status="RUNNING"), 2: BatchJob(job_id="c", status="FAILED", reason="r")}
    return join(run(3), results={0: result()}, jobs=jobs)


def test_only_a_done_scan_has_the_warnings_of_its_result() -> None:
    warning = {"code": "few_edges", "atlas": "AAL", "text": "It has 3 edges."}
    for state in ("succeeded", "failed"):
        (scan,) = join(run(1), results={0: result(state, warnings=[warning])}, jobs={}).scans
        assert [each.text for each in scan.warnings] == (["It has 3 edges."] if state == "succeeded" else [])


def test_a_runs_counts_name_every_state() -> None:
    status = mixed()
    assert status.counts == {"PENDING": 0, "RUNNABLE": 0, "STARTING": 0, "RUNNING": 1, "FAILED": 1, "DONE": 1}
    assert tuple(status.counts) == STATES
    assert [scan.name for scan in status.failed] == ["sub-00002"]


@pytest.mark.parametrize(
    ("status", "is_over"),
    [("SUBMITTED", False), ("RUNNABLE", False), ("RUNNING", False), ("SUCCEEDED", True), ("FAILED", True)],
)
def test_a_run_is_over_when_no_job_will_change_anything(status: str, is_over: bool) -> None:
    status_of_run = join(run(2), results={0: result()}, jobs={1: BatchJob(job_id="j", status=status)})
    assert status_of_run.is_over is is_over


def test_status_as_json() -> None:
    value = mixed().as_json()
    assert json.loads(json.dumps(value)) == value
    assert value["counts"]["TOTAL"] == 3
    assert (value["over"], value["cost"]) == (False, None)
    assert value["scans"][0] == {
        "scan": "sub-00000",
        "state": "DONE",
        "daily_state": "done",
        "cause": "",
        "cause_code": "",
        "facts": {},
        "attempt": 2,
        "seconds": 3.5,
        "phase": None,
        "running_seconds": None,
        "remaining_seconds": None,
        "retried": [],
        "submitted": True,
        "warnings": [],
    }
    assert [group["scans"] for group in value["failures"]] == [["sub-00002"]]


def test_scans_that_nobody_listed_are_counted() -> None:
    status = RunStatus(run=run(5), scans=mixed().scans, unlisted={"RUNNABLE": 2})
    assert (status.counts["RUNNABLE"], status.total, status.is_over) == (2, 5, False)


SUMMARIES: list[tuple[dict[str, int], int, list[State], dict[str, int]]] = [
    ({"SUBMITTED": 1, "PENDING": 2, "RUNNING": 3, "SUCCEEDED": 9}, 6, [], {"PENDING": 3, "RUNNING": 3}),
    # One scan was done before its job ended: it was running.
    ({"RUNNABLE": 2, "RUNNING": 3}, 4, [], {"RUNNABLE": 2, "RUNNING": 2}),
    ({"RUNNABLE": 2, "STARTING": 1}, 1, [], {"RUNNABLE": 1}),
    # The summary also counts the scan whose state is known.
    ({"RUNNABLE": 2, "RUNNING": 3}, 4, ["RUNNABLE"], {"RUNNABLE": 1, "RUNNING": 3}),
    ({"RUNNABLE": 0, "RUNNING": 3}, 2, ["RUNNABLE"], {"RUNNING": 2}),
    # A scan has ended, and its result is not known yet.
    ({"FAILED": 1, "RUNNABLE": 1}, 2, [], {"RUNNABLE": 1, "RUNNING": 1}),
    ({"SUCCEEDED": 3}, 0, [], {}),
]


@pytest.mark.parametrize(("summary", "count", "known", "states"), SUMMARIES)
def test_a_summary_is_made_to_fit_the_results(
    summary: dict[str, int], count: int, known: list[State], states: dict[str, int]
) -> None:
    assert count_states(summary, count=count, known=known) == states


def test_attempts_are_filled_up_with_batchs_word_and_two_jobs_are_kept_apart() -> None:
    recorded = [
        Attempt(index=4, number=1, job_id="j", started_at="2026-11-22T12:00:00Z"),
        Attempt(index=4, number=2, job_id="j", started_at="2026-11-22T12:20:00Z", exit_code=0),
        Attempt(index=4, number=1, job_id="twin", started_at="2026-11-22T12:05:00Z"),
    ]
    reported = ended(2, reason="Host EC2 (instance i-1) terminated.")
    merged = merge_attempts(recorded, {}, [(4, BatchJob(job_id="j", status="RUNNING", attempts=reported))])
    assert [(attempt.job_id, attempt.number, attempt.reason) for attempt in merged[4]] == [
        ("j", 1, "Host EC2 (instance i-1) terminated."),
        ("twin", 1, ""),
        ("j", 2, ""),
    ]
    scan = ScanStatus(index=4, name="sub-4", state="RUNNING")
    (status,) = with_retries(RunStatus(run=run(5), scans=(scan,)), merged).scans
    assert (status.attempt, status.retried) == (2, (batch_reason("Host EC2 (instance i-1) terminated."),))


def test_the_retries_and_the_bill_see_the_same_attempts() -> None:
    recorded = [
        Attempt(index=0, number=1, job_id="j", started_at="2026-11-22T12:00:00+00:00"),
        Attempt(index=1, number=1, job_id="k"),
    ]
    end = {"stopped_at": "2026-11-22T13:00:00+00:00", "exit_code": 75, "reason": "Host EC2 (instance i-1) terminated."}
    times = {"started_at": "2026-11-22T12:30:00+00:00", **end}
    jobs = {
        0: BatchJob(job_id="j", status="FAILED", attempts=ended(1, **{**times, "index": 7})),
        1: BatchJob(job_id="k", status="FAILED", attempts=ended(1, **{**times, "index": 8, "job_id": "k"})),
        2: BatchJob(job_id="m", status="FAILED", attempts=ended(1, **{**times, "index": 9, "job_id": "m"})),
    }
    by_scan = merge_attempts(recorded, {}, jobs.items())
    billed = [
        duration
        for index, attempts in sorted(by_scan.items())
        for duration in attempt_durations(
            attempts, jobs[index], now=MOMENT + timedelta(hours=5), longest=timedelta(hours=6)
        )
    ]
    assert [duration.attempt for duration in billed] == [attempt for index in (0, 1, 2) for attempt in by_scan[index]]
    assert [(duration.attempt.index, duration.hours) for duration in billed] == [(0, 1.0), (1, 0.5), (2, 0.5)]
    assert {duration.attempt.exit_code for duration in billed} == {75}


def test_an_attempt_that_never_said_its_end_was_lost() -> None:
    recorded = [Attempt(index=0, number=number, job_id="j", started_at="2026-11-22T12:00:00Z") for number in (1, 2)]
    scan = ScanStatus(index=0, name="sub-0", state="RUNNING")
    (status,) = with_retries(RunStatus(run=run(1), scans=(scan,)), merge_attempts(recorded, {}, ())).scans
    assert [(reason.code, reason.message) for reason in status.retried] == [
        ("instance_lost", "lost: it ended without a word")
    ]


@pytest.mark.parametrize(
    ("began", "ended_at", "is_explained"),
    [
        # The recorded attempt's runner began a second after its job did, and wrote its end before Batch noticed it.
        ("2026-11-22T11:59:59Z", "2026-11-22T12:41:00Z", True),
        # A second attempt began when the first had ended, and was cancelled at once: nobody recorded its end.
        ("2026-11-22T12:40:05Z", "2026-11-22T12:40:10Z", False),
        ("2026-11-22T12:40:05Z", "2026-11-22T15:00:00Z", False),
        # Both began within seconds, and the clock of the second's machine was behind.
        ("2026-11-22T12:39:55Z", "2026-11-22T12:40:00Z", False),
    ],
)
def test_a_recorded_end_is_the_jobs_unless_it_is_an_earlier_attempts(
    began: str, ended_at: str, is_explained: bool
) -> None:
    times = {"started_at": "2026-11-22T12:00:00Z", "stopped_at": "2026-11-22T12:40:00Z"}
    recorded = {0: ended(1, exit_code=75, **times)}
    job = BatchJob(job_id="j", status="FAILED", started_at=began, stopped_at=ended_at)
    assert unexplained_ends(recorded, {0: job}, done=set()) == (set() if is_explained else {(0, "j")})


@pytest.mark.parametrize(("minutes", "state"), [(1, "PENDING"), (3, "FAILED")])
def test_a_submission_is_under_way_for_two_minutes(minutes: int, state: str) -> None:
    recorded_run = run(2, sizes=(2,), created_at="2026-11-22T12:00:00Z")
    statuses = unsubmitted_statuses(recorded_run, [], now=MOMENT + timedelta(minutes=minutes))
    assert {scan.state for scan in statuses.values()} == {state}
    assert not any(scan.is_submitted for scan in statuses.values())


def test_an_attempt_of_an_abandoned_submission_shows_that_it_was_made() -> None:
    recorded_run = run(1, sizes=(1,), created_at="2026-11-22T12:00:00Z")
    fields: dict[str, Any] = {"job_name": "n", "job_queue": "q", "size": 1, "at": recorded_run.created_at}
    submission = Submission(number=0, offset=0, state="intended", **fields)
    for note, code, expected in (
        ("cancelled by ada", "cancelled", ("cancelled by ada", "cancelled")),
        ("a later run went on", "never_submitted", ("a later run went on", "submission_abandoned")),
    ):
        log = [submission.abandoned(note, code=code, at=recorded_run.created_at)]
        (scan,) = unsubmitted_statuses(recorded_run, log, now=MOMENT).values()
        assert not scan.is_submitted
        begun = given_up(scan)
        assert (begun.is_submitted, begun.state) == (True, "FAILED")
        assert (begun.cause, begun.cause_code) == expected

"""The code of each scan's and each attempt's cause, from a result, from Batch, or derived by opsctl."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from support.core_examples import MOMENT, run
from support.record_examples import attempt_uri

from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.attempt_merge import merge_attempts
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob, cancel_reason, join
from opsctl.core.runs.submission import Submission
from opsctl.core.runs.unsubmitted_scans import unsubmitted_statuses

SPOT = "Host EC2 (instance i-1) terminated."
EXITED = "Essential container in task exited"


def failed(cause_code: str, **changes: Any) -> Result:
    base: dict[str, Any] = {
        "index": 0,
        "scan": "sub-00000",
        "key": "k",
        "status": "failed",
        "cause": "words",
        "cause_code": cause_code,
        "facts": {"file": "s3://b/k"},
        "exit_code": 1,
        "attempt": 1,
        "started_at": "2026-11-22T12:00:00Z",
        "stopped_at": "2026-11-22T12:10:00Z",
        "seconds": {},
        "peak_memory_mib": 1,
        "connectomes": (),
        "files": (),
        "log_stream": "",
        "job_id": "j",
    }
    return Result(**{**base, **changes})


def job(status: str = "FAILED", **changes: Any) -> BatchJob:
    return BatchJob(**{"job_id": "j", "status": status, **changes})


def attempt(number: int = 1, **changes: Any) -> Attempt:
    return Attempt(**{"index": 0, "number": number, "job_id": "j", **changes})


CODES = [
    (failed("out_of_memory"), None, "out_of_memory"),
    (failed("out_of_memory"), job(reason=EXITED), "out_of_memory"),
    (failed("of_a_newer_runner"), None, "of_a_newer_runner"),
    (failed(""), job(reason=SPOT), "unknown"),
    (failed("", cause="", exit_code=2), None, "scan_record_invalid"),
    # Batch knows who stopped a job that only says that it was stopped.
    (failed("stopped"), None, "stopped"),
    (failed("stopped"), job(reason=EXITED), "stopped"),
    (failed("stopped"), job(reason=SPOT), "instance_lost"),
    (failed("stopped"), job(reason="Job attempt duration exceeded timeout"), "timed_out"),
    (failed("stopped"), job(attempts=(attempt(reason=SPOT),)), "instance_lost"),
    (failed("stopped", attempt=2), job(attempts=(attempt(reason=SPOT), attempt(2))), "stopped"),
    (failed("stopped"), job(reason=cancel_reason("ada")), "cancelled"),
    # The last attempt was lost, and the result is an earlier attempt's.
    (failed("s3_unavailable"), job(reason=SPOT, attempts=(attempt(), attempt(2))), "instance_lost"),
    (None, None, "job_forgotten"),
    (None, job("SUCCEEDED"), "no_result"),
    (None, job(), "unknown"),
    (None, job(exit_code=137), "killed"),
    (None, job(exit_code=137, reason=EXITED), "killed"),
    (None, job(exit_code=137, reason=f"{EXITED}; OutOfMemoryError: Container killed"), "out_of_memory"),
    (None, job("RUNNABLE"), ""),
    (None, job("RUNNABLE", reason="CAPACITY:x"), "wait_capacity"),
    (None, job("RUNNABLE", reason=SPOT), "instance_lost"),
    (failed("m2g_failed"), job("RUNNABLE"), ""),
]


@pytest.mark.parametrize(("result", "batch_job", "code"), CODES)
def test_the_code_of_a_scan(result: Result | None, batch_job: BatchJob | None, code: str) -> None:
    results = {} if result is None else {0: result}
    (scan,) = join(run(1), results=results, jobs={} if batch_job is None else {0: batch_job}).scans
    assert scan.cause_code == code
    assert bool(scan.cause) == bool(code)
    # The facts are the result's, where its code is.
    is_the_results = result is not None and scan.cause == result.cause and bool(scan.cause)
    assert scan.facts == ({"file": "s3://b/k"} if is_the_results else {"user": "ada"} if code == "cancelled" else {})
    assert scan.as_json()["cause_code"] == code


ATTEMPTS = [
    (attempt(reason="words", cause_code="stopped"), attempt(reason=EXITED, exit_code=143), ("words", "stopped")),
    (attempt(reason="words", cause_code="stopped"), attempt(reason=SPOT, exit_code=143), (SPOT, "instance_lost")),
    (attempt(reason="words", cause_code="m2g_failed"), attempt(reason=SPOT), ("words", "m2g_failed")),
    # m2g's words may be in it: without a code they are not matched.
    (attempt(reason=SPOT), attempt(reason=EXITED, exit_code=137), (SPOT, "")),
    (attempt(), attempt(reason=SPOT), (SPOT, "instance_lost")),
    (None, attempt(reason=EXITED, exit_code=137), (EXITED, "killed")),
    (attempt(exit_code=0), attempt(reason=EXITED, exit_code=0), ("", "")),
]


@pytest.mark.parametrize(("recorded", "reported", "expected"), ATTEMPTS)
def test_the_code_of_an_attempt(recorded: Attempt | None, reported: Attempt, expected: tuple[str, str]) -> None:
    records = [] if recorded is None else [recorded]
    ((merged,),) = merge_attempts(records, {}, [(0, job(attempts=(reported,)))]).values()
    assert (merged.reason, merged.cause_code) == expected


def test_an_attempts_record_is_read_with_its_code_its_facts_and_its_last_sign_of_life() -> None:
    record = {
        "schema_version": 1,
        "index": 3,
        "attempt": 2,
        "job_id": "j",
        "started_at": "2026-11-22T12:00:00Z",
        "seen_at": "2026-11-22T12:05:00Z",
        "stopped_at": None,
        "exit_code": None,
        "cause": "words",
        "cause_code": "disk_full",
        "facts": {"file": "x"},
        "log_stream": "s",
    }
    read = Attempt.decode(json.dumps(record).encode(), attempt_uri(3, 2))
    assert (read.cause.code, read.cause.message, read.cause.facts) == ("disk_full", "words", {"file": "x"})
    assert read.seen_at == "2026-11-22T12:05:00Z"
    assert len({read, Attempt(**asdict(read))}) == 1


def test_scans_that_were_not_submitted_have_the_code_of_their_submission() -> None:
    recorded_run = run(4, sizes=(1, 1, 1, 1), created_at="2026-11-22T12:00:00Z")
    fields: dict[str, Any] = {"job_name": "n", "job_queue": "q", "size": 1, "at": recorded_run.created_at}
    intended = [Submission(number=number, offset=number, state="intended", **fields) for number in range(3)]
    log = [
        intended[0].abandoned("cancelled by ada", code="cancelled", at=recorded_run.created_at),
        intended[1].abandoned("the budget was reached", code="budget_reached", at=recorded_run.created_at),
        intended[2],
    ]
    late = unsubmitted_statuses(recorded_run, log, now=MOMENT + timedelta(minutes=3))
    codes = ["cancelled", "budget_reached", "never_submitted", "never_submitted"]
    assert [late[index].cause_code for index in range(4)] == codes
    assert late[1].facts == {"note": "the budget was reached"}
    soon = unsubmitted_statuses(recorded_run, log, now=MOMENT + timedelta(minutes=1))
    assert (soon[3].state, soon[3].cause_code) == ("PENDING", "being_submitted")

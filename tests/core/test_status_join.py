"""A run's status: the whole truth table of results and Batch's states."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from core_examples import run

from opsctl.core.manifest import Submission
from opsctl.core.result import Result
from opsctl.core.status import STATES, Job, RunStatus, ScanStatus, join


def result(status: str = "succeeded", **changes: Any) -> Result:
    value: dict[str, Any] = {
        "schema_version": 1,
        "index": 0,
        "scan": "sub-00000",
        "key": "k",
        "status": status,
        "cause": "" if status == "succeeded" else "m2g ended with exit code 1",
        "exit_code": 0 if status == "succeeded" else 1,
        "attempt": 2,
        "started_at": "2026-11-22T12:00:00Z",
        "stopped_at": "2026-11-22T12:10:00Z",
        "seconds": {"pull": 1.0, "m2g": 2.0, "push": 0.5},
        "peak_memory_mib": 812,
        "outputs": {"connectomes": [], "files": []},
        **changes,
    }
    return Result.from_json(value)


def one(status: str | None, job: Job | None) -> ScanStatus:
    results = {} if status is None else {0: result(status)}
    return join(run(1), results=results, jobs={} if job is None else {0: job}).scans[0]


BATCH = ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED", None]
#: By result, in BATCH's order: succeeded wins always, failed counts once Batch is done with the job.
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
    found = one(written, None if batch is None else Job(job_id="j", status=batch, reason="r", attempts=1))
    assert found.state == state
    assert (found.index, found.name) == (0, "sub-00000")


CAUSES = [
    ("succeeded", None, ""),
    ("succeeded", Job(job_id="j", status="FAILED", reason="Host EC2 terminated"), ""),
    ("failed", None, "m2g ended with exit code 1"),
    ("failed", Job(job_id="j", status="FAILED", reason="Essential container exited"), "m2g ended with exit code 1"),
    ("failed", Job(job_id="j", status="RUNNABLE", reason="MISCONFIGURATION:x"), "MISCONFIGURATION:x"),
    (None, None, "no result, and AWS Batch does not know the job"),
    (None, Job(job_id="j", status="SUCCEEDED"), "the job ended well but left no result"),
    (None, Job(job_id="j", status="FAILED"), "failed without a reason"),
    (None, Job(job_id="j", status="FAILED", reason="OutOfMemory"), "OutOfMemory"),
    (None, Job(job_id="j", status="FAILED", exit_code=137), "exit code 137"),
    (None, Job(job_id="j", status="FAILED", exit_code=0, reason="r"), "exit code 0: r"),
    (None, Job(job_id="j", status="RUNNABLE"), ""),
    (None, Job(job_id="j", status="RUNNABLE", reason="CAPACITY:x"), "CAPACITY:x"),
]


@pytest.mark.parametrize(("written", "job", "cause"), CAUSES)
def test_causes(written: str | None, job: Job | None, cause: str) -> None:
    assert one(written, job).cause == cause


def test_a_failed_result_without_words_tells_its_exit_code() -> None:
    found = join(run(1), results={0: result("failed", cause=None, exit_code=2)}, jobs={})
    assert found.scans[0].cause == "exit code 2"


def test_attempts_and_seconds_come_from_the_result_else_from_batch() -> None:
    assert (one("succeeded", None).attempt, one("succeeded", None).seconds) == (2, 3.5)
    running = one("failed", Job(job_id="j", status="RUNNING", attempts=3))
    assert (running.attempt, running.seconds) == (3, 0.0)


def mixed() -> RunStatus:
    jobs = {1: Job(job_id="b", status="RUNNING"), 2: Job(job_id="c", status="FAILED", reason="r")}
    return join(run(3), results={0: result()}, jobs=jobs)


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
    found = join(run(2), results={0: result()}, jobs={1: Job(job_id="j", status=status)})
    assert found.is_over is is_over


def test_status_as_json() -> None:
    value = mixed().as_json()
    assert json.loads(json.dumps(value)) == value
    assert value["counts"]["TOTAL"] == 3
    assert value["over"] is False
    assert value["scans"][0] == {"scan": "sub-00000", "state": "DONE", "cause": "", "attempt": 2, "seconds": 3.5}


def submission(job_id: str, size: int) -> Submission:
    return Submission(job_id=job_id, job_name="n", offset=0, size=size, submitted_at="t")


def test_a_childs_id_counts_from_its_own_array() -> None:
    second = Submission(job_id="p", job_name="n", offset=5_001, size=5_000, submitted_at="t")
    assert second.child_id(5_003) == "p:2"
    assert submission("q", 1).child_id(0) == "q"

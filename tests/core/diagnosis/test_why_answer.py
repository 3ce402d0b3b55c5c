"""The answer of `why`: why scans failed or wait."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from support.why_examples import HEALTHY, WAIT, run

from opsctl.core.diagnosis.finding import Finding
from opsctl.core.diagnosis.queue_snapshot import Image, NotVisible
from opsctl.core.diagnosis.why import Answer, Explanation, failure, needs_facts, said, waiting
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob


def result(**changes: Any) -> Result:
    base = Result(
        index=0,
        scan="sub-01",
        key="k",
        status="failed",
        cause="",
        exit_code=1,
        attempt=1,
        started_at="2026-11-22T12:00:00Z",
        stopped_at="2026-11-22T12:05:00Z",
        seconds={},
        peak_memory_mib=15100,
        connectomes=(),
        files=(),
        log_stream="",
        job_id="j",
    )
    return dataclasses.replace(base, **changes)


MEMORY = "`opsctl run HNU1 --only failed --memory 30400`."
FAILURES = [
    ("bval and bvec differ in count: 65 and 64", {}, "Bval and bvec differ in count.", "opsctl check HNU1", "certain"),
    (
        "m2g ran out of memory after 3 s",
        {"result": result()},
        "Out of memory: its largest process had reached 15,100 of 15,200 MiB.",
        MEMORY,
        "certain",
    ),
    ("exit code 137", {}, "Killed, most likely out of memory; it had 15,200 MiB.", MEMORY, "likely"),
    ("Host EC2 (instance i-1) terminated.", {"is_spot": True}, "Spot took the instance back", "the rest", "certain"),
    ("Host EC2 (instance i-1) terminated.", {}, "this platform uses no Spot", "runs just the rest", "certain"),
    ("stopped by SIGTERM (Spot reclaim, a timeout, or a cancelled job)", {}, "Stopped from", "the rest", "likely"),
]


@pytest.mark.parametrize(("message", "changes", "what", "do", "sure"), FAILURES)
def test_why_it_failed(message: str, changes: dict[str, Any], what: str, do: str, sure: str) -> None:
    (finding,) = failure(message, run=run(), memory_mib=15200, **{"is_spot": False, **changes})
    assert what in finding.what
    assert do in finding.do
    assert finding.sure == sure


def test_a_pull_that_failed_is_explained_by_the_platform_too() -> None:
    message = "CannotPullContainerError: manifest for x:1 not found"
    facts = dataclasses.replace(HEALTHY, image=Image("x:1", False))
    findings = failure(message, run=run(), memory_mib=1, is_spot=False, facts=facts)
    assert [finding.what for finding in findings][1:] == [
        "The image x:1 is not in its repository: no container can start."
    ]
    assert needs_facts(message)
    assert not needs_facts("bval and bvec differ in count: 1 and 2")
    assert len(failure("exit code 1", run=run(), memory_mib=1, is_spot=False, facts=facts)) == 1


STOPPED = "stopped by SIGTERM (Spot reclaim, a timeout, or a cancelled job)"


@pytest.mark.parametrize(
    ("reason", "attempts", "title"),
    [
        ("Host EC2 (instance i-1) terminated.", (), "Host EC2 (instance i-1) terminated."),
        ("Job attempt duration exceeded timeout", (), "Job attempt duration exceeded timeout"),
        ("Essential container in task exited", (), STOPPED),
        ("", ("Host EC2 (instance i-1) terminated.",), "Host EC2 (instance i-1) terminated."),
    ],
)
def test_who_stopped_a_job_only_batch_knows(reason: str, attempts: tuple[str, ...], title: str) -> None:
    ended = tuple(Attempt(index=0, number=1, job_id="j", reason=message) for message in attempts)
    job = BatchJob(job_id="j", status="FAILED", reason=reason, attempts=ended)
    assert said(STOPPED, job) == title
    assert said(STOPPED, None) == STOPPED
    assert said("m2g failed", job) == "m2g failed"


def test_a_scan_that_is_tried_again_says_so_first() -> None:
    retried = dataclasses.replace(WAIT, reason="Host EC2 (instance i-1) terminated.")
    first, second = waiting(HEALTHY, retried, run=run())
    assert "tried again; the attempt before ended so: Spot took the instance back" in first.what
    assert "boot" in second.what
    behind = dataclasses.replace(retried, head_reason="CAPACITY:X - y")
    assert "AWS has no instances" in waiting(HEALTHY, behind, run=run())[1].what
    blocked = dataclasses.replace(WAIT, reason="CAPACITY:X - y")
    assert len(waiting(HEALTHY, blocked, run=run())) == 1


def test_the_json_is_whole() -> None:
    explanation = Explanation(
        kind="failed",
        title="t",
        scans=("sub-01",),
        findings=(Finding("w", "d", "likely"),),
        words="raw",
        attempts=(Attempt(index=0, number=1, job_id="j"),),
        places={"logs": "opsctl logs sub-01"},
    )
    answer = Answer(
        run_id="R",
        counts={"FAILED": 1},
        running_seconds=1.6,
        explanations=(explanation,),
        hidden=(NotVisible("ec2:X", "is not permitted"),),
        notes=("n",),
    )
    value = json.loads(json.dumps(answer.as_json()))
    assert value["schema_version"] == 1
    assert value["explanations"][0]["findings"] == [{"what": "w", "do": "d", "sure": "likely"}]
    assert value["explanations"][0]["places"] == {"logs": "opsctl logs sub-01"}
    assert value["hidden"] == [{"action": "ec2:X", "why": "is not permitted"}]
    assert (value["counts"], value["running_seconds"], value["notes"]) == ({"FAILED": 1}, 2, ["n"])
    assert not answer.is_calm
    assert dataclasses.replace(answer, explanations=()).is_calm

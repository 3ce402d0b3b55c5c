"""The answer of `why`: why scans failed or wait."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from support.why_examples import HEALTHY, WAIT, run

from opsctl.core.diagnosis.finding import Finding
from opsctl.core.diagnosis.queue_snapshot import Image, NotVisible
from opsctl.core.diagnosis.reason import Reason, batch_reason
from opsctl.core.diagnosis.why import Answer, Explanation, failure, needs_facts, waiting
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.state import DailyState

MEMORY = "`opsctl run HNU1 --only failed --memory 30400`."
LOST = batch_reason("Host EC2 (instance i-1) terminated.")
FAILURES: list[tuple[Reason, dict[str, Any], str, str, str]] = [
    (Reason("gradient_counts_differ", "bval and bvec"), {}, "", "opsctl check HNU1", "certain"),
    (
        Reason("out_of_memory", "m2g ran out of memory after 3 s", {"peak_memory_mib": 15100}),
        {},
        "Its processes together had reached 15,100 of 15,200 MiB.",
        MEMORY,
        "certain",
    ),
    (
        Reason("out_of_memory", "out of memory", {"peak_memory_mib": 900, "memory_limit_mib": 1000}),
        {},
        "Its processes together had reached 900 of 1,000 MiB.",
        MEMORY,
        "certain",
    ),
    (Reason("killed", "exit code 137"), {}, "It had 15,200 MiB.", MEMORY, "likely"),
    (Reason("killed", "x", {"peak_memory_mib": "much"}), {}, "It had 15,200 MiB.", MEMORY, "likely"),
    (LOST, {"is_spot": True}, "Spot took the instance back", "the rest", "certain"),
    (LOST, {}, "this platform uses no Spot", "runs just the rest", "certain"),
    (Reason("stopped", "stopped by SIGTERM"), {}, "", "the rest", "likely"),
    (Reason("of_a_newer_runner", "x broke"), {}, "", "opsctl logs", "certain"),
]


@pytest.mark.parametrize(("reason", "changes", "what", "do", "sure"), FAILURES)
def test_why_it_failed(reason: Reason, changes: dict[str, Any], what: str, do: str, sure: str) -> None:
    (finding,) = failure(reason, run=run(), memory_mib=15200, **{"is_spot": False, **changes})
    assert what in finding.what
    assert bool(what) == bool(finding.what), "nothing repeats the title"
    assert do in finding.do
    assert finding.sure == sure


def test_a_pull_that_failed_is_explained_by_the_platform_too() -> None:
    reason = batch_reason("CannotPullContainerError: manifest for x:1 not found")
    facts = dataclasses.replace(HEALTHY, image=Image("x:1", False))
    findings = failure(reason, run=run(), memory_mib=1, is_spot=False, facts=facts)
    assert [finding.what for finding in findings][1:] == [
        "The image x:1 is not in its repository: no container can start."
    ]
    assert needs_facts(reason)
    other = Reason("gradient_counts_differ", "bval and bvec differ in count: 1 and 2")
    assert not needs_facts(other)
    assert len(failure(other, run=run(), memory_mib=1, is_spot=False, facts=facts)) == 1


STOPPED = Reason("stopped", "stopped by SIGTERM (Spot reclaim, a timeout, or a cancelled job)")


@pytest.mark.parametrize(
    ("reported", "code"),
    [
        (["Host EC2 (instance i-1) terminated."], "instance_lost"),
        (["Job attempt duration exceeded timeout"], "timed_out"),
        (["opsctl down --force"], "cancelled_by_down"),
        (["ended in the console"], "unknown"),
        (["Essential container in task exited"], "stopped"),
        (["", "Host EC2 (instance i-1) terminated."], "instance_lost"),
        ([], "stopped"),
    ],
)
def test_who_stopped_a_job_only_batch_knows(reported: list[str], code: str) -> None:
    reasons = [batch_reason(message) for message in reported]
    assert STOPPED.completed(*reasons).code == code
    known = Reason("m2g_failed", "m2g ended with exit code 1")
    assert known.completed(*reasons) == known


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
        code="disk_full",
        words="raw",
        facts={"exit_code": 1},
        attempts=(Attempt(index=0, number=1, job_id="j"),),
        places={"logs": "opsctl logs sub-01"},
    )
    answer = Answer(
        run_id="R",
        counts={"FAILED": 1},
        daily_counts={DailyState.FAILED: 1},
        running_seconds=1.6,
        explanations=(explanation,),
        hidden=(NotVisible("ec2:X", "is not permitted"),),
        notes=("n",),
    )
    value = json.loads(json.dumps(answer.as_json()))
    assert value["schema_version"] == 1
    assert value["explanations"][0]["findings"] == [{"what": "w", "do": "d", "sure": "likely", "code": ""}]
    assert (value["explanations"][0]["code"], value["explanations"][0]["facts"]) == ("disk_full", {"exit_code": 1})
    assert value["explanations"][0]["places"] == {"logs": "opsctl logs sub-01"}
    assert value["hidden"] == [{"action": "ec2:X", "why": "is not permitted"}]
    assert value["daily_counts"] == {"failed": 1}
    assert (value["counts"], value["running_seconds"], value["notes"]) == ({"FAILED": 1}, 2, ["n"])
    assert not answer.is_calm
    assert dataclasses.replace(answer, explanations=()).is_calm

"""Faults of AWS: each one's reason as AWS words it, and whether the job definition's rules retry it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.batch_fault_plan import FaultKind, FaultPlan
from support.faulty_server import request_faults
from support.local_servers import Homes, Platform, alive, retry_strategy, waiting_for
from support.waiting import until

from opsctl.core.errors import Problem, UsageProblem
from opsctl.local import control

EXITED = "Essential container in task exited"
TERMINATED = re.compile(r"Host EC2 \(instance i-[0-9a-f]{17}\) terminated\.")
CAPACITY = (
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested for instance type"
    " [r5.large]"
)


def faults(platform: Platform, plan: dict[str, Any] | None = None) -> tuple[int, Any]:
    """Give the server another plan, or only ask what has happened."""
    return request_faults(platform.server.port, plan)


@pytest.fixture(scope="module")
def faulty(homes: Homes) -> Platform:
    return Platform(*homes.start(faults={}))


@pytest.fixture
def calm(faulty: Platform) -> Platform:
    assert faults(faulty, {"seed": 1})[0] == 200
    return faulty


def exact(platform: Platform, *attempts: dict[str, Any]) -> None:
    assert faults(platform, {"attempts": attempts})[0] == 200


def test_a_lost_host_kills_every_process_and_the_job_is_tried_again(calm: Platform, gate: Path, tmp_path: Path) -> None:
    exact(calm, {"kind": "host_terminated", "after_seconds": 1.5})
    pids = tmp_path / "pids"
    # A process that ignores SIGTERM and one in its own session: a lost host ends both.
    script = f"trap '' TERM; setsid sleep 60 & echo $! $$ >{pids}; sleep 60; exit 3"
    job_id = calm.submit(f"[ $AWS_BATCH_JOB_ATTEMPT = 1 ] || exit 0; {script}", retryStrategy=retry_strategy())
    job = calm.wait(job_id)
    assert (job["status"], job["statusReason"]) == ("SUCCEEDED", EXITED)
    first, second = job["attempts"]
    assert TERMINATED.fullmatch(first["statusReason"])
    assert "exitCode" not in first["container"] and "reason" not in first["container"]
    assert first["startedAt"] <= first["stoppedAt"] <= second["startedAt"]
    assert first["container"]["logStreamName"] != second["container"]["logStreamName"]
    assert second["container"]["exitCode"] == 0
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 2 and not any(alive(pid) for pid in started)


def test_a_host_lost_in_each_attempt_is_the_failures_reason(calm: Platform) -> None:
    strategy = retry_strategy()
    attempts = range(1, strategy["attempts"] + 1)
    exact(calm, *({"kind": "host_terminated", "attempt": number} for number in attempts))
    job = calm.wait(calm.submit("sleep 60", retryStrategy=strategy))
    assert job["status"] == "FAILED" and len(job["attempts"]) == len(attempts)
    assert TERMINATED.fullmatch(job["statusReason"])
    assert "exitCode" not in job["container"]


def test_a_host_that_goes_before_batch_heard_of_the_end_hides_the_exit_code(calm: Platform, tmp_path: Path) -> None:
    exact(calm, {"kind": "host_terminated", "after_seconds": 60})
    done = tmp_path / "done"
    job = calm.wait(calm.submit(f"touch {done}", retryStrategy={"attempts": 1}))
    assert done.exists()
    assert job["status"] == "FAILED" and TERMINATED.fullmatch(job["statusReason"])


def test_out_of_memory_is_137_with_its_reason_and_not_tried_again(calm: Platform) -> None:
    exact(calm, {"kind": "killed", "after_seconds": 0.2})
    job = calm.wait(calm.submit("trap '' TERM; sleep 60", retryStrategy=retry_strategy()))
    reason = "OutOfMemoryError: Container killed due to memory usage"
    (attempt,) = job["attempts"]
    assert (job["status"], job["statusReason"], attempt["statusReason"]) == ("FAILED", EXITED, EXITED)
    for container in (job["container"], attempt["container"]):
        assert (container["exitCode"], container["reason"]) == (137, reason)


def test_a_process_that_ends_before_its_fault_keeps_its_exit_code(calm: Platform) -> None:
    before = faults(calm)[1].get("killed", 0)
    exact(calm, {"kind": "killed", "after_seconds": 60})
    assert calm.wait(calm.submit("exit 0", retryStrategy=retry_strategy()))["status"] == "SUCCEEDED"
    assert faults(calm)[1].get("killed", 0) == before


def test_an_image_that_cannot_be_pulled_never_starts_and_is_tried_again(calm: Platform, tmp_path: Path) -> None:
    exact(calm, {"kind": "cannot_pull", "job": "j*", "attempt": 1}, {"kind": "killed", "job": "other"})
    seen = tmp_path / "seen"
    job = calm.wait(calm.submit(f"echo $AWS_BATCH_JOB_ATTEMPT >>{seen}", retryStrategy=retry_strategy()))
    assert job["status"] == "SUCCEEDED"
    first, _ = job["attempts"]
    assert first["statusReason"] == "Task failed to start"
    assert first["container"]["reason"].startswith("CannotPullContainerError: ")
    assert "startedAt" not in first and "exitCode" not in first["container"]
    assert seen.read_text() == "2\n"


def test_a_terminated_job_ends_with_that_reason_and_no_fault(calm: Platform) -> None:
    before = faults(calm)[1].get("host_terminated", 0)
    exact(calm, {"kind": "host_terminated", "after_seconds": 60})
    job_id = calm.submit("sleep 60", retryStrategy=retry_strategy())
    calm.wait(job_id, "RUNNING")
    calm.batch.terminate_job(jobId=job_id, reason="enough")
    job = calm.wait(job_id)
    assert (job["status"], job["statusReason"]) == ("FAILED", "enough")
    # The attempt ended by SIGTERM, and no fault is counted that did not happen.
    (attempt,) = job["attempts"]
    # (137 where a busy machine took longer than the grace.)
    assert attempt["statusReason"] == EXITED
    assert attempt["container"]["exitCode"] in (143, 137)
    assert faults(calm)[1].get("host_terminated", 0) == before


def test_without_capacity_the_first_job_says_why_until_there_is_some(calm: Platform) -> None:
    calm.queue("other", priority=5)
    assert faults(calm, {"no_capacity": {"queue": "q"}})[0] == 200
    job_id = calm.submit("true")
    behind = calm.submit("true")
    until(lambda: calm.job(job_id).get("statusReason"))
    # A queue with capacity goes on.
    assert calm.wait(calm.submit("true", queue="other"))["status"] == "SUCCEEDED"
    job = calm.job(job_id)
    assert (job["status"], job["statusReason"], job["attempts"]) == ("RUNNABLE", CAPACITY, [])
    listed = {job["jobId"]: job for job in calm.batch.list_jobs(jobQueue="q", jobStatus="RUNNABLE")["jobSummaryList"]}
    assert listed[job_id]["statusReason"] == CAPACITY
    assert "statusReason" not in listed[behind]
    calm.batch.terminate_job(jobId=job_id, reason="enough")
    until(lambda: calm.job(behind).get("statusReason") == CAPACITY)
    assert faults(calm, {"no_capacity": {"seconds": 0.2}})[0] == 200
    assert calm.wait(behind)["statusReason"] == EXITED


def test_a_stale_list_lacks_young_jobs_only(calm: Platform, gate: Path) -> None:
    def listed() -> list[str]:
        return [job["jobId"] for job in calm.batch.list_jobs(jobQueue="q")["jobSummaryList"]]

    old = calm.submit(waiting_for(gate))
    calm.wait(old, "RUNNING")
    assert faults(calm, {"stale_list": {"rate": 1, "seconds": 3600}})[0] == 200
    assert listed() == []
    assert calm.job(old)["status"] == "RUNNING"
    assert faults(calm, {"stale_list": {"rate": 1, "seconds": 0}})[0] == 200
    assert listed() == [old]
    plan = FaultPlan.parse('{"seed": 3, "stale_list": {"rate": 0.5, "seconds": 3600}}')
    assert faults(calm, {"seed": 3, "stale_list": {"rate": 0.5, "seconds": 3600}})[0] == 200
    assert [listed() == [] for _ in range(12)] == [plan.is_stale(number) for number in range(12)]


def test_chances_give_what_the_plan_says_and_are_counted(homes: Homes) -> None:
    given = {"seed": 5, "cannot_pull": 0.4, "host_terminated": 0.3, "moment_seconds": [0, 0.2]}
    platform = Platform(*homes.start(faults=given))
    plan = FaultPlan.parse(json.dumps(given))
    parent = platform.submit("true", size=20, retryStrategy={"attempts": 1})
    platform.wait(parent)
    children = platform.batch.describe_jobs(jobs=[f"{parent}:{index}" for index in range(20)])["jobs"]
    for index, child in enumerate(children):
        # The parent is the first job of all, its children follow.
        fault = plan.fault(index + 1, name="job", index=index, attempt=1)
        if fault is None:
            assert child["status"] == "SUCCEEDED"
        elif fault.kind is FaultKind.CANNOT_PULL:
            assert child["container"]["reason"].startswith("CannotPullContainerError")
        else:
            assert child["statusReason"] == f"Host EC2 (instance {fault.instance_id}) terminated."
    planned = [plan.fault(index + 1, name="job", index=index, attempt=1) for index in range(20)]
    kinds = [fault.kind for fault in planned if fault is not None]
    assert faults(platform) == (200, {kind: kinds.count(kind) for kind in set(kinds)})
    assert set(kinds) == {FaultKind.CANNOT_PULL, FaultKind.HOST_TERMINATED}


def test_the_same_seed_gives_the_same_plan_and_another_another() -> None:
    def drawn(seed: int) -> list[Any]:
        plan = FaultPlan(seed=seed, host_terminated=0.2, killed=0.1, cannot_pull=0.1)
        return [plan.fault(number, name="x", index=None, attempt=a) for number in range(1000) for a in (1, 2)]

    assert drawn(7) == drawn(7) != drawn(8)
    kinds = [fault.kind for fault in drawn(7) if fault is not None]
    for kind, chance in ((FaultKind.HOST_TERMINATED, 0.2), (FaultKind.KILLED, 0.1), (FaultKind.CANNOT_PULL, 0.1)):
        assert abs(kinds.count(kind) / 2000 - chance) < 0.03
    assert all(0 <= fault.after_seconds <= 2 for fault in drawn(7) if fault is not None)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "[]",
        '{"kiled": 0.1}',
        '{"killed": 0.6, "cannot_pull": 0.6}',
        '{"killed": -0.1}',
        '{"killed": "much"}',
        '{"attempts": [{"kind": "flood"}]}',
        '{"stale_list": {"rate": 2}}',
        '{"no_capacity": 5}',
        '{"moment_seconds": 3}',
    ],
)
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(UsageProblem, match="faults cannot be read"):
        FaultPlan.parse(text)


def test_a_server_says_what_is_wrong_with_its_faults(homes: Homes, calm: Platform) -> None:
    with pytest.raises(Problem, match="faults cannot be read.*kiled"):
        homes.start(faults={"kiled": 1})
    status, answer = faults(calm, {"kiled": 1})
    assert status == 400 and "kiled" in answer["message"]


def test_a_server_without_faults_has_no_such_path(homes: Homes) -> None:
    home, server = homes.start()
    # Like any other request without the key.
    assert request_faults(server.port, {"killed": 1})[0] == 403
    control.stop(home)

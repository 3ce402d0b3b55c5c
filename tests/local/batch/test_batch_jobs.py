"""Jobs over HTTP: states, slots, arrays, retries, cancel and terminate."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from support.local_servers import Platform, alive, retry_strategy, waiting_for
from support.waiting import until


def test_a_job_runs_and_tells_its_facts(platform: Platform, gate: Path) -> None:
    before = int(time.time() * 1000)
    job_id = platform.submit(f"echo begun; {waiting_for(gate)}")
    running = platform.wait(job_id, "RUNNING")
    assert running["attempts"] == []
    assert "stoppedAt" not in running
    gate.touch()
    job = platform.wait(job_id)
    after = int(time.time() * 1000)
    assert job["status"] == "SUCCEEDED"
    assert job["statusReason"] == "Essential container in task exited"
    assert before <= job["createdAt"] <= job["startedAt"] <= job["stoppedAt"] <= after
    (attempt,) = job["attempts"]
    assert attempt["container"]["exitCode"] == job["container"]["exitCode"] == 0
    assert attempt["container"]["logStreamName"] == job["container"]["logStreamName"]
    task = attempt["container"]["taskArn"].rpartition("/")[2]
    assert job["container"]["logStreamName"] == f"csa/default/{task}"
    assert attempt["startedAt"] == job["startedAt"]
    assert platform.lines(job_id) == ["begun"]


def test_lines_arrive_while_the_job_runs(platform: Platform, gate: Path) -> None:
    job_id = platform.submit(f"echo out; echo err >&2; printf half; {waiting_for(gate)}; echo ' line'")
    until(lambda: platform.lines(job_id) == ["out", "err"], seconds=10)
    assert platform.job(job_id)["status"] == "RUNNING"
    gate.touch()
    platform.wait(job_id)
    assert platform.lines(job_id) == ["out", "err", "half line"]


def test_no_more_jobs_than_slots_run_at_once(platform: Platform) -> None:
    parent = platform.submit("sleep 0.15", size=7)
    platform.wait(parent)
    children = platform.batch.describe_jobs(jobs=[f"{parent}:{index}" for index in range(7)])["jobs"]
    times = [(child["startedAt"], child["stoppedAt"]) for child in children]
    at_once = [sum(start <= moment < stop for start, stop in times) for moment, _ in times]
    assert max(at_once) == 2
    assert len({child["container"]["taskArn"] for child in children}) == 7


def test_an_array_fails_when_a_child_fails_and_only_when_all_have_ended(platform: Platform, gate: Path) -> None:
    script = f"[ $AWS_BATCH_JOB_ARRAY_INDEX = 0 ] && exit 9; {waiting_for(gate)}"
    parent = platform.submit(script, size=3)
    platform.wait(f"{parent}:0")
    job = platform.job(parent)
    assert job["status"] == "PENDING"
    assert job["arrayProperties"]["size"] == 3
    assert job["arrayProperties"]["statusSummary"]["FAILED"] == 1
    gate.touch()
    job = platform.wait(parent)
    assert job["status"] == "FAILED"
    counts = {name: number for name, number in job["arrayProperties"]["statusSummary"].items() if number}
    assert counts == {"FAILED": 1, "SUCCEEDED": 2}
    child = platform.job(f"{parent}:0")
    assert child["arrayProperties"] == {"index": 0}
    assert child["container"]["exitCode"] == 9
    assert child["statusReason"] == "Essential container in task exited"


def test_a_parent_succeeds_with_all_children(platform: Platform) -> None:
    assert platform.wait(platform.submit("true", size=2))["status"] == "SUCCEEDED"


@pytest.mark.parametrize(("code", "attempts"), [(75, 5), (1, 1), (2, 1)])
def test_the_definition_decides_what_is_tried_again(platform: Platform, code: int, attempts: int) -> None:
    job_id = platform.submit(f"echo $AWS_BATCH_JOB_ATTEMPT; exit {code}", retryStrategy=retry_strategy())
    job = platform.wait(job_id)
    assert job["status"] == "FAILED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [code] * attempts
    assert len({attempt["container"]["logStreamName"] for attempt in job["attempts"]}) == attempts
    assert platform.lines(job_id) == [str(attempts)]


def test_a_retry_that_works_is_a_success(platform: Platform) -> None:
    job_id = platform.submit("[ $AWS_BATCH_JOB_ATTEMPT = 2 ] || exit 75", retryStrategy={"attempts": 3})
    job = platform.wait(job_id)
    assert job["status"] == "SUCCEEDED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [75, 0]


def test_the_submission_overrides_the_definition(platform: Platform) -> None:
    definition = platform.define("exit 1", retryStrategy={"attempts": 3})
    job_id = platform.batch.submit_job(
        jobName="job",
        jobQueue="q",
        jobDefinition=definition.rpartition("/")[2],
        retryStrategy={"attempts": 1},
        containerOverrides={
            "command": ["echo $OPSCTL_GREETING $OPSCTL_MORE; exit 4"],
            "environment": [
                {"name": "OPSCTL_GREETING", "value": "overridden"},
                {"name": "OPSCTL_MORE", "value": "x y"},
            ],
            "resourceRequirements": [{"type": "MEMORY", "value": "2000"}],
        },
    )["jobId"]
    job = platform.wait(job_id)
    assert len(job["attempts"]) == 1
    assert platform.lines(job_id) == ["overridden x y"]
    needs = {need["type"]: need["value"] for need in job["container"]["resourceRequirements"]}
    assert needs == {"VCPU": "2", "MEMORY": "2000"}


def test_a_job_that_takes_too_long_is_stopped_and_not_tried_again(platform: Platform) -> None:
    definition = platform.define("trap 'echo asked; exit 3' TERM; sleep 60 & wait", retryStrategy={"attempts": 3})
    job_id = platform.batch.submit_job(
        jobName="job", jobQueue="q", jobDefinition=definition, timeout={"attemptDurationSeconds": 1}
    )["jobId"]
    job = platform.wait(job_id)
    assert job["status"] == "FAILED"
    assert job["statusReason"] == "Job attempt duration exceeded timeout"
    assert len(job["attempts"]) == 1
    assert platform.lines(job_id) == ["asked"]


@pytest.mark.skipif(sys.platform != "linux", reason="a supervisor that is stopped is found in /proc")
@pytest.mark.parametrize("stopped", ["job", "supervisor"])
def test_a_timeout_ends_a_job_that_was_stopped(platform: Platform, stopped: str) -> None:
    # PPID of the job's shell is its supervisor.
    definition = platform.define(f"kill -STOP {'$$' if stopped == 'job' else '$PPID'}; sleep 60")
    job_id = platform.batch.submit_job(
        jobName="job", jobQueue="q", jobDefinition=definition, timeout={"attemptDurationSeconds": 1}
    )["jobId"]
    job = platform.wait(job_id)
    assert job["status"] == "FAILED"
    assert job["statusReason"] == "Job attempt duration exceeded timeout"


def test_terminate_reaches_running_and_waiting_children(platform: Platform, tmp_path: Path) -> None:
    parent = platform.submit(f"echo $$ > {tmp_path}/$AWS_BATCH_JOB_ARRAY_INDEX; sleep 60", size=5)
    until(lambda: len([path for path in tmp_path.iterdir() if path.read_text()]) == 2)
    pids = [int(path.read_text()) for path in tmp_path.iterdir()]
    assert all(alive(pid) for pid in pids)
    platform.batch.terminate_job(jobId=parent, reason="not wanted")
    platform.batch.terminate_job(jobId=parent, reason="again")
    job = platform.wait(parent)
    assert (job["status"], job["statusReason"], job["isTerminated"]) == ("FAILED", "not wanted", True)
    assert job["arrayProperties"]["statusSummary"]["FAILED"] == 5
    children = platform.batch.describe_jobs(jobs=[f"{parent}:{index}" for index in range(5)])["jobs"]
    assert {child["statusReason"] for child in children} == {"not wanted"}
    assert sorted(len(child["attempts"]) for child in children) == [0, 0, 0, 1, 1]
    assert not any(alive(pid) for pid in pids)


def test_what_ignores_sigterm_or_hides_in_a_session_is_killed(platform: Platform, tmp_path: Path) -> None:
    hidden = f"setsid sh -c 'echo $$ > {tmp_path}/hidden; exec sleep 60'"
    job_id = platform.submit(f"trap '' TERM; {hidden} & echo $$ > {tmp_path}/open; while :; do sleep 0.1; done")
    until(lambda: len([path for path in tmp_path.iterdir() if path.read_text()]) == 2)
    platform.batch.terminate_job(jobId=job_id, reason="stop")
    job = platform.wait(job_id)
    assert job["container"]["exitCode"] == 137
    assert not any(alive(int(path.read_text())) for path in tmp_path.iterdir())


def test_a_process_left_behind_ends_with_its_job(platform: Platform, tmp_path: Path) -> None:
    job_id = platform.submit(f"setsid sh -c 'echo $$ > {tmp_path}/left; exec sleep 60' & sleep 0.3")
    assert platform.wait(job_id)["status"] == "SUCCEEDED"
    assert not alive(int((tmp_path / "left").read_text()))


def test_cancel_leaves_running_children_alone(platform: Platform, gate: Path) -> None:
    parent = platform.submit(waiting_for(gate), size=4)
    until(lambda: platform.job(parent)["arrayProperties"]["statusSummary"]["RUNNING"] == 2)
    platform.batch.cancel_job(jobId=parent, reason="fewer")
    assert platform.job(parent)["status"] == "PENDING"
    gate.touch()
    job = platform.wait(parent)
    counts = {name: number for name, number in job["arrayProperties"]["statusSummary"].items() if number}
    assert (job["status"], counts) == ("FAILED", {"FAILED": 2, "SUCCEEDED": 2})


def test_a_queue_of_higher_priority_goes_first(platform: Platform, gate: Path, tmp_path: Path) -> None:
    platform.queue("urgent", priority=10)
    other = tmp_path / "other"
    holders = [platform.submit(waiting_for(held)) for held in (gate, other)]
    until(lambda: all(platform.job(job_id)["status"] == "RUNNING" for job_id in holders))
    low = [platform.submit("true") for _ in range(2)]
    high = [platform.submit("true", queue="urgent") for _ in range(2)]
    # One slot only becomes free: of two jobs that start together, either may tell its start first.
    gate.touch()
    starts = [platform.wait(job_id)["startedAt"] for job_id in (*high, *low)]
    assert starts == sorted(starts)
    other.touch()


def test_without_its_log_group_a_container_does_not_start(platform: Platform) -> None:
    job = platform.wait(platform.submit("true", group="/missing"))
    assert (job["status"], job["statusReason"]) == ("FAILED", "Task failed to start")
    assert job["container"]["reason"].startswith("CannotStartContainerError")
    assert "exitCode" not in job["container"]


def test_what_never_started_is_tried_as_often_as_the_definition_says(platform: Platform) -> None:
    strategy = retry_strategy()
    job = platform.wait(platform.submit("true", group="/missing", retryStrategy=strategy))
    assert [attempt["statusReason"] for attempt in job["attempts"]] == ["Task failed to start"] * strategy["attempts"]


@pytest.mark.parametrize(
    "more",
    [
        {"retryStrategy": {"attempts": 11}},
        {"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onReason": "not (found)", "action": "RETRY"}]}},
        {"timeout": {"attemptDurationSeconds": 59}},
    ],
)
def test_a_definition_that_batch_refuses_is_refused(platform: Platform, more: dict) -> None:
    with pytest.raises(ClientError, match="ClientException"):
        platform.define(**more)


def test_a_job_sees_its_own_variables_and_little_else(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = platform.submit("env; ls; command -v m2g", size=2)
    platform.wait(parent)
    lines = platform.lines(f"{parent}:1")
    seen = dict(line.split("=", 1) for line in lines if "=" in line)
    assert seen["AWS_BATCH_JOB_ID"] == f"{parent}:1"
    assert seen["AWS_BATCH_JOB_ARRAY_INDEX"] == "1"
    assert seen["AWS_BATCH_JOB_ATTEMPT"] == "1"
    assert seen["AWS_ENDPOINT_URL"] == platform.server.endpoint_url
    assert seen["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert seen["OPSCTL_WORK_DIR"] == f"{platform.home}/local/jobs/{parent}_1/attempt-1"
    assert seen["OPSCTL_LOG_STREAM"] == platform.job(f"{parent}:1")["container"]["logStreamName"]
    assert seen["OMP_NUM_THREADS"] == "1"
    assert lines[-3:] == ["input", "output", f"{platform.home}/local/bin/m2g"]
    assert not {name for name in seen if name.startswith(("MOTO", "PYTEST", "VIRTUAL"))}
    assert not (platform.home / "local" / "jobs" / f"{parent}_1").exists()
    single = platform.submit("env")
    platform.wait(single)
    assert not any("ARRAY" in line for line in platform.lines(single))

"""Batch's calls about jobs: what they list, what they refuse, how much they take."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.local_servers import Platform, waiting_for
from support.waiting import until


def refused(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == "ClientException"
    return str(caught.value)


def test_two_thousand_children_are_taken_at_once_and_counted(platform: Platform, gate: Path) -> None:
    definition = platform.define(waiting_for(gate))
    began = time.monotonic()
    parent = platform.batch.submit_job(
        jobName="big", jobQueue="q", jobDefinition=definition, arrayProperties={"size": 2000}
    )["jobId"]
    assert time.monotonic() - began < 2
    until(lambda: platform.job(parent)["arrayProperties"]["statusSummary"]["RUNNING"] == 2)
    summary = platform.job(parent)["arrayProperties"]["statusSummary"]
    assert (summary["RUNNABLE"], sum(summary.values())) == (1998, 2000)
    # A thread a waiting job would be 2,000 more.
    assert len(list(Path(f"/proc/{platform.server.pid}/task").iterdir())) < 50
    pages = list(
        platform.batch.get_paginator("list_jobs").paginate(
            arrayJobId=parent, jobStatus="RUNNABLE", PaginationConfig={"PageSize": 900}
        )
    )
    assert [len(page["jobSummaryList"]) for page in pages] == [900, 900, 198]
    listed = [job["arrayProperties"]["index"] for page in pages for job in page["jobSummaryList"]]
    assert listed == list(range(2, 2000))
    # Without a state only running jobs are listed.
    assert len(platform.batch.list_jobs(arrayJobId=parent)["jobSummaryList"]) == 2
    platform.batch.terminate_job(jobId=parent, reason="enough")
    assert platform.wait(parent)["arrayProperties"]["statusSummary"]["FAILED"] == 2000


def test_list_jobs_filters_names_in_a_queue_but_not_children(platform: Platform) -> None:
    platform.queue("listed", priority=1)
    definition = platform.define()
    names = ["Run-a", "run-b", "other"]
    ids = {
        name: platform.batch.submit_job(jobName=name, jobQueue="listed", jobDefinition=definition)["jobId"]
        for name in names
    }
    for job_id in ids.values():
        platform.wait(job_id)

    def listed(**request: Any) -> list[str]:
        return [job["jobName"] for job in platform.batch.list_jobs(**request)["jobSummaryList"]]

    assert listed(jobQueue="listed") == []
    assert listed(jobQueue="listed", jobStatus="SUCCEEDED") == ["other", "run-b", "Run-a"]
    by_name = {"name": "JOB_NAME", "values": ["run-*"]}
    assert listed(jobQueue="listed", filters=[by_name], jobStatus="FAILED") == ["run-b", "Run-a"]
    assert listed(jobQueue="listed", filters=[{"name": "JOB_NAME", "values": ["RUN-A"]}]) == ["Run-a"]
    parent = platform.submit("true", size=2)
    platform.wait(parent)
    assert listed(arrayJobId=parent, jobStatus="SUCCEEDED", filters=[by_name]) == ["job", "job"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"jobName": "a b"}, "name"),
        ({"jobName": "-a"}, "name"),
        ({"jobName": "x" * 129}, "name"),
        ({"jobQueue": "none"}, "does not exist"),
        ({"jobDefinition": "none"}, "does not exist"),
        ({"arrayProperties": {"size": 1}}, "Array size"),
        ({"arrayProperties": {"size": 10001}}, "Array size"),
        ({"retryStrategy": {"attempts": 11}}, "attempts"),
        ({"containerOverrides": {"environment": [{"name": "AWS_BATCH_X", "value": "1"}]}}, "reserved"),
        ({"containerOverrides": {"command": ["x" * 31_000]}}, "30720"),
        ({"dependsOn": [{"jobId": "x"}]}, "dependencies"),
    ],
)
def test_what_aws_refuses_is_refused(platform: Platform, change: dict[str, Any], word: str) -> None:
    request = {"jobName": "j", "jobQueue": "q", "jobDefinition": platform.define(), **change}
    assert word in refused(platform.batch.submit_job, **request)


def test_an_inactive_definition_or_a_disabled_queue_takes_no_job(platform: Platform) -> None:
    definition = platform.define()
    platform.batch.deregister_job_definition(jobDefinition=definition)
    request = {"jobName": "j", "jobQueue": "q", "jobDefinition": definition}
    assert "not active" in refused(platform.batch.submit_job, **request)
    platform.queue("shut", priority=1)
    platform.batch.update_job_queue(jobQueue="shut", state="DISABLED")
    request = {"jobName": "j", "jobQueue": "shut", "jobDefinition": platform.define()}
    assert "not enabled" in refused(platform.batch.submit_job, **request)


def test_an_update_changes_an_environments_vcpus_and_nothing_else(platform: Platform) -> None:
    def resources() -> dict[str, Any]:
        (environment,) = platform.batch.describe_compute_environments(computeEnvironments=[platform.environment])[
            "computeEnvironments"
        ]
        return environment["computeResources"]

    before = resources()
    try:
        platform.batch.update_compute_environment(
            computeEnvironment=platform.environment, computeResources={"maxvCpus": 7}
        )
        assert resources() == {**before, "maxvCpus": 7}
        request = {"computeEnvironment": platform.environment, "computeResources": {"instanceTypes": ["r5.large"]}}
        assert "AWSServiceRoleForBatch" in refused(platform.batch.update_compute_environment, **request)
    finally:
        platform.batch.update_compute_environment(
            computeEnvironment=platform.environment, computeResources={"maxvCpus": before["maxvCpus"]}
        )


def test_a_queue_must_be_disabled_to_be_deleted_and_takes_its_jobs_along(platform: Platform) -> None:
    platform.queue("gone", priority=1)
    job_id = platform.submit("sleep 60", queue="gone")
    platform.wait(job_id, "RUNNING")
    assert "disabled first" in refused(platform.batch.delete_job_queue, jobQueue="gone")
    platform.batch.update_job_queue(jobQueue="gone", state="DISABLED")
    platform.batch.delete_job_queue(jobQueue="gone")
    assert platform.wait(job_id)["status"] == "FAILED"
    assert platform.batch.describe_job_queues(jobQueues=["gone"])["jobQueues"] == []


def test_calls_about_many_jobs_have_their_limits(platform: Platform) -> None:
    assert "100" in refused(platform.batch.describe_jobs, jobs=["x"] * 101)
    assert platform.batch.describe_jobs(jobs=["x"])["jobs"] == []
    platform.batch.terminate_job(jobId="x", reason="unknown is fine")
    job_id = platform.submit("sleep 60")
    answer = platform.batch.terminate_jobs(jobs=[job_id, "x"], reason="bulk")
    assert answer["successful"] == [job_id, "x"]
    assert platform.wait(job_id)["statusReason"] == "bulk"
    assert "50" in refused(platform.batch.terminate_jobs, jobs=["x"] * 51, reason="bulk")
    assert "Exactly one" in refused(platform.batch.list_jobs)

"""AWS Batch's replies as our dataclasses, with the exact requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from opsctl.aws.batch.batch import ActiveJob, Batch
from opsctl.aws.clients import Clients
from opsctl.core.errors import Problem
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.status import BatchJob
from opsctl.core.runs.submission import Submission

STATUSES = ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"]


@pytest.fixture(scope="module")
def client() -> Any:
    return Clients(endpoint_url="http://127.0.0.1:1").batch


@pytest.fixture
def stubbed(client: Any) -> Iterator[tuple[Batch, Stubber]]:
    with Stubber(client) as stubber:
        yield Batch(client, submit_client=client), stubber
        stubber.assert_no_pending_responses()


def submission(job_id: str, *, offset: int = 0, size: int = 1) -> Submission:
    return Submission(
        number=0, job_name="n", job_queue="q", offset=offset, size=size, state="submitted", at="t", job_id=job_id
    )


def summary(job_id: str, status: str, **more: Any) -> dict[str, Any]:
    return {"jobId": job_id, "jobName": "n", "status": status, **more}


def child(parent: str, index: int, status: str, **more: Any) -> dict[str, Any]:
    return summary(f"{parent}:{index}", status, arrayProperties={"index": index}, **more)


def listed(stubber: Stubber, request: dict[str, Any], *pages: list[dict[str, Any]]) -> None:
    for number, page in enumerate(pages):
        reply: dict[str, Any] = {"jobSummaryList": page}
        if number + 1 < len(pages):
            reply["nextToken"] = f"token-{number + 1}"
        expected = {**request, **({"nextToken": f"token-{number}"} if number else {})}
        stubber.add_response("list_jobs", reply, expected)


def test_every_child_of_an_array_is_asked_for_in_every_status_and_page(stubbed: tuple[Batch, Stubber]) -> None:
    batch, stubber = stubbed
    for status in STATUSES:
        request = {"arrayJobId": "p", "jobStatus": status}
        if status == "RUNNING":
            listed(stubber, request, [child("p", 0, status)], [], [child("p", 2, status)])
        elif status == "FAILED":
            failed = child("p", 1, status, statusReason="Host EC2 (i-1) terminated.", container={"exitCode": 137})
            listed(stubber, request, [failed])
        else:
            listed(stubber, request, [])
    found = batch.jobs([submission("p", offset=5_001, size=3)])
    assert found == {
        5_001: BatchJob(job_id="p:0", status="RUNNING"),
        5_003: BatchJob(job_id="p:2", status="RUNNING"),
        5_002: BatchJob(job_id="p:1", status="FAILED", reason="Host EC2 (i-1) terminated.", exit_code=137),
    }


def test_plain_jobs_are_described_and_those_that_batch_forgot_are_missing(stubbed: tuple[Batch, Stubber]) -> None:
    batch, stubber = stubbed
    attempts = [
        {
            "container": {"logStreamName": "csa/default/1", "exitCode": 75},
            "statusReason": "x",
            "startedAt": 1_795_348_800_000,
            "stoppedAt": 1_795_348_860_000,
        },
        {"container": {"logStreamName": "csa/default/2"}},
    ]
    reply = summary(
        "a",
        "RUNNING",
        attempts=attempts,
        container={"logStreamName": "csa/default/3", "reason": "OutOfMemoryError", "exitCode": 1},
        statusReason="Essential container in task exited",
        jobQueue="q",
        startedAt=1,
        jobDefinition="d",
    )
    stubber.add_response("describe_jobs", {"jobs": [reply]}, {"jobs": ["a", "gone"]})
    assert batch.jobs([submission("a", offset=7), submission("gone", offset=9)]) == {
        7: BatchJob(
            job_id="a",
            status="RUNNING",
            reason="Essential container in task exited; OutOfMemoryError",
            exit_code=1,
            attempts=(
                Attempt(
                    index=7,
                    number=1,
                    job_id="a",
                    started_at="2026-11-22T12:00:00Z",
                    stopped_at="2026-11-22T12:01:00Z",
                    exit_code=75,
                    reason="x",
                    log_stream="csa/default/1",
                ),
                Attempt(index=7, number=2, job_id="a", log_stream="csa/default/2"),
            ),
            log_streams=("csa/default/1", "csa/default/2", "csa/default/3"),
            started_at="1970-01-01T00:00:00Z",
        )
    }


def test_the_last_attempts_stream_is_not_named_twice(stubbed: tuple[Batch, Stubber]) -> None:
    batch, stubber = stubbed
    same = {"logStreamName": "csa/default/1"}
    reply = {**summary("a", "FAILED"), "attempts": [{"container": same}], "container": {**same, "reason": "x"}}
    described = {**reply, "statusReason": "x", "jobQueue": "q", "startedAt": 1, "jobDefinition": "d"}
    stubber.add_response("describe_jobs", {"jobs": [described]}, {"jobs": ["a"]})
    (job,) = batch.describe(["a"]).values()
    assert job.log_streams == ("csa/default/1",)
    assert job.reason == "x"


def detail(job_id: str, status: str = "PENDING", **more: Any) -> dict[str, Any]:
    return {**summary(job_id, status), "jobQueue": "q", "startedAt": 1, "jobDefinition": "d", **more}


RUN_URI = "s3://data/opsctl/runs/r"


def of_run(uri: str) -> dict[str, Any]:
    return {"environment": [{"name": "OPSCTL_RUN_URI", "value": uri}]}


def test_a_hundred_jobs_are_described_in_a_call(stubbed: tuple[Batch, Stubber]) -> None:
    batch, stubber = stubbed
    ids = [f"j{number}" for number in range(201)]
    for start in (0, 100, 200):
        part = ids[start : start + 100]
        stubber.add_response("describe_jobs", {"jobs": [detail(one) for one in part]}, {"jobs": part})
    assert list(batch.describe(ids)) == ids
    assert batch.describe([]) == {}


def test_a_parents_summary_counts_its_children(stubbed: tuple[Batch, Stubber]) -> None:
    batch, stubber = stubbed
    own = {"jobName": submission("p").job_name, "container": of_run(RUN_URI)}
    array = detail("p", **own, arrayProperties={"size": 3, "statusSummary": {"RUNNING": 1, "SUCCEEDED": 2}})
    plain = detail("a", "FAILED", **own, arrayProperties={})
    stubber.add_response("describe_jobs", {"jobs": [array, plain]}, {"jobs": ["p", "a", "gone"]})
    asked = [submission("p", size=3), submission("a"), submission("gone")]
    summaries, foreign = batch.summaries(asked, run_uris={RUN_URI})
    assert summaries == {"p": {"RUNNING": 1, "SUCCEEDED": 2}, "a": {"FAILED": 1}}
    assert foreign == {}


@pytest.mark.parametrize(
    ("name", "container"),
    [
        ("payroll", {}),
        (None, {}),
        (None, {"environment": []}),
        (None, {"environment": [{"name": "OPSCTL_RUN_URI", "value": "s3://another/opsctl/runs/r"}]}),
        ("payroll", {"environment": [{"name": "OPSCTL_RUN_URI", "value": RUN_URI}]}),
    ],
)
def test_another_job_of_the_account_is_not_a_submissions_own(
    stubbed: tuple[Batch, Stubber], name: str | None, container: dict[str, Any]
) -> None:
    """Its id stands in a record that somebody altered, or the whole record is of another platform."""
    batch, stubber = stubbed
    name = name or submission("p").job_name
    job = detail("p", "RUNNING", jobName=name, container=container)
    for _ in range(2):
        stubber.add_response("describe_jobs", {"jobs": [job]}, {"jobs": ["p"]})
    assert batch.summaries([submission("p")], run_uris={RUN_URI}) == ({}, {"p": name})
    described = batch.describe(["p"], run_uris={RUN_URI})
    assert list(described) == (["p"] if container == of_run(RUN_URI) else [])


def test_a_job_of_the_same_name_but_of_another_run_is_not_found(stubbed: tuple[Batch, Stubber]) -> None:
    batch, stubber = stubbed
    named = [{**summary(job_id, "RUNNING"), "jobName": "r-00", "createdAt": 1} for job_id in ("a", "b")]
    request = {"jobQueue": "q", "filters": [{"name": "JOB_NAME", "values": ["r-00"]}]}
    stubber.add_response("list_jobs", {"jobSummaryList": named}, request)
    jobs = [detail("a", container=of_run("s3://another/opsctl/runs/r")), detail("b", container=of_run(RUN_URI))]
    stubber.add_response("describe_jobs", {"jobs": jobs}, {"jobs": ["a", "b"]})
    assert batch.find("q", "r-00", run_uri=RUN_URI) == ["b"]


def test_active_jobs_are_those_of_every_unfinished_status(stubbed: tuple[Batch, Stubber]) -> None:
    batch, stubber = stubbed
    for status in STATUSES[:5]:
        request = {"jobQueue": "arn:queue", "jobStatus": status}
        pages = [[summary(f"{status}-{n}", status)] for n in range(2)] if status == "RUNNABLE" else [[]]
        listed(stubber, request, *pages)
    assert batch.active("arn:queue") == [
        ActiveJob("RUNNABLE-0", "n", "RUNNABLE"),
        ActiveJob("RUNNABLE-1", "n", "RUNNABLE"),
    ]


def test_a_job_is_ended_with_the_reason(stubbed: tuple[Batch, Stubber]) -> None:
    batch, stubber = stubbed
    stubber.add_response("terminate_job", {}, {"jobId": "p", "reason": "opsctl down --force"})
    batch.terminate("p", reason="opsctl down --force")


@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("submit_job", lambda batch: batch.submit({"jobName": "n", "jobQueue": "q", "jobDefinition": "d"})),
        ("describe_jobs", lambda batch: batch.describe(["a"])),
        ("describe_jobs", lambda batch: batch.jobs([submission("a")])),
        ("list_jobs", lambda batch: batch.jobs([submission("p", size=2)])),
        ("list_jobs", lambda batch: batch.active("q")),
        ("terminate_job", lambda batch: batch.terminate("p", reason="r")),
    ],
)
def test_a_refusal_is_a_problem_that_names_the_missing_permission(
    stubbed: tuple[Batch, Stubber], method: str, call: Any
) -> None:
    batch, stubber = stubbed
    stubber.add_client_error(method, "AccessDeniedException", "not you")
    operation = "".join(word.capitalize() for word in method.split("_"))
    with pytest.raises(Problem, match=f"AWS does not permit {operation} while .*: not you"):
        call(batch)


class Moving:
    """Batch while a child is put back: RUNNING when RUNNABLE is listed, RUNNABLE when RUNNING is listed."""

    def __init__(self) -> None:
        self.status = "RUNNING"

    def get_paginator(self, name: str) -> Moving:
        assert name == "list_jobs"
        return self

    def paginate(self, *, arrayJobId: str, jobStatus: str) -> list[dict[str, Any]]:
        seen = [child(arrayJobId, 1, self.status)] if jobStatus == self.status else []
        if jobStatus == "RUNNABLE":
            self.status = "RUNNABLE"
        return [{"jobSummaryList": [*seen, *([child(arrayJobId, 0, "SUCCEEDED")] if jobStatus == "SUCCEEDED" else [])]}]

    def describe_jobs(self, *, jobs: list[str]) -> dict[str, Any]:
        return {"jobs": [detail(one, self.status) for one in jobs]}


def test_a_child_that_is_put_back_while_the_statuses_are_listed_is_not_missing() -> None:
    client: Any = Moving()
    assert set(Batch(client, submit_client=client).jobs([submission("p", size=2)])) == {0, 1}

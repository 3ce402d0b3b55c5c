"""SubmitJob has no idempotency token: whatever happens on the way, it is sent once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest
from aws_answers import Answers

from opsctl.aws.batch import Batch
from opsctl.aws.clients import Clients
from opsctl.core.errors import Problem

REQUEST: dict[str, Any] = {
    "jobName": "HNU1-20261122-120000-ab12-00",
    "jobQueue": "arn:queue",
    "jobDefinition": "arn:definition:1",
    "arrayProperties": {"size": 200},
    "containerOverrides": {"environment": [{"name": "OPSCTL_SCAN_OFFSET", "value": "0"}]},
    "tags": {"opsctl:run": "HNU1-20261122-120000-ab12"},
}


@pytest.fixture
def batch(server: Answers) -> Batch:
    clients = Clients(endpoint_url=server.url)
    return Batch(clients.batch, submit_client=clients.batch_once)


def test_a_request_is_sent_as_it_stands(server: Answers, batch: Batch) -> None:
    server.replies = [(200, {"jobName": "n", "jobId": "id-1"})]
    assert batch.submit(REQUEST) == "id-1"
    assert server.calls == [("/v1/submitjob", REQUEST)]


FAULTS = [
    (500, {"message": "Internal"}),
    (503, {"message": "Unavailable", "code": "ServiceUnavailable"}),
    (429, {"message": "Too many", "code": "TooManyRequestsException"}),
    (400, {"message": "Rate exceeded", "code": "ThrottlingException"}),
    "hang up",
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_no_fault_makes_it_go_out_twice(
    server: Answers, batch: Batch, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a person may have set for everything else does not hold for SubmitJob.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "7")
    monkeypatch.setenv("AWS_RETRY_MODE", "adaptive")
    server.replies = [fault]
    with pytest.raises(Problem, match="submitting the jobs") as problem:
        batch.submit(REQUEST)
    assert problem.value.exit_code == 1
    assert len(server.calls) == 1


def test_half_an_answer_is_a_problem_too(server: Answers, batch: Batch) -> None:
    server.replies = ["half an answer"]
    with pytest.raises(Problem):
        batch.submit(REQUEST)
    assert len(server.calls) == 1


def test_a_question_is_asked_again(server: Answers, batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda seconds: None))
    job = {"jobId": "a", "status": "RUNNING"}
    server.replies = [(500, {"message": "Internal"}), "hang up", (200, {"jobs": [job]})]
    assert batch.describe(["a"])["a"].status == "RUNNING"
    assert [path for path, _ in server.calls] == ["/v1/describejobs"] * 3


def test_the_local_platform_never_sees_the_persons_own_credentials(
    server: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real-token")
    clients = Clients(endpoint_url=server.url)
    assert clients.credentials == {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    assert clients.region == "us-east-1"


def test_the_local_platform_does_not_need_the_persons_profile(server: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nosuch")
    server.replies = [(200, {"jobs": []})]
    clients = Clients(endpoint_url=server.url)
    assert Batch(clients.batch, submit_client=clients.batch_once).describe(["a"]) == {}


def test_on_aws_the_persons_own_credentials_are_handed_to_terraform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    assert Clients(region="eu-central-1").credentials == {
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
    }
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    assert Clients(region="eu-central-1").credentials["AWS_SESSION_TOKEN"] == "token"
    assert Clients(region="eu-central-1").region == "eu-central-1"


def test_no_credentials_at_all_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Clients(region="us-east-1").credentials == {}

"""SubmitJob has no idempotency token: whatever happens on the way, it is sent once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest
from support.aws_answers import Answers

from opsctl.aws.batch.batch import Batch, Throttled, Unanswered
from opsctl.aws.clients import NO_KEY, Clients
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


#: What each fault means: was it refused, was it not looked at, or does nobody know?
FAULTS = [
    ((500, {"message": "Internal"}), Unanswered),
    ((503, {"message": "Unavailable", "code": "ServiceUnavailable"}), Unanswered),
    ((429, {"message": "Too many", "code": "TooManyRequestsException"}), Throttled),
    ((400, {"message": "Rate exceeded", "code": "ThrottlingException"}), Throttled),
    ((403, {"message": "not you", "code": "AccessDeniedException"}), Problem),
    ((400, {"message": "no queue", "code": "ClientException"}), Problem),
    ("hang up", Unanswered),
    ("half an answer", Unanswered),
    ((200, {}), Unanswered),
]


@pytest.mark.parametrize(("fault", "meaning"), FAULTS, ids=str)
def test_no_fault_makes_it_go_out_twice(
    server: Answers, batch: Batch, fault: Any, meaning: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a person may have set for everything else does not hold for SubmitJob.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "7")
    monkeypatch.setenv("AWS_RETRY_MODE", "adaptive")
    server.replies = [fault]
    with pytest.raises(meaning):
        batch.submit(REQUEST)
    assert len(server.calls) == 1


def test_a_service_that_cannot_be_reached_has_taken_nothing() -> None:
    clients = Clients(endpoint_url="http://127.0.0.1:1")
    with pytest.raises(Problem, match="The local platform is not running"):
        Batch(clients.batch, submit_client=clients.batch_once).submit(REQUEST)


def test_a_job_is_found_by_its_exact_name(server: Answers, batch: Batch) -> None:
    summaries = [
        {"jobId": "young", "jobName": "R-00", "createdAt": 2},
        {"jobId": "alike", "jobName": "r-00", "createdAt": 0},
        {"jobId": "old", "jobName": "R-00", "createdAt": 1},
    ]
    server.replies = [(200, {"jobSummaryList": summaries})]
    assert batch.find("arn:queue", "R-00") == ["old", "young"]
    filters = [{"name": "JOB_NAME", "values": ["R-00"]}]
    assert server.calls == [("/v1/listjobs", {"jobQueue": "arn:queue", "filters": filters})]


def test_a_question_is_asked_again(server: Answers, batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda seconds: None))
    job = {"jobId": "a", "status": "RUNNING"}
    server.replies = [(500, {"message": "Internal"}), "hang up", (200, {"jobs": [job]})]
    assert batch.describe(["a"])["a"].status == "RUNNING"
    assert [path for path, _ in server.calls] == ["/v1/describejobs"] * 3


def test_half_an_answer_is_no_answer(server: Answers, batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda seconds: None))
    server.replies = ["half an answer", (200, {"jobSummaryList": [{"jobId": "a", "jobName": "R-00", "createdAt": 1}]})]
    # Taken for an empty list it would mean: submit it again.
    assert batch.find("arn:queue", "R-00") == ["a"]
    assert len(server.calls) == 2


def test_an_error_that_breaks_off_is_still_an_error(server: Answers, batch: Batch) -> None:
    server.replies = ["half an answer"]
    with pytest.raises(Problem):
        batch.describe(["a"])


def test_the_local_platform_never_sees_the_persons_own_credentials(
    server: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real-token")
    clients = Clients(endpoint_url=server.url)
    assert clients.credentials == NO_KEY
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

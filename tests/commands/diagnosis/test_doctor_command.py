"""`doctor`: all checks run at once, within the time limit, and change nothing."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from support.example_platform import platform
from support.why_world import World

from opsctl.aws.clients import Clients
from opsctl.commands.diagnosis.doctor import Diagnosis, Question, doctor
from opsctl.core.diagnosis.doctor_facts import Provider, Terminal, TerraformVersion
from opsctl.core.diagnosis.doctor_line import Line
from opsctl.home import Home

#: A busy machine must not turn an answer into "did not answer".
examine = partial(doctor, seconds=60.0)

ARN = "arn:aws:sts::123456789012:assumed-role/lab/ada"
ROLE = "arn:aws:iam::123456789012:role/people/lab"
QUEUE = {"jobQueueName": "q", "state": "ENABLED", "status": "VALID"}
ENVIRONMENT = {"computeEnvironmentName": "e", "state": "ENABLED", "status": "VALID", "computeResources": {}}
KIND = {"VCpuInfo": {"DefaultVCpus": 4}, "MemoryInfo": {"SizeInMiB": 32768}}

#: What a checkup may ask: nothing that makes, changes or removes; CreateVpc only as a dry run.
#: What the price list has of an instance: the parts that are read.
PRODUCT = json.dumps(
    {"terms": {"OnDemand": {"x": {"priceDimensions": {"y": {"unit": "Hrs", "pricePerUnit": {"USD": "0.126"}}}}}}}
)
HARMLESS = ("Get", "List", "Describe", "Filter", "Simulate", "CreateVpc")


class Aws:
    """Answers by operation."""

    def __init__(self) -> None:
        self.requests: dict[str, list[Any]] = defaultdict(list)
        self.refused: dict[str, str] = {}
        self.date = format_datetime(datetime.now(UTC), usegmt=True)
        self.denied: set[str] = set()
        self.answers: dict[str, Any] = {
            "GetCallerIdentity": {"Arn": ARN, "Account": "123456789012", "UserId": "x"},
            "GetRole": {"Role": {"Arn": ROLE}},
            "DescribeJobQueues": {"jobQueues": [QUEUE]},
            "DescribeComputeEnvironments": {
                "computeEnvironments": [ENVIRONMENT | {"computeResources": {"maxvCpus": 512}}]
            },
            "ListJobs": {"jobSummaryList": []},
            "DescribeJobs": {"jobs": []},
            "DescribeInstanceTypes": {"InstanceTypes": [KIND]},
            "DescribeLogGroups": {"logGroups": [{"logGroupName": "/opsctl/m2g"}]},
            "FilterLogEvents": {"events": []},
            "GetServiceQuota": {"Quota": {"Value": 4000.0}},
            "GetAccountPlanState": {"accountId": "1", "accountPlanType": "PAID", "accountPlanStatus": "ACTIVE"},
            "DescribeAutoScalingGroups": {"AutoScalingGroups": []},
            "DescribeJobDefinitions": {
                "jobDefinitions": [
                    {"jobDefinitionArn": resources.job_definition, "status": "ACTIVE"}
                    for resources in platform().models.values()
                ]
            },
            "DescribeInstances": {"Reservations": []},
            "GetProducts": {"PriceList": [PRODUCT]},
            "ListObjectsV2": {},
            "GetParameter": {"Parameter": {"Value": json.dumps(platform().as_record())}},
        }

    def hook(self, client: Any) -> Any:
        client.meta.events.register("provide-client-params", self._note)
        client.meta.events.register("before-call", self._answer)
        return client

    def _note(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        self.requests[model.name].append(params)
        context["params"] = params

    def _answer(self, model: Any, context: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        status, reply = 200, self.answers.get(model.name)
        if model.name == "SimulatePrincipalPolicy":
            reply = {"EvaluationResults": [self._decision(action) for action in context["params"]["ActionNames"]]}
        if model.name in self.refused:
            status, reply = 400, {"Error": {"Code": self.refused[model.name], "Message": "no"}}
        assert reply is not None, model.name
        metadata = {"HTTPStatusCode": status, "HTTPHeaders": {"date": self.date}}
        return AWSResponse("https://x", status, {}, None), {**reply, "ResponseMetadata": metadata}

    def _decision(self, action: str) -> dict[str, str]:
        return {"EvalActionName": action, "EvalDecision": "implicitDeny" if action in self.denied else "allowed"}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration and no login of the developer's."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "OPSCTL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_REGION", "us-east-1")


@pytest.fixture
def aws(logged_in: None, monkeypatch: pytest.MonkeyPatch) -> Aws:
    fake, make = Aws(), Clients._client
    monkeypatch.setattr(Clients, "_client", lambda self, service, **more: fake.hook(make(self, service, **more)))
    return fake


@pytest.fixture
def question(tmp_path: Path) -> Question:
    # No Terraform and no engine on this PATH: they take their time, and are not what is tested here.
    environment = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}
    return Question(
        home=Home(tmp_path / "home"), environment=environment, version="0.1.0", terminal=Terminal("utf-8", True, 80)
    )


def of(diagnosis: Diagnosis, topic: str) -> list[Line]:
    return [line for line in diagnosis.lines if line.topic == topic]


def test_a_platform_on_aws(aws: Aws, question: Question) -> None:
    question.home.keep(platform())
    diagnosis = examine(question)
    about_aws = [line for line in diagnosis.lines if line.topic not in ("Terraform", "provider", "containers")]
    assert [line for line in about_aws if line.level != "fine"] == []
    assert [line.topic for line in about_aws][-7:] == [
        *("permissions", "quota", "platform", "job definitions", "queue csa", "queue csd", "data bucket")
    ]
    assert ARN in of(diagnosis, "AWS login")[0].what
    assert {request["PolicySourceArn"] for request in aws.requests["SimulatePrincipalPolicy"]} == {ROLE}
    assert not diagnosis.is_first_use


def test_the_platform_of_a_colleague_is_looked_at_too(aws: Aws, question: Question) -> None:
    diagnosis = examine(question)
    assert of(diagnosis, "platform")[0].what == "m2g in us-east-1"
    assert of(diagnosis, "queue csd")[0].level == "fine"


def test_a_new_account_hears_of_its_quota_before_up(aws: Aws, question: Question) -> None:
    aws.refused["GetParameter"] = "ParameterNotFound"
    aws.answers["GetServiceQuota"] = {"Quota": {"Value": 5.0}}
    aws.answers["GetAccountPlanState"] = {"accountPlanType": "FREE", "accountPlanStatus": "ACTIVE"}
    diagnosis = examine(question)
    assert of(diagnosis, "quota")[0].level == "warning"
    assert of(diagnosis, "account plan")[0].level == "wrong"
    assert "iam:CreateRole" in {
        name for request in aws.requests["SimulatePrincipalPolicy"] for name in request["ActionNames"]
    }


def test_what_iam_says_is_not_permitted(aws: Aws, question: Question) -> None:
    question.home.keep(platform())
    aws.denied = {"batch:SubmitJob", "iam:PassRole"}
    lines = [(line.level, line.what) for line in of(examine(question), "permissions")]
    assert lines == [
        ("wrong", "Not permitted: batch:SubmitJob."),
        ("warning", "`up` and `down` are not permitted: iam:PassRole."),
    ]


@pytest.mark.parametrize("hidden", ["SimulatePrincipalPolicy", "GetRole"])
def test_without_a_simulation_harmless_calls_tell(aws: Aws, question: Question, hidden: str) -> None:
    question.home.keep(platform())
    aws.refused = {hidden: "AccessDenied", "CreateVpc": "DryRunOperation", "FilterLogEvents": "AccessDeniedException"}
    wrong, untested = of(examine(question), "permissions")
    assert (wrong.level, wrong.what) == ("wrong", "Not permitted: logs:FilterLogEvents.")
    assert "batch:SubmitJob" in untested.what
    assert "ec2:CreateVpc" not in untested.what
    assert "iam:SimulatePrincipalPolicy" in untested.hint


@pytest.mark.parametrize("refused", [{}, {"SimulatePrincipalPolicy": "AccessDenied", "CreateVpc": "DryRunOperation"}])
def test_nothing_is_touched(aws: Aws, question: Question, refused: dict[str, str]) -> None:
    question.home.keep(platform())
    before = sorted(path for path in question.home.path.rglob("*"))
    aws.refused = refused
    examine(question)
    assert [name for name in aws.requests if not name.startswith(HARMLESS)] == []
    assert all(request["DryRun"] is True for request in aws.requests["CreateVpc"])
    assert bool(aws.requests["CreateVpc"]) == bool(refused)
    assert sorted(path for path in question.home.path.rglob("*")) == before


@pytest.mark.parametrize(
    ("code", "what"), [("ExpiredToken", "has expired"), ("InvalidClientTokenId", "does not know these credentials")]
)
def test_a_login_that_aws_refuses_is_wrong_and_nothing_more_is_asked(
    aws: Aws, question: Question, code: str, what: str
) -> None:
    question.home.keep(platform())
    aws.refused["GetCallerIdentity"] = code
    diagnosis = examine(question)
    (line,) = of(diagnosis, "AWS login")
    assert line.level == "wrong"
    assert what in line.what
    assert list(aws.requests) == ["GetCallerIdentity"]


def test_the_clocks_skew(aws: Aws, question: Question) -> None:
    aws.date = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    (line,) = of(examine(question), "clock")
    assert line.level == "wrong"
    assert " ahead of AWS's" in line.what


def test_until_when_the_login_is_good(aws: Aws, question: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = datetime.now(UTC) + timedelta(minutes=125, seconds=30)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t")
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", ends.isoformat())
    assert of(examine(question), "AWS login")[0].what.endswith("ends in 2 h 05 min")


def test_a_bucket_that_is_gone_and_a_queue_that_is_off(aws: Aws, question: Question) -> None:
    question.home.keep(platform())
    aws.refused["ListObjectsV2"] = "NoSuchBucket"
    aws.answers["DescribeJobQueues"] = {"jobQueues": [QUEUE | {"state": "DISABLED"}]}
    diagnosis = examine(question)
    assert of(diagnosis, "data bucket")[0].level == of(diagnosis, "queue csd")[0].level == "wrong"
    assert diagnosis.count("wrong") >= 3


def test_first_use_leads_the_way(question: Question) -> None:
    diagnosis = examine(question)
    assert diagnosis.is_first_use
    assert {line.topic for line in diagnosis.lines if line.level == "wrong"} <= {"Terraform", "provider"}
    assert "opsctl up --local" in of(diagnosis, "platform")[0].hint
    assert of(diagnosis, "AWS login")[0].level == "warning"


def test_whoever_names_a_profile_wants_aws(question: Question) -> None:
    (line,) = of(examine(dataclasses.replace(question, profile="lab")), "AWS login")
    assert line.level == "wrong"
    assert "lab" in line.what


def test_a_local_platform_whose_process_has_ended(question: Question) -> None:
    question.home.keep(platform(name="local", endpoint_url="http://127.0.0.1:1"))
    (line,) = of(examine(question), "platform")
    assert (line.level, line.hint) == ("wrong", "`opsctl up --local` brings it back, with its data.")


def test_a_damaged_record(question: Question) -> None:
    question.home.keep(platform())
    (question.home.platform_dir("m2g") / "record.json").write_text("{")
    assert of(examine(question), "platform")[0].level == "wrong"


def test_a_running_local_platform(question: Question, tmp_path: Path) -> None:
    from opsctl.local import control

    world = World(tmp_path / "home")
    try:
        world.run("true", count=1)
        diagnosis = examine(question)
        assert of(diagnosis, "platform")[0].what == f"local on this machine, {world.server.endpoint_url}"
        assert [of(diagnosis, topic)[0].level for topic in ("queue csd", "data bucket")] == ["fine", "fine"]
        assert of(diagnosis, "AWS login")[0].level == "warning"
        assert of(diagnosis, "quota") == []
    finally:
        control.stop(world.server)


@pytest.fixture
def deaf(logged_in: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS that takes the connection and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        yield


def test_what_does_not_answer_in_time_is_said_not_to_have(deaf: None, question: Question) -> None:
    question.home.keep(platform())
    began = time.monotonic()
    diagnosis = doctor(question, seconds=0.5)
    assert time.monotonic() - began < 5
    (line,) = of(diagnosis, "AWS login")
    assert line.what == "Could not be looked at: sts:GetCallerIdentity did not answer within 0.5 s."
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("doctor"))


def test_the_json(question: Question) -> None:
    value = examine(question).as_json()
    assert set(value) == {"schema_version", "wrong", "warnings", "checks"}
    assert {tuple(check) for check in value["checks"]} == {("topic", "level", "what", "hint")}
    assert value["wrong"] == sum(check["level"] == "wrong" for check in value["checks"])


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"]], ids=" ".join)
def test_the_verb_ends_with_1_when_something_is_wrong(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from opsctl.__main__ import main

    monkeypatch.setenv("OPSCTL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["opsctl", *arguments])
    monkeypatch.setattr(
        "opsctl.commands.diagnosis.machine.terraform",
        lambda environment, *, own: TerraformVersion(version="1.9", path="/t"),
    )
    monkeypatch.setattr("opsctl.commands.diagnosis.machine.provider", lambda environment: Provider("/m"))
    for wrong in (False, True):
        if wrong:
            (tmp_path / "opsctl.toml").write_text("regoin = 3\n")
        with pytest.raises(SystemExit) as ended:
            main()
        output = capsys.readouterr()
        assert (ended.value.code or 0) == int(wrong)
        assert ("opsctl.toml" in output.out) == wrong
        if "--json" in arguments:
            assert json.loads(output.out)["wrong"] == int(wrong)
        else:
            assert "opsctl up --local" in output.err

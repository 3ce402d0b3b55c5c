"""AWS carries out a call, and its reply is lost: the same `up` ends well, with the real Terraform.

Its user has set all of Terraform's variables besides: the state lies where it always lies, and `down` leaves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import aws_texts as aws
import pytest
from support.aws_refusals import LostReply, Refusal
from terraform_account import Lab

from opsctl.local import control

# One platform comes and goes; all of it counts for the first test.
pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

LOST = (
    LostReply("iam", "CreateRole"),
    LostReply("s3", "PUT bucket"),
    # In us-east-1 the second call succeeds; in every other region S3 says this.
    Refusal("s3", "PUT bucket", error=aws.BUCKET_MADE_BEFORE),
    LostReply("ecr", "CreateRepository"),
    LostReply("batch", "CreateComputeEnvironment"),
    LostReply("batch", "CreateJobQueue"),
    LostReply("ec2", "CreateVpc"),
    LostReply("ssm", "PutParameter", having="lost/claim"),
    LostReply("ssm", "PutParameter", having="lost/platform"),
    LostReply("logs", "CreateLogGroup"),
    LostReply("batch", "RegisterJobDefinition"),
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    server = control.start(tmp_path_factory.mktemp("account"))
    yield Lab("lost", tmp_path_factory.mktemp("lost"), server.port)
    control.stop(server)


@pytest.fixture(scope="module")
def results(lab: Lab) -> dict[str, tuple[int, str]]:
    elsewhere = str(lab.folder / "elsewhere")
    variables = {
        "TF_WORKSPACE": "evil",
        "TF_DATA_DIR": elsewhere,
        "TF_VAR_name": "evil",
        "TF_LOG": "TRACE",
        "TF_LOG_PATH": elsewhere,
        "TF_REATTACH_PROVIDERS": "nonsense",
        "TF_CLI_ARGS": "-nonsense",
        "TF_CLI_CONFIG_FILE": "/dev/null/nowhere",
        "TF_PLUGIN_CACHE_DIR": "/dev/null/nowhere",
        "TF_STATE_PERSIST_INTERVAL": "nonsense",
        "TF_AWS_DEFAULT_TAGS_owner": "evil",
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/evil",
        "TMPDIR": "/dev/null/nowhere",
    }
    return {
        "up": lab.run("up", "--yes", rules=LOST, environment=variables),
        "plan": lab.run("up", "--plan"),
        "down": lab.run("down", "--yes", environment=variables),
    }


def test_up_ends_well_though_each_reply_is_lost_once(results: dict[str, tuple[int, str]], lab: Lab) -> None:
    code, text = results["up"]
    assert code == 0, text
    assert {(call.service, call.operation) for call in lab.met} >= {(rule.service, rule.operation) for rule in LOST}
    assert "The role opsctl-lost-us-east-1-" in text and "AWS's answer was lost: it is made anew." in text
    assert "opsctl-lost was made, and AWS's answer was lost: it is taken over." in text
    assert "exists already" not in text


def test_nothing_is_there_twice_or_missing(results: dict[str, tuple[int, str]]) -> None:
    code, text = results["plan"]
    assert code == 0, text
    assert "nothing to do" in text


def test_the_state_lies_where_it_always_lies(results: dict[str, tuple[int, str]], lab: Lab) -> None:
    home = lab.folder / "home"
    roots = home / "platforms" / "lost" / "terraform"
    states = [path.relative_to(roots) for path in home.rglob("*.tfstate") if ".terraform" not in path.parts]
    assert sorted(states) == [Path("platform/terraform.tfstate"), Path("storage/terraform.tfstate")]
    assert not (lab.folder / "elsewhere").exists()


@pytest.mark.parametrize("verb", ["up", "down"])
def test_what_did_not_reach_terraform_is_said_once(results: dict[str, tuple[int, str]], verb: str) -> None:
    assert results[verb][1].count("opsctl runs Terraform without them.") == 1
    assert "opsctl runs Terraform" not in results["plan"][1]


def test_down_leaves_nothing(results: dict[str, tuple[int, str]]) -> None:
    code, text = results["down"]
    assert code == 0, text
    assert "left     0" in text

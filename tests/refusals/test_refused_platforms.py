"""AWS refuses `up` and `down`, with the real Terraform: what the user sees, and that the next try goes on.

The stories run at the same time, each with a platform of its own; each test looks at one.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import aws_texts as aws
import pytest
from support.aws_protocol import AwsError
from support.aws_refusals import ALWAYS, Refusal, Rewrite, Rule
from terraform_account import Lab

from opsctl.local import control

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1800)]


def refused(service: str, operation: str, error: AwsError, *, times: int = ALWAYS) -> Refusal:
    return Refusal(service, operation, times=times, error=error)


def invalid(reason: str, *, times: int) -> Rule:
    """Compute environments are INVALID as soon as they have been made."""

    def change(document: Any) -> Any:
        for environment in document["computeEnvironments"]:
            environment.update(status="INVALID", statusReason=reason)
        return document

    return Rewrite("batch", "DescribeComputeEnvironments", times=times, change=change)


NO_PERMISSION = tuple(
    refused(service, operation, aws.denied(action, "*", code=code, status=status))
    for service, operation, action, code, status in (
        ("ec2", "CreateVpc", "ec2:CreateVpc", "UnauthorizedOperation", 403),
        ("iam", "CreateRole", "iam:CreateRole", "AccessDenied", 403),
        ("ecr", "CreateRepository", "ecr:CreateRepository", "AccessDeniedException", 400),
        ("s3", "PUT bucket", "s3:CreateBucket", "AccessDenied", 403),
        ("logs", "CreateLogGroup", "logs:CreateLogGroup", "AccessDeniedException", 400),
    )
)

#: What `up` cannot go on from by itself.
REFUSED: dict[str, tuple[Rule, ...]] = {
    "organisation-policy": (refused("ec2", "CreateVpc", aws.POLICY_OF_THE_ORGANISATION),),
    "no-permission": NO_PERMISSION,
    "boundary": (refused("iam", "CreateRole", aws.BOUNDARY),),
    "too-many-vpcs": (refused("ec2", "CreateVpc", aws.TOO_MANY_VPCS),),
    "too-many-roles": (refused("iam", "CreateRole", aws.TOO_MANY_ROLES),),
    "being-verified": (refused("ec2", "CreateVpc", aws.BEING_VERIFIED),),
    "not-subscribed": (refused("ec2", "*", aws.NOT_SUBSCRIBED_EC2),),
    "bucket-of-somebody": (refused("s3", "PUT bucket", aws.BUCKET_OF_SOMEBODY),),
    # Not `RequestExpired`, nor ECR's `LimitExceededException`: AWS's SDK for Go tries those 25 times, for minutes.
    "expired": (refused("iam", "CreateRole", aws.EXPIRED_IAM),),
}

#: AWS refuses the same two calls in other words, which `tests/core/platform/test_terraform_errors.py` reads.
LONG = {"boundary", "too-many-roles", "being-verified", "expired"}

#: What passes by itself; `up` waits it out.
PASSING = (
    refused("ec2", "CreateRoute", aws.TAG_NOT_SEEN, times=1),
    refused("batch", "CreateComputeEnvironment", aws.ROLE_NOT_VALID, times=1),
    refused("batch", "RegisterJobDefinition", aws.JOB_ROLE_NOT_VALID, times=1),
    refused("s3", "PUT bucket", aws.BUCKET_IN_THE_MAKING, times=1),
    *(Refusal(service, operation) for service, operation in (
        ("ec2", "CreateSubnet"), ("iam", "CreateRole"), ("ecr", "CreateRepository"), ("ssm", "PutParameter"),
        ("batch", "CreateJobQueue"), ("logs", "CreateLogGroup"), ("s3", "PUT bucket versioning"),
    )),
)  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control.LocalServer]:
    server = control.start(tmp_path_factory.mktemp("account"))
    yield server
    control.stop(server)


def refused_up(lab: Lab, rules: tuple[Rule, ...]) -> dict[str, tuple[int, str]]:
    return {"up": lab.run("up", "--yes", rules=rules)}


def whole_life(lab: Lab) -> dict[str, tuple[int, str]]:
    """A platform that comes and goes against all odds."""
    denied = aws.denied("batch:UpdateJobQueue", "*", status=403)
    return {
        "up": lab.run("up", "--yes", rules=PASSING),
        "down denied": lab.run("down", "--yes", rules=(refused("batch", "UpdateJobQueue", denied),)),
        "down expired": lab.run("down", "--yes", rules=(refused("sts", "*", aws.EXPIRED),)),
        "down": lab.run("down", "--yes", rules=tuple(Refusal(service, "*") for service in ("ec2", "batch", "iam"))),
    }


def invalid_environments(lab: Lab) -> dict[str, tuple[int, str]]:
    """Environments that stay INVALID, and a next `up` when the role is seen."""
    return {
        "up": lab.run("up", "--yes", rules=(invalid(aws.ROLE_WITHOUT_POLICY, times=ALWAYS),)),
        "again": lab.run("up", "--yes"),
    }


@pytest.fixture(scope="module")
def labs(server: control.LocalServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Lab]:
    names = ["life", "invalid", *REFUSED]
    return {name: Lab(f"lab{number}", tmp_path_factory.mktemp(name), server) for number, name in enumerate(names)}


@pytest.fixture(scope="module")
def stories(labs: dict[str, Lab], request: pytest.FixtureRequest) -> dict[str, Future[dict[str, tuple[int, str]]]]:
    tests = [item for item in request.session.items if item.module is request.module]
    wanted = {test.callspec.params["scenario"] for test in tests if hasattr(test, "callspec")}
    lives = {"life": whole_life, "invalid": invalid_environments}
    with ThreadPoolExecutor(4) as pool:
        # These are for the tests that are not only run before a release.
        is_short = any(test.get_closest_marker("long") is None for test in tests)
        long = {name: pool.submit(life, labs[name]) for name, life in lives.items() if is_short}
        short = {name: pool.submit(refused_up, labs[name], rules) for name, rules in REFUSED.items() if name in wanted}
    return long | short


@pytest.mark.parametrize(
    "scenario", [pytest.param(name, marks=[pytest.mark.long] if name in LONG else []) for name in REFUSED]
)
def test_up_says_what_aws_refuses(stories: Any, labs: dict[str, Lab], scenario: str) -> None:
    result = stories[scenario].result()["up"]
    assert result[0] == 1, result[1]
    assert "api error" not in result[1] and "StatusCode" not in result[1]
    labs[scenario].show(scenario, result, "up", "--yes")


def test_up_waits_out_what_passes(stories: Any) -> None:
    code, text = stories["life"].result()["up"]
    assert code == 0, text
    assert "is up." in text


@pytest.mark.parametrize("scenario", ["denied", "expired"])
def test_down_says_what_aws_refuses(stories: Any, labs: dict[str, Lab], scenario: str) -> None:
    result = stories["life"].result()[f"down {scenario}"]
    assert result[0] == 1, result[1]
    labs["life"].show(scenario, result, "down", "--yes")


def test_down_ends_what_a_refusal_has_kept(stories: Any) -> None:
    code, text = stories["life"].result()["down"]
    assert code == 0, text
    assert "left     0" in text


def test_an_environment_that_stays_invalid_is_told_and_made_anew(stories: Any, labs: dict[str, Lab]) -> None:
    results = stories["invalid"].result()
    assert results["up"][0] == 1, results["up"][1]
    labs["invalid"].show("invalid", results["up"], "up", "--yes")
    assert results["again"][0] == 0, results["again"][1]

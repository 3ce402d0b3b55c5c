"""Who is logged in and what they are permitted to do. Nothing is created, changed or charged for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from opsctl.aws.errors import code_of, translated
from opsctl.aws.refusals import DENIED, skew_of
from opsctl.core.diagnosis.doctor_facts import Login, Permission
from opsctl.core.platform.platform import Platform, record_parameter, resource_prefix

if TYPE_CHECKING:
    from opsctl.aws.clients import Clients

Purpose = Literal["run", "up"]
State = Literal["allowed", "denied", "untested"]

#: Upper end of the binary search for the minutes until credentials expire.
_LONGEST_MINUTES = 7 * 24 * 60

#: What `run` would be refused only after its question; what it reads before shows by itself.
_LATE = frozenset({"batch:SubmitJob", "s3:PutObject"})
_ROLE_SESSION = re.compile(r"^arn:([\w-]+):sts::(\d+):assumed-role/([^/]+)/")
_TAG = "opsctl:platform"
#: Terraform appends so many digits to the name of a compute environment.
_SUFFIX_DIGITS = 26
#: EC2's error code for a `DryRun` call that is permitted.
_DRY_RUN_PERMITTED = "DryRunOperation"


def login(clients: Clients, *, now: Callable[[], datetime]) -> Login:
    """The caller's identity, how long the login lasts, and how far apart the clocks are.

    Raises
    ------
    Problem
        Without credentials, or where AWS rejects them.
    """
    with translated("asking who you are"):
        reply = clients.sts.get_caller_identity()
    date = reply["ResponseMetadata"]["HTTPHeaders"].get("date", "")
    return Login(
        arn=reply["Arn"],
        account_id=reply["Account"],
        minutes_left=minutes_left(clients),
        skew_seconds=skew_of(date, now=now().astimezone(UTC)),
    )


def can_list(clients: Clients, bucket: str) -> bool:
    """Check that a bucket exists and can be listed.

    Raises
    ------
    Problem
        If it cannot.
    """
    with translated(f"looking at the bucket {bucket}"):
        clients.s3.list_objects_v2(Bucket=bucket, MaxKeys=1)
    return True


def permissions(clients: Clients, who: Login, platform: Platform | None, *, name: str) -> tuple[Permission, ...]:
    """What the caller is permitted to do: by IAM's simulation where that is permitted, else by harmless calls.

    Parameters
    ----------
    platform
        The platform on AWS that is used; None: only the permissions for creating one are checked.
    name
        Name of the platform that would be created.
    """
    if who.arn.endswith(":root"):
        return ()
    needs = list(_needs(clients, who, platform, name))
    simulated = _simulate(clients, who, needs, name, boundary=_options_of(platform, name).get("permissions_boundary"))
    return simulated if simulated is not None else _try_all(clients, needs, platform, name)


def denied_actions(clients: Clients, platform: Platform | None, *, name: str) -> tuple[str, ...]:
    """The actions that IAM's simulation denies the caller; empty also where the caller may not simulate.

    Only actions that would be refused late are asked for. None of them is tried, and the calls are made one after
    the other, so that they leave no thread behind.

    Parameters
    ----------
    platform
        To submit scans to it; None: to create a platform.
    name
        The platform's name.

    Raises
    ------
    Problem
        Without credentials, or where AWS rejects them.
    """
    with translated("asking who you are"):
        reply = clients.sts.get_caller_identity()
    who = Login(arn=reply["Arn"], account_id=reply["Account"])
    if who.arn.endswith(":root"):
        return ()
    purpose = "up" if platform is None else "run"
    needs = [
        need
        for need in _needs(clients, who, platform, name)
        if need.purpose == purpose and (purpose == "up" or _LATE.intersection(need.actions))
    ]
    boundary = _options_of(platform, name).get("permissions_boundary")
    simulated = _simulate(clients, who, needs, name, boundary=boundary, threads=0) or ()
    return tuple(permission.action for permission in simulated if permission.state == "denied")


@dataclass(frozen=True)
class _Need:
    """Actions that are needed on the same resources."""

    purpose: Purpose
    actions: tuple[str, ...]
    resources: tuple[str, ...]


def _needs(clients: Clients, who: Login, platform: Platform | None, name: str) -> Iterator[_Need]:
    partition = who.arn.split(":")[1]
    at = f"{clients.region}:{who.account_id}"
    if platform is not None:
        bucket = f"arn:{partition}:s3:::{platform.data_bucket}"
        queues = tuple(model.job_queue for model in platform.models.values())
        definitions = tuple(model.job_definition for model in platform.models.values())
        job = f"arn:{partition}:batch:{at}:job/x"
        group = f"arn:{partition}:logs:{at}:log-group:{platform.log_group}:*"
        yield _Need("run", ("s3:ListBucket",), (bucket,))
        yield _Need("run", ("s3:GetObject", "s3:PutObject"), (f"{bucket}/opsctl/x",))
        yield _Need("run", ("batch:SubmitJob",), (*queues, *definitions, job))
        yield _Need("run", ("batch:TerminateJob",), (job,))
        yield _Need("run", ("batch:ListJobs", "batch:DescribeJobs", "batch:DescribeJobQueues"), ("*",))
        yield _Need("run", ("logs:FilterLogEvents",), (group,))
        parameter = f"arn:{partition}:ssm:{at}:parameter{record_parameter(platform.name)}"
        yield _Need("run", ("ssm:GetParameter",), (parameter,))
    options = _options_of(platform, name)
    prefix = resource_prefix(name, options.get("name_prefix") or "")
    role = f"arn:{partition}:iam::{who.account_id}:role{options.get('role_path') or '/'}{prefix}-{clients.region}-job"
    yield _Need("up", ("iam:CreateRole", "iam:PutRolePolicy", "iam:PassRole"), (role,))
    storage = f"arn:{partition}:s3:::{prefix}-{who.account_id}-{clients.region}"
    yield _Need("up", ("s3:CreateBucket",), (storage,))
    yield _Need("up", ("ecr:CreateRepository",), (f"arn:{partition}:ecr:{at}:repository/{prefix}",))
    # One resource each, by name: the policy for people who create platforms allows no more (docs/permissions.md).
    vpc_id = options.get("vpc_id")
    created = {
        **({"ec2:CreateSecurityGroup": f"ec2:{at}:vpc/{vpc_id}"} if vpc_id else {"ec2:CreateVpc": f"ec2:{at}:vpc/x"}),
        "ec2:CreateLaunchTemplate": f"ec2:{at}:launch-template/x",
        "batch:CreateComputeEnvironment": f"batch:{at}:compute-environment/{prefix}-csd-{'2' * _SUFFIX_DIGITS}",
        "batch:CreateJobQueue": f"batch:{at}:job-queue/{prefix}-csd",
        "batch:RegisterJobDefinition": f"batch:{at}:job-definition/{prefix}-csd",
    }
    for action, resource in created.items():
        yield _Need("up", (action,), (f"arn:{partition}:{resource}",))


def _options_of(platform: Platform | None, name: str) -> Mapping[str, Any]:
    """The options of the platform that would be created again; none for another one."""
    return platform.options if platform is not None and platform.name == name else {}


def _simulate(
    clients: Clients, who: Login, needs: Sequence[_Need], name: str, *, boundary: str | None, threads: int = 4
) -> tuple[Permission, ...] | None:
    """IAM's decision on each action; None where the caller may not simulate. With no threads, one after the other."""
    # As in the real calls: IAM treats a condition as false if its key is not in the context.
    context = {
        "aws:RequestedRegion": clients.region or "",
        f"aws:RequestTag/{_TAG}": name,
        "iam:PassedToService": "ecs-tasks.amazonaws.com",
        **({"iam:PermissionsBoundary": boundary} if boundary else {}),
    }
    try:
        principal = _principal(clients, who)
        # Creating a client is not thread-safe.
        iam = clients.iam

        def simulate(need: _Need) -> list[Permission]:
            reply = iam.simulate_principal_policy(
                PolicySourceArn=principal,
                ActionNames=list(need.actions),
                ResourceArns=list(need.resources),
                ContextEntries=[
                    {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                    for key, value in context.items()
                ],
            )
            return list(_decisions(need, reply["EvaluationResults"]))

        if not threads:
            return tuple(permission for need in needs for permission in simulate(need))
        with ThreadPoolExecutor(threads) as pool:
            return tuple(permission for permissions in pool.map(simulate, needs) for permission in permissions)
    except (ClientError, BotoCoreError, ResponseParserError):
        return None


def _decisions(need: _Need, results: Sequence[Any]) -> Iterator[Permission]:
    for action in need.actions:
        # IAM returns one result per action, or one per action and resource.
        decisions = [result["EvalDecision"] for result in results if result["EvalActionName"] == action]
        is_allowed = bool(decisions) and all(decision == "allowed" for decision in decisions)
        yield Permission(action, need.purpose, "allowed" if is_allowed else "denied")


def _principal(clients: Clients, who: Login) -> str:
    """The ARN that policies are attached to. STS returns an assumed role's session ARN, which lacks the role's path."""
    match = _ROLE_SESSION.match(who.arn)
    return clients.iam.get_role(RoleName=match.group(3))["Role"]["Arn"] if match else who.arn


def _try_all(clients: Clients, needs: Sequence[_Need], platform: Platform | None, name: str) -> tuple[Permission, ...]:
    tags: Any = [{"ResourceType": "vpc", "Tags": [{"Key": _TAG, "Value": name}]}]
    calls: dict[str, Callable[[], object]] = {
        "ec2:CreateVpc": lambda: clients.ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tags, DryRun=True),
    }
    if platform is not None:
        queue = next(iter(platform.models.values())).job_queue
        calls |= {
            "s3:ListBucket": lambda: clients.s3.list_objects_v2(Bucket=platform.data_bucket, MaxKeys=1),
            "batch:ListJobs": lambda: clients.batch.list_jobs(jobQueue=queue, maxResults=1),
            "batch:DescribeJobs": lambda: clients.batch.describe_jobs(jobs=["none"]),
            "batch:DescribeJobQueues": lambda: clients.batch.describe_job_queues(jobQueues=[queue]),
            "logs:FilterLogEvents": lambda: clients.logs.filter_log_events(
                logGroupName=platform.log_group, limit=1, startTime=0, endTime=1
            ),
            "ssm:GetParameter": lambda: clients.ssm.get_parameter(Name=record_parameter(platform.name)),
        }
    return tuple(
        Permission(action, need.purpose, _try_call(calls.get(action))) for need in needs for action in need.actions
    )


def _try_call(call: Callable[[], object] | None) -> State:
    if call is None:
        return "untested"
    try:
        call()
    except ClientError as error:
        code = code_of(error)
        if code in DENIED:
            return "denied"
        return "allowed" if code == _DRY_RUN_PERMITTED else "untested"
    except (BotoCoreError, ResponseParserError):
        return "untested"
    return "allowed"


def minutes_left(clients: Clients) -> int | None:
    """Minutes until the credentials expire; botocore only tells whether that is within a given time."""
    if not clients.expire_within(_LONGEST_MINUTES * 60):
        return None
    least, most = 0, _LONGEST_MINUTES
    while least < most:
        middle = (least + most) // 2
        if clients.expire_within(middle * 60):
            most = middle
        else:
            least = middle + 1
    return max(0, least - 1)

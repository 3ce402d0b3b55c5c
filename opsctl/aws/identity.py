"""What AWS tells a checkup: who we are, what we may do. Nothing is made, changed or paid for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.aws.refusals import DENIED, skew_of
from opsctl.core.diagnosis.doctor_facts import Login, Permission
from opsctl.core.platform.platform import Platform, record_parameter, resource_prefix

if TYPE_CHECKING:
    from opsctl.aws.clients import Clients

Purpose = Literal["run", "up"]
State = Literal["allowed", "denied", "untested"]

#: Credentials are asked whether they end within so many minutes, by halves.
_LONGEST_MINUTES = 7 * 24 * 60

_ROLE_SESSION = re.compile(r"^arn:([\w-]+):sts::(\d+):assumed-role/([^/]+)/")
_TAG = "opsctl:platform"
#: What Terraform puts behind the name of a compute environment.
_SUFFIX_DIGITS = 26
#: An action that works; `DryRun` says so by an error.
_WOULD_WORK = "DryRunOperation"


def login(clients: Clients, *, now: Callable[[], datetime]) -> Login:
    """Who AWS takes us for, until when, and how far apart the clocks are.

    Raises
    ------
    Problem
        Without credentials, or where AWS does not take them.
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
    """Whether a bucket is there and can be listed.

    Raises
    ------
    Problem
        Where it cannot.
    """
    with translated(f"looking at the bucket {bucket}"):
        clients.s3.list_objects_v2(Bucket=bucket, MaxKeys=1)
    return True


def permissions(clients: Clients, who: Login, platform: Platform | None, *, name: str) -> tuple[Permission, ...]:
    """What we may do: IAM's own simulation where that is permitted, else calls that do no harm.

    Parameters
    ----------
    platform
        The one on AWS that is used; None: then only what making one takes is looked at.
    name
        Of the platform that would be made.
    """
    if who.arn.endswith(":root"):
        return ()
    needs = list(_needs(clients, who, platform, name))
    found = _simulated(clients, who, needs, name)
    return found if found is not None else _tried(clients, needs, platform, name)


@dataclass(frozen=True)
class _Need:
    """Actions on the same resources."""

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
        group = f"arn:{partition}:logs:{at}:log-group:{platform.log_group}:*"
        yield _Need("run", ("s3:ListBucket",), (bucket,))
        yield _Need("run", ("s3:GetObject", "s3:PutObject"), (f"{bucket}/opsctl/x",))
        yield _Need("run", ("batch:SubmitJob",), (*queues, *definitions))
        yield _Need("run", ("batch:TerminateJob",), (f"arn:{partition}:batch:{at}:job/x",))
        yield _Need("run", ("batch:ListJobs", "batch:DescribeJobs", "batch:DescribeJobQueues"), ("*",))
        yield _Need("run", ("logs:FilterLogEvents",), (group,))
        parameter = f"arn:{partition}:ssm:{at}:parameter{record_parameter(platform.name)}"
        yield _Need("run", ("ssm:GetParameter",), (parameter,))
    prefix = resource_prefix(name)
    role = f"arn:{partition}:iam::{who.account_id}:role/{prefix}-{clients.region}-job"
    yield _Need("up", ("iam:CreateRole", "iam:PutRolePolicy", "iam:PassRole"), (role,))
    storage = f"arn:{partition}:s3:::{prefix}-{who.account_id}-{clients.region}"
    yield _Need("up", ("s3:CreateBucket",), (storage,))
    yield _Need("up", ("ecr:CreateRepository",), (f"arn:{partition}:ecr:{at}:repository/{prefix}",))
    # By name, one resource each: a policy for people who bring platforms up allows no more (docs/permissions.md).
    made = {
        "ec2:CreateVpc": f"ec2:{at}:vpc/x",
        "ec2:CreateLaunchTemplate": f"ec2:{at}:launch-template/x",
        "batch:CreateComputeEnvironment": f"batch:{at}:compute-environment/{prefix}-csd-{'2' * _SUFFIX_DIGITS}",
        "batch:CreateJobQueue": f"batch:{at}:job-queue/{prefix}-csd",
        "batch:RegisterJobDefinition": f"batch:{at}:job-definition/{prefix}-csd",
    }
    for action, resource in made.items():
        yield _Need("up", (action,), (f"arn:{partition}:{resource}",))


def _simulated(clients: Clients, who: Login, needs: Sequence[_Need], name: str) -> tuple[Permission, ...] | None:
    """IAM's word on each action; None where it may not be asked."""
    # What the real calls carry. IAM takes a condition whose key is not told for one that does not hold.
    context = {
        "aws:RequestedRegion": clients.region or "",
        f"aws:RequestTag/{_TAG}": name,
        "iam:PassedToService": "ecs-tasks.amazonaws.com",
    }
    try:
        principal = _principal(clients, who)
        # Making a client is not safe in threads.
        iam = clients.iam

        def ask(need: _Need) -> list[Permission]:
            reply = iam.simulate_principal_policy(
                PolicySourceArn=principal,
                ActionNames=list(need.actions),
                ResourceArns=list(need.resources),
                ContextEntries=[
                    {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                    for key, value in context.items()
                ],
            )
            return list(_decided(need, reply["EvaluationResults"]))

        with ThreadPoolExecutor(4) as pool:
            return tuple(one for found in pool.map(ask, needs) for one in found)
    except (ClientError, BotoCoreError):
        return None


def _decided(need: _Need, results: Sequence[Any]) -> Iterator[Permission]:
    for action in need.actions:
        # An action on several resources is one result, or one for each.
        decisions = [one["EvalDecision"] for one in results if one["EvalActionName"] == action]
        is_allowed = bool(decisions) and all(decision == "allowed" for decision in decisions)
        yield Permission(action, need.purpose, "allowed" if is_allowed else "denied")


def _principal(clients: Clients, who: Login) -> str:
    """The user or role that policies hang on: of an assumed role, STS tells the session's name without the path."""
    match = _ROLE_SESSION.match(who.arn)
    return clients.iam.get_role(RoleName=match.group(3))["Role"]["Arn"] if match else who.arn


def _tried(clients: Clients, needs: Sequence[_Need], platform: Platform | None, name: str) -> tuple[Permission, ...]:
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
        Permission(action, need.purpose, _outcome(calls.get(action))) for need in needs for action in need.actions
    )


def _outcome(call: Callable[[], object] | None) -> State:
    if call is None:
        return "untested"
    try:
        call()
    except ClientError as error:
        code = code_of(error)
        if code in DENIED:
            return "denied"
        return "allowed" if code == _WOULD_WORK else "untested"
    except BotoCoreError:
        return "untested"
    return "allowed"


def minutes_left(clients: Clients) -> int | None:
    """Until the credentials end, to the minute; botocore tells only whether it is within so many seconds."""
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

"""What AWS says of an account, which the local platform does not know: its plan, its quotas, refused launches."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.sax.saxutils import escape

from support.aws_refusals import ALWAYS, Answer

#: EC2's quotas on vCPUs of standard instances on demand and as Spot; EBS's on TiB of gp3.
ON_DEMAND, SPOT, GP3 = "L-1216C47A", "L-34B43A08", "L-7A658B76"
_DEFAULTS = {ON_DEMAND: 2_000.0, SPOT: 2_000.0, GP3: 50.0}
_METADATA = "<ResponseMetadata><RequestId>0</RequestId></ResponseMetadata>"


def quota(code: str, value: float) -> Answer:
    """One of the account's quotas."""
    service = "ebs" if code == GP3 else "ec2"
    document = {"Quota": {"ServiceCode": service, "QuotaCode": code, "Value": value}}
    return Answer("servicequotas", "GetServiceQuota", having=code, times=ALWAYS, document=document)


def account_plan(kind: str) -> Answer:
    """The account's plan: `FREE` or `PAID`."""
    document = {"accountId": "123456789012", "accountPlanType": kind, "accountPlanStatus": "ACTIVE"}
    return Answer("freetier", "GetAccountPlanState", times=ALWAYS, document=document)


def launches(environment: str, *refused: str) -> tuple[Answer, ...]:
    """The Auto Scaling group of a compute environment, and its last launches: each refused with a message of AWS's.

    Batch names the group after the environment: https://github.com/aws/aws-parallelcluster/issues/1944 has a reply.
    """
    group = f"{environment}-asg-0b9f5c3e-7d0a-3f0e-9b1c-5d2f1a7c9e42"
    groups = (
        f"<member><AutoScalingGroupName>{group}</AutoScalingGroupName><MinSize>0</MinSize><MaxSize>256</MaxSize>"
        "<DesiredCapacity>1</DesiredCapacity><DefaultCooldown>300</DefaultCooldown><AvailabilityZones><member>us-east-1a"
        "</member></AvailabilityZones><HealthCheckType>EC2</HealthCheckType><CreatedTime>2026-11-28T12:00:00Z"
        "</CreatedTime></member>"
    )

    def activities() -> str:
        # The launches of this moment: earlier ones are no reason for a job to wait.
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        members = "".join(_activity(number, group, message, at=now) for number, message in enumerate(refused))
        return _reply("DescribeScalingActivities", f"<Activities>{members}</Activities>")

    described = _reply("DescribeAutoScalingGroups", f"<AutoScalingGroups>{groups}</AutoScalingGroups>")
    return (
        Answer("autoscaling", "DescribeAutoScalingGroups", times=ALWAYS, document=described),
        Answer("autoscaling", "DescribeScalingActivities", times=ALWAYS, document=activities),
    )


def _reply(operation: str, result: str) -> str:
    namespace = "http://autoscaling.amazonaws.com/doc/2011-01-01/"
    result = f"<{operation}Result>{result}</{operation}Result>"
    return f'<{operation}Response xmlns="{namespace}">{result}{_METADATA}</{operation}Response>'


def _activity(number: int, group: str, message: str, *, at: str) -> str:
    # An instance that was launched and ended before it was in service.
    ended = "Termination Reason" in message
    status = escape(message if ended else f"{message} Launching EC2 instance failed.")
    return (
        f"<member><ActivityId>{number}</ActivityId><AutoScalingGroupName>{group}</AutoScalingGroupName><Description>"
        f"Launching a new EC2 instance.  Status Reason: {status}</Description><Cause>At {at} an instance was started "
        "in response to a difference between desired and actual capacity, increasing the capacity from 0 to 1.</Cause>"
        f"<StartTime>{at}</StartTime><EndTime>{at}</EndTime>"
        f"<StatusCode>{'Cancelled' if ended else 'Failed'}</StatusCode>"
        f"<StatusMessage>{status}</StatusMessage><Progress>100</Progress>"
        '<Details>{"Subnet ID":"subnet-1","Availability Zone":"us-east-1a"}</Details></member>'
    )


def usual_account(environment: str) -> tuple[Answer, ...]:
    """An account that no limit stands in the way of."""
    quotas = [quota(code, value) for code, value in _DEFAULTS.items()]
    return (*quotas, account_plan("PAID"), *launches(environment))

"""Reads how the launches of a compute environment's instances went: the activities of its Auto Scaling groups.

Batch keeps a launch that EC2 refuses to itself: the job stays RUNNABLE, and only the activity has AWS's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from opsctl.aws.look import look
from opsctl.core.diagnosis.queue_snapshot import Launch, NotVisible

_NEWEST = 20
Outcome = Literal["refused", "launched", "pending"]
_OUTCOMES: dict[str, Outcome] = {"Failed": "refused", "Successful": "launched"}
#: An instance that ends before it is in service: its activity is Cancelled, and the message says why it ended.
_ENDED_AT_ONCE = "Termination Reason"


def launches_of(client: Any, environments: Sequence[str]) -> tuple[Launch, ...] | NotVisible:
    """The newest launches of some compute environments, newest first.

    Parameters
    ----------
    client
        Of Auto Scaling.
    environments
        The compute environments' names.
    """
    if not environments:
        return ()

    def ask() -> tuple[Launch, ...]:
        groups = list(_groups(client, environments))
        launches = [launch for group, name in groups for launch in _launches(client, group, name)]
        return tuple(sorted(launches, key=lambda launch: launch.age_seconds))

    return look("autoscaling:DescribeScalingActivities", ask)


def _groups(client: Any, environments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The Auto Scaling groups that Batch made for the environments, each with its environment."""
    # `ENVIRONMENT-asg-UUID`; where Batch uses its service-linked role, `AWSBatch-ENVIRONMENT-asg-UUID`.
    patterns = {name: re.compile(rf"(AWSBatch-)?{re.escape(name)}-asg-") for name in environments}
    for page in client.get_paginator("describe_auto_scaling_groups").paginate():
        for group in page["AutoScalingGroups"]:
            for name, pattern in patterns.items():
                if pattern.match(group["AutoScalingGroupName"]):
                    yield group["AutoScalingGroupName"], name


def _launches(client: Any, group: str, environment: str) -> Iterator[Launch]:
    reply = client.describe_scaling_activities(AutoScalingGroupName=group, MaxRecords=_NEWEST)
    now = datetime.now(UTC)
    for activity in reply["Activities"]:
        # The others end instances.
        if activity.get("Description", "").startswith("Launching"):
            message = activity.get("StatusMessage", "")
            outcome: Outcome = _OUTCOMES.get(activity["StatusCode"], "pending")
            yield Launch(
                environment=environment,
                age_seconds=(now - activity["StartTime"]).total_seconds(),
                outcome="refused" if _ENDED_AT_ONCE in message else outcome,
                message=message,
            )

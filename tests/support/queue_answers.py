"""AWS's answers about one queue, and a client that gives them and notes what it was asked."""

from __future__ import annotations

import dataclasses
import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.validate import ParamValidator

from opsctl.aws.batch.queue_snapshot import take_snapshot
from opsctl.aws.clients import Clients
from opsctl.core.diagnosis.queue_snapshot import (
    QueueSnapshot,
)
from opsctl.core.runs.manifest import Run
from support.example_platform import platform
from support.launch_messages import FREE_TIER, KMS_DENIED

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g:0.1.0"
PLATFORM = platform()
RUN = Run(
    run_id="HNU1-20261122-120000-ab12",
    dataset="s3://data/HNU1",
    output="s3://data/HNU1/derivatives/x",
    m2g={},
    model="csd",
    image=IMAGE,
    platform="m2g",
    region="us-east-1",
    scans=("sub-01",),
    created_at="2026-11-22T12:00:00Z",
    created_by="ada",
    command_line=("opsctl", "run", "HNU1"),
    opsctl_version="0.1.0",
    keys=("k",),
    sizes=(1,),
    resources="csd",
    attempt_timeout_seconds=21_600,
)
RESOURCES = {
    "type": "EC2",
    "minvCpus": 0,
    "maxvCpus": 512,
    "desiredvCpus": 6,
    "instanceTypes": ["r5.large"],
    "subnets": ["subnet-b", "subnet-a"],
    "securityGroupIds": ["sg-1"],
}
ENVIRONMENT = {
    "computeEnvironmentName": "env",
    "computeEnvironmentArn": "arn:environment-csd",
    "state": "ENABLED",
    "status": "INVALID",
    "statusReason": "CLIENT_ERROR - x",
    "computeResources": RESOURCES,
}
QUEUE = {
    "jobQueueName": "q",
    "jobQueueArn": "arn:queue-csd",
    "state": "DISABLED",
    "status": "VALID",
    "statusReason": "healthy",
    "priority": 1,
    "computeEnvironmentOrder": [],
}


def plain(job_id: str, created_at: int, **more: Any) -> dict[str, Any]:
    return {"jobId": job_id, "jobName": job_id, "createdAt": created_at, **more}


#: What the queue holds: an array with children in three states, and a plain job at the head with Batch's reason.
LISTED = {
    "PENDING": [plain("array", 7, arrayProperties={"size": 300})],
    "RUNNABLE": [plain("head", 3, statusReason="CAPACITY:x")],
}
COUNTS = {"RUNNABLE": 40, "PENDING": 4, "STARTING": 6, "RUNNING": 250, "SUCCEEDED": 0}


def instance(kind: str, cores: int, **more: Any) -> dict[str, Any]:
    return {"InstanceType": kind, "CpuOptions": {"CoreCount": cores, "ThreadsPerCore": 2}, **more}


def route(target: str, name: str = "GatewayId", **more: Any) -> dict[str, Any]:
    return {"DestinationCidrBlock": "0.0.0.0/0", name: target, **more}


def group(name: str) -> dict[str, Any]:
    return {"AutoScalingGroupName": name}


def activity(minutes: float, status: str, message: str = "", **more: Any) -> dict[str, Any]:
    """An activity that began some minutes ago."""
    return {
        "ActivityId": "a",
        "AutoScalingGroupName": "env-asg-59cfd8b7",
        "Description": "Launching a new EC2 instance",
        "StartTime": datetime.now(UTC) - timedelta(minutes=minutes),
        "StatusCode": status,
        "Cause": "At 2026-11-28T12:00:00Z an instance was started in response to a difference",
        **({"StatusMessage": message} if message else {}),
        **more,
    }


ANSWERS: dict[str, Any] = {
    "DescribeJobQueues": {"jobQueues": [QUEUE]},
    "DescribeComputeEnvironments": {"computeEnvironments": [ENVIRONMENT]},
    "ListJobs": lambda asked: {"jobSummaryList": LISTED.get(asked["jobStatus"], [])},
    "DescribeJobs": {
        "jobs": [
            {
                **plain("array", 7, arrayProperties={"size": 300, "statusSummary": COUNTS}),
                "jobQueue": "arn:queue-csd",
                "status": "PENDING",
                "startedAt": 0,
                "jobDefinition": "d",
            }
        ]
    },
    "DescribeInstanceTypes": {"InstanceTypes": [{"VCpuInfo": {"DefaultVCpus": 2}, "MemoryInfo": {"SizeInMiB": 16384}}]},
    "DescribeLogGroups": {"logGroups": [{"logGroupName": "/opsctl/m2g-other"}, {"logGroupName": "/opsctl/m2g"}]},
    "GetServiceQuota": {"Quota": {"Value": 640.0}},
    "DescribeInstances": {
        "Reservations": [
            {"Instances": [instance("r5.large", 1), instance("r5.large", 1, InstanceLifecycle="spot")]},
            {"Instances": [instance("g4dn.xlarge", 2), instance("m5.4xlarge", 8)]},
        ]
    },
    "DescribeImages": {"imageDetails": [{}]},
    "DescribeSubnets": {
        "Subnets": [
            {"SubnetId": "subnet-a", "VpcId": "vpc-1", "MapPublicIpOnLaunch": True},
            {"SubnetId": "subnet-b", "VpcId": "vpc-1", "MapPublicIpOnLaunch": False},
        ]
    },
    "DescribeRouteTables": {
        "RouteTables": [
            {"VpcId": "vpc-1", "Associations": [{"Main": True}], "Routes": [route("igw-gone", State="blackhole")]},
            {"VpcId": "vpc-1", "Associations": [{"SubnetId": "subnet-a"}], "Routes": [route("igw-1", State="active")]},
        ]
    },
    "DescribeVpcEndpoints": {
        "VpcEndpoints": [
            {
                "VpcEndpointId": "vpce-1",
                "VpcEndpointType": "Interface",
                "ServiceName": "com.amazonaws.us-east-1.ecr.api",
                "State": "available",
                "PrivateDnsEnabled": True,
            }
        ]
    },
    "DescribeSecurityGroups": {"SecurityGroups": [{"GroupId": "sg-1", "IpPermissionsEgress": [{"IpProtocol": "-1"}]}]},
    "DescribeAutoScalingGroups": {"AutoScalingGroups": [group("env-asg-59cfd8b7"), group("env-2-asg-59cfd8b7")]},
    # Their times count from the call: this module may have been imported long before.
    "DescribeScalingActivities": lambda _: {
        "Activities": [
            activity(5, "WaitingForInstanceId"),
            activity(9, "Cancelled", KMS_DENIED),
            activity(20, "Failed", FREE_TIER),
            activity(25, "Successful", Description="Terminating EC2 instance: i-1"),
            activity(30, "Successful"),
        ]
    },
}
SERVICES = ("batch", "ec2", "ecr", "service_quotas", "logs", "autoscaling")


class Aws:
    """Answers by operation, whichever thread asks first; replies must be of the shape that AWS's model has."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients
        self.asked: dict[str, list[Any]] = defaultdict(list)
        self.answers: dict[str, Any] = dict(ANSWERS)
        self.refused: dict[str, tuple[int, str]] = {}
        self._params = threading.local()
        for service in SERVICES:
            events = getattr(clients, service).meta.events
            events.register("provide-client-params", self._note, unique_id="aws-note")
            events.register("before-call", self._answer, unique_id="aws-answer")

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.asked[model.name].append(params)
        self._params.now = params

    def _answer(self, model: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        if model.name in self.refused:
            status, code = self.refused[model.name]
            return self._reply(status, {"Error": {"Code": code, "Message": "not you"}})
        found = self.answers[model.name]
        reply = found(self._params.now) if isinstance(found, Callable) else found  # type: ignore[arg-type]
        shape = model.output_shape
        wrong = ParamValidator().validate(reply, shape)
        kinds = {error[0] for error in wrong._errors} - {"missing required field"}
        assert not kinds, wrong.generate_report()
        return self._reply(200, reply)

    @staticmethod
    def _reply(status: int, value: dict[str, Any]) -> tuple[AWSResponse, dict[str, Any]]:
        return AWSResponse("https://x", status, {}, None), {**value, "ResponseMetadata": {"HTTPStatusCode": status}}

    def facts(self, *, run: Run = RUN, **changes: Any) -> QueueSnapshot:
        return take_snapshot(self.clients, dataclasses.replace(PLATFORM, **changes), run)

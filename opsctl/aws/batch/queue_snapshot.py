"""Gathers what can be seen of a platform's queue; what a permission hides is said to be hidden, not taken for fine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from botocore.exceptions import ClientError

from opsctl.aws.clients import Clients
from opsctl.aws.ecr.image import ecr_parts
from opsctl.aws.errors import code_of, translated
from opsctl.aws.refusals import DENIED
from opsctl.core.diagnosis.queue_snapshot import (
    ComputeEnvironment,
    Image,
    InstanceType,
    NotVisible,
    Queue,
    QueuedJob,
    QueueSnapshot,
    Quota,
    SecurityGroup,
    Subnet,
)
from opsctl.core.errors import Problem
from opsctl.core.platform.platform import Platform

T = TypeVar("T")

#: EC2's quotas on the vCPUs of the standard families (A, C, D, H, I, M, R, T, Z).
_ON_DEMAND_QUOTA, _SPOT_QUOTA = "L-1216C47A", "L-34B43A08"
_STANDARD = re.compile(r"^(a|c|d|h|i|m|r|t|z)\d|^im\d|^is\d")
_WAITING, _RUNNING = ("SUBMITTED", "PENDING", "RUNNABLE"), ("STARTING", "RUNNING")
_DESCRIBE_LIMIT = 100


class JobRequirements(Protocol):
    """What is to run: a run, or a scan that nobody has submitted."""

    @property
    def resources(self) -> str:
        """Whose queue, `csd` or `csa`."""

    @property
    def memory_mib(self) -> int | None:
        """What a job gets, where it is not the job definition's own."""

    @property
    def image(self) -> str:
        """What the jobs run."""


def gather(clients: Clients, platform: Platform, run: JobRequirements) -> QueueSnapshot:
    """Ask AWS for everything that may keep a run's jobs from starting, at once where one answer needs no other.

    Parameters
    ----------
    clients
        Of the platform.
    run
        Says whose queue, how much memory, and which image.

    Raises
    ------
    Problem
        Never for a single fact: that is then `NotVisible`.
    """
    resources = platform.models[run.resources]
    asker = _Asker(clients, is_spot=platform.spot)
    # Making a client is not safe in threads.
    clients.batch, clients.ec2, clients.ecr, clients.service_quotas, clients.logs  # noqa: B018
    with ThreadPoolExecutor(9) as pool:

        def ask(action: str, look: Callable[[], T]) -> Callable[[], T | NotVisible]:
            return pool.submit(_looked, action, look).result

        queue = ask("batch:DescribeJobQueues", lambda: asker.queue(resources.job_queue))
        own = ask("batch:DescribeComputeEnvironments", lambda: asker.environments([resources.compute_environment]))
        line = ask("batch:ListJobs", lambda: asker.line(resources.job_queue))
        kind = ask("ec2:DescribeInstanceTypes", lambda: asker.instance_type(resources.instance_type))
        has_group = ask("logs:DescribeLogGroups", lambda: asker.has_log_group(platform.log_group))
        on_aws = not platform.is_local
        quota = ask("servicequotas:GetServiceQuota", asker.quota) if on_aws else _nothing
        used = ask("ec2:DescribeInstances", asker.vcpus_in_use) if on_aws else _nothing
        image = ask("ecr:DescribeImages", lambda: asker.image(run.image)) if on_aws else _nothing
        environments = own()
        found = () if isinstance(environments, NotVisible) else environments
        subnet_ids = sorted({one for environment in found for one in environment.subnet_ids})
        group_ids = sorted({one for environment in found for one in environment.security_group_ids})
        subnets = ask("ec2:DescribeSubnets", lambda: asker.subnets(subnet_ids))
        groups = ask("ec2:DescribeSecurityGroups", lambda: asker.security_groups(group_ids))
        # Without the environments nobody knows which subnets they are.
        unknown = environments if isinstance(environments, NotVisible) else None
        return QueueSnapshot(
            vcpus=resources.vcpus,
            memory_mib=run.memory_mib or resources.memory_mib,
            is_spot=platform.spot,
            is_local=platform.is_local,
            queue=queue(),
            environments=environments,
            line=line(),
            quota=quota(),
            vcpus_in_use=used(),
            subnets=unknown or subnets(),
            security_groups=unknown or groups(),
            image=image(),
            instance_type=kind(),
            has_log_group=has_group(),
        )


def vcpu_quota(clients: Clients, *, is_spot: bool) -> Quota | NotVisible:
    """The account's limit on vCPUs, for whoever has no platform yet."""
    return _looked("servicequotas:GetServiceQuota", _Asker(clients, is_spot=is_spot).quota)


def _nothing() -> None:
    return None


def _looked(action: str, look: Callable[[], T]) -> T | NotVisible:
    try:
        with translated("looking for causes"):
            return look()
    except Problem as problem:
        error = problem.__cause__
        if isinstance(error, ClientError) and code_of(error) in DENIED:
            service = action.partition(":")[0]
            return NotVisible(f"{service}:{error.operation_name}", "is not permitted")
        return NotVisible(action, f"failed ({problem.what.rstrip('.')})")


class _Asker:
    """AWS's replies as facts; errors are the caller's."""

    def __init__(self, clients: Clients, *, is_spot: bool) -> None:
        self._clients = clients
        self._is_spot = is_spot

    def queue(self, arn: str) -> Queue | None:
        """The job queue, None where there is none."""
        for one in self._clients.batch.describe_job_queues(jobQueues=[arn])["jobQueues"]:
            return Queue(
                name=one["jobQueueName"],
                state=one["state"],
                status=one.get("status", "VALID"),
                reason=one.get("statusReason", ""),
            )
        return None

    def environments(self, arns: Sequence[str]) -> tuple[ComputeEnvironment, ...]:
        """The compute environments; one that is gone is missing."""
        reply = self._clients.batch.describe_compute_environments(computeEnvironments=list(arns))
        return tuple(_environment(one) for one in reply["computeEnvironments"])

    def line(self, queue: str) -> tuple[QueuedJob, ...]:
        """What the queue holds, oldest first; arrays counted by Batch."""
        batch = self._clients.batch
        pages = batch.get_paginator("list_jobs")
        found: dict[str, QueuedJob] = {}
        parents = []
        for status in (*_WAITING, *_RUNNING):
            for page in pages.paginate(jobQueue=queue, jobStatus=status):  # type: ignore[arg-type]
                for one in page["jobSummaryList"]:
                    if "size" in one.get("arrayProperties", {}):
                        parents.append(one["jobId"])
                    else:
                        found[one["jobId"]] = _queued(one, {status: 1})
        for start in range(0, len(parents), _DESCRIBE_LIMIT):
            for detail in batch.describe_jobs(jobs=parents[start : start + _DESCRIBE_LIMIT])["jobs"]:
                found[detail["jobId"]] = _queued(detail, detail["arrayProperties"].get("statusSummary", {}))
        return tuple(sorted(found.values(), key=lambda one: one.created_at_ms))

    def instance_type(self, name: str) -> InstanceType:
        """How large an instance is."""
        (one,) = self._clients.ec2.describe_instance_types(InstanceTypes=[name])["InstanceTypes"]  # type: ignore[list-item]
        return InstanceType(name, one["VCpuInfo"]["DefaultVCpus"], one["MemoryInfo"]["SizeInMiB"])

    def has_log_group(self, name: str) -> bool:
        """Whether the jobs' log group is there."""
        reply = self._clients.logs.describe_log_groups(logGroupNamePrefix=name)
        return any(one["logGroupName"] == name for one in reply["logGroups"])

    def quota(self) -> Quota:
        """The account's limit that these instances count against."""
        code = _SPOT_QUOTA if self._is_spot else _ON_DEMAND_QUOTA
        reply = self._clients.service_quotas.get_service_quota(ServiceCode="ec2", QuotaCode=code)
        return Quota(code, int(reply["Quota"]["Value"]))

    def vcpus_in_use(self) -> int:
        """What counts against that limit now, whoever started it."""
        pages = self._clients.ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        )
        instances = [one for page in pages for group in page["Reservations"] for one in group["Instances"]]
        return sum(
            one["CpuOptions"]["CoreCount"] * one["CpuOptions"]["ThreadsPerCore"]
            for one in instances
            if _STANDARD.match(one["InstanceType"]) and (one.get("InstanceLifecycle") == "spot") == self._is_spot
        )

    def image(self, uri: str) -> Image:
        """Whether the image is there; only ECR is asked."""
        parts = ecr_parts(uri)
        if parts is None or parts["region"] != self._clients.region:
            return Image(uri, None)
        image_id: Any = {"imageDigest": parts["digest"]} if parts["digest"] else {"imageTag": parts["tag"] or "latest"}
        try:
            self._clients.ecr.describe_images(
                registryId=parts["account"], repositoryName=parts["repository"], imageIds=[image_id]
            )
        except ClientError as error:
            if code_of(error) in ("ImageNotFoundException", "RepositoryNotFoundException"):
                return Image(uri, False)
            raise
        return Image(uri, True)

    def subnets(self, ids: Sequence[str]) -> tuple[Subnet, ...]:
        """The subnets and where their routes lead; one without a table of its own has its network's main one."""
        if not ids:
            return ()
        ec2 = self._clients.ec2
        found = ec2.describe_subnets(SubnetIds=list(ids))["Subnets"]
        networks = sorted({one["VpcId"] for one in found})
        tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": networks}])["RouteTables"]
        by_subnet: dict[str, Any] = {}
        by_network: dict[str, Any] = {}
        for table in tables:
            for link in table.get("Associations", ()):
                if link.get("Main"):
                    by_network[table["VpcId"]] = table
                elif "SubnetId" in link:
                    by_subnet[link["SubnetId"]] = table
        return tuple(
            Subnet(
                one["SubnetId"],
                bool(one.get("MapPublicIpOnLaunch")),
                _way_out(by_subnet.get(one["SubnetId"]) or by_network.get(one["VpcId"]) or {}),
            )
            for one in found
        )

    def security_groups(self, ids: Sequence[str]) -> tuple[SecurityGroup, ...]:
        """Whether the security groups let anything out."""
        if not ids:
            return ()
        found = self._clients.ec2.describe_security_groups(GroupIds=list(ids))["SecurityGroups"]
        return tuple(SecurityGroup(one["GroupId"], bool(one.get("IpPermissionsEgress"))) for one in found)


def _environment(one: Any) -> ComputeEnvironment:
    resources = one.get("computeResources", {})
    return ComputeEnvironment(
        name=one["computeEnvironmentName"],
        state=one.get("state", "ENABLED"),
        status=one.get("status", "VALID"),
        reason=one.get("statusReason", ""),
        max_vcpus=resources.get("maxvCpus", 0),
        desired_vcpus=resources.get("desiredvCpus", 0),
        instance_types=tuple(resources.get("instanceTypes", ())),
        subnet_ids=tuple(resources.get("subnets", ())),
        security_group_ids=tuple(resources.get("securityGroupIds", ())),
    )


def _queued(one: Any, counts: Any) -> QueuedJob:
    return QueuedJob(
        job_id=one["jobId"],
        created_at_ms=one["createdAt"],
        waiting=_sum(counts, _WAITING),
        running=_sum(counts, _RUNNING),
        reason=one.get("statusReason", ""),
    )


def _sum(counts: Any, statuses: Iterable[str]) -> int:
    return sum(counts.get(status, 0) for status in statuses)


def _way_out(table: Any) -> str:
    for route in table.get("Routes", ()):
        if route.get("DestinationCidrBlock") == "0.0.0.0/0" and route.get("State", "active") == "active":
            for name in ("GatewayId", "NatGatewayId", "TransitGatewayId", "NetworkInterfaceId", "InstanceId"):
                if route.get(name):
                    return str(route[name])
    return ""

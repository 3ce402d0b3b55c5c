"""Gathers the state of a platform's job queue. What the caller may not see is marked as not visible."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from opsctl.aws.account import vcpu_quota
from opsctl.aws.batch.launches import launches_of
from opsctl.aws.batch.machine_image import has_newer_image
from opsctl.aws.clients import Clients
from opsctl.aws.ecr.image import find_image
from opsctl.aws.look import look
from opsctl.aws.platform.network import read_subnets
from opsctl.core.diagnosis.queue_snapshot import (
    ComputeEnvironment,
    InstanceType,
    NotVisible,
    Queue,
    QueuedJob,
    QueueSnapshot,
    SecurityGroup,
)
from opsctl.core.platform.platform import Platform
from opsctl.core.platform.subnet import Subnet

T = TypeVar("T")

#: The standard families, which EC2's quotas on vCPUs are about.
_STANDARD = re.compile(r"^(a|c|d|h|i|m|r|t|z)\d|^im\d|^is\d")
_WAITING, _RUNNING = ("SUBMITTED", "PENDING", "RUNNABLE"), ("STARTING", "RUNNING")
_DESCRIBE_LIMIT = 100


class JobRequirements(Protocol):
    """What the jobs of a run, or of one scan, need."""

    @property
    def resources(self) -> str:
        """The model whose queue is used, `csd` or `csa`."""

    @property
    def memory_mib(self) -> int | None:
        """Memory of a job; None: as in the job definition."""

    @property
    def vcpus(self) -> int | None:
        """The vCPUs of a job; None: as in the job definition."""

    @property
    def image(self) -> str:
        """The jobs' image."""


def take_snapshot(clients: Clients, platform: Platform, run: JobRequirements) -> QueueSnapshot:
    """Ask AWS for everything that may keep a run's jobs from starting, in parallel where possible.

    Parameters
    ----------
    clients
        Clients of the platform.
    run
        The queue, the memory and the image.

    Raises
    ------
    Problem
        Never for a single call that fails: its field is then `NotVisible`.
    """
    resources = platform.models[run.resources]
    calls = _Calls(clients, is_spot=platform.spot)
    # Creating a client is not thread-safe.
    clients.batch, clients.ec2, clients.ecr, clients.service_quotas, clients.logs, clients.autoscaling  # noqa: B018
    with ThreadPoolExecutor(9) as pool:

        def start(action: str, call: Callable[[], T]) -> Callable[[], T | NotVisible]:
            return pool.submit(look, action, call).result

        queue = start("batch:DescribeJobQueues", lambda: calls.queue(resources.job_queue))
        has_fallback = platform.spot and platform.spot_fallback
        # Only the queue tells which the second environment is: the platform's record has the first one's name.
        attached = queue() if has_fallback else None
        arns = attached.environments if isinstance(attached, Queue) and attached.environments else None
        own_environments = start(
            "batch:DescribeComputeEnvironments", lambda: calls.environments(arns or [resources.compute_environment])
        )
        jobs = start("batch:ListJobs", lambda: calls.queued_jobs(resources.job_queue))
        instance_type = start("ec2:DescribeInstanceTypes", lambda: calls.instance_type(resources.instance_type))
        has_group = start("logs:DescribeLogGroups", lambda: calls.has_log_group(platform.log_group))
        is_on_aws = not platform.is_local
        quota = pool.submit(vcpu_quota, clients, is_spot=platform.spot).result if is_on_aws else _not_asked
        fallback = pool.submit(vcpu_quota, clients, is_spot=False).result if has_fallback else _not_asked
        used = start("ec2:DescribeInstances", calls.vcpus_in_use) if is_on_aws else _not_asked
        image = pool.submit(find_image, clients.ecr, run.image).result if is_on_aws else _not_asked
        environments = own_environments()
        visible = () if isinstance(environments, NotVisible) else environments
        subnet_ids = sorted({subnet_id for environment in visible for subnet_id in environment.subnet_ids})
        group_ids = sorted({group_id for environment in visible for group_id in environment.security_group_ids})
        subnets = start("ec2:DescribeSubnets", lambda: calls.subnets(subnet_ids))
        groups = start("ec2:DescribeSecurityGroups", lambda: calls.security_groups(group_ids))
        names = [environment.name for environment in visible] if is_on_aws else []
        launches = pool.submit(launches_of, clients.autoscaling, names).result
        # Only the environments tell which subnets and security groups are used.
        unknown = environments if isinstance(environments, NotVisible) else None
        return QueueSnapshot(
            vcpus=run.vcpus or resources.vcpus,
            memory_mib=run.memory_mib or resources.memory_mib,
            is_spot=platform.spot,
            is_local=platform.is_local,
            queue=queue(),
            environments=environments,
            line=jobs(),
            quota=quota(),
            vcpus_in_use=used(),
            subnets=unknown or subnets(),
            security_groups=unknown or groups(),
            image=image(),
            instance_type=instance_type(),
            has_log_group=has_group(),
            fallback_quota=fallback(),
            launches=(unknown if is_on_aws else None) or launches(),
        )


def _not_asked() -> None:
    return None


class _Calls:
    """Calls of AWS whose replies become values of the snapshot; errors pass to the caller."""

    def __init__(self, clients: Clients, *, is_spot: bool) -> None:
        self._clients = clients
        self._is_spot = is_spot

    def queue(self, arn: str) -> Queue | None:
        """The job queue; None if it does not exist."""
        for queue in self._clients.batch.describe_job_queues(jobQueues=[arn])["jobQueues"]:
            return Queue(
                name=queue["jobQueueName"],
                state=queue["state"],
                status=queue.get("status", "VALID"),
                reason=queue.get("statusReason", ""),
                environments=tuple(entry["computeEnvironment"] for entry in queue.get("computeEnvironmentOrder", ())),
            )
        return None

    def environments(self, arns: Sequence[str]) -> tuple[ComputeEnvironment, ...]:
        """The compute environments that exist."""
        reply = self._clients.batch.describe_compute_environments(computeEnvironments=list(arns))
        return tuple(_environment(environment) for environment in reply["computeEnvironments"])

    def queued_jobs(self, queue: str) -> tuple[QueuedJob, ...]:
        """The queue's jobs, oldest first; Batch counts the children of array jobs."""
        batch = self._clients.batch
        paginator = batch.get_paginator("list_jobs")
        jobs: dict[str, QueuedJob] = {}
        parent_ids = []
        for status in (*_WAITING, *_RUNNING):
            for page in paginator.paginate(jobQueue=queue, jobStatus=status):  # type: ignore[arg-type]
                for summary in page["jobSummaryList"]:
                    if "size" in summary.get("arrayProperties", {}):
                        parent_ids.append(summary["jobId"])
                    else:
                        jobs[summary["jobId"]] = _queued_job(summary, {status: 1})
        for start in range(0, len(parent_ids), _DESCRIBE_LIMIT):
            for detail in batch.describe_jobs(jobs=parent_ids[start : start + _DESCRIBE_LIMIT])["jobs"]:
                jobs[detail["jobId"]] = _queued_job(detail, detail["arrayProperties"].get("statusSummary", {}))
        return tuple(sorted(jobs.values(), key=lambda job: job.created_at_ms))

    def instance_type(self, name: str) -> InstanceType:
        """An instance type's vCPUs and memory."""
        (reply,) = self._clients.ec2.describe_instance_types(InstanceTypes=[name])["InstanceTypes"]  # type: ignore[list-item]
        return InstanceType(name, reply["VCpuInfo"]["DefaultVCpus"], reply["MemoryInfo"]["SizeInMiB"])

    def has_log_group(self, name: str) -> bool:
        """Whether the jobs' log group exists."""
        reply = self._clients.logs.describe_log_groups(logGroupNamePrefix=name)
        return any(group["logGroupName"] == name for group in reply["logGroups"])

    def vcpus_in_use(self) -> int:
        """The vCPUs of all instances that count against that quota now."""
        pages = self._clients.ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        )
        instances = [
            instance for page in pages for reservation in page["Reservations"] for instance in reservation["Instances"]
        ]
        return sum(
            instance["CpuOptions"]["CoreCount"] * instance["CpuOptions"]["ThreadsPerCore"]
            for instance in instances
            if _STANDARD.match(instance["InstanceType"])
            and (instance.get("InstanceLifecycle") == "spot") == self._is_spot
        )

    def subnets(self, ids: Sequence[str]) -> tuple[Subnet, ...]:
        """The subnets and their ways to AWS."""
        return read_subnets(self._clients.ec2, ids)

    def security_groups(self, ids: Sequence[str]) -> tuple[SecurityGroup, ...]:
        """The security groups and whether they allow outgoing traffic."""
        if not ids:
            return ()
        groups = self._clients.ec2.describe_security_groups(GroupIds=list(ids))["SecurityGroups"]
        return tuple(SecurityGroup(group["GroupId"], bool(group.get("IpPermissionsEgress"))) for group in groups)


def _environment(reply: Any) -> ComputeEnvironment:
    resources = reply.get("computeResources", {})
    return ComputeEnvironment(
        name=reply["computeEnvironmentName"],
        state=reply.get("state", "ENABLED"),
        status=reply.get("status", "VALID"),
        reason=reply.get("statusReason", ""),
        max_vcpus=resources.get("maxvCpus", 0),
        desired_vcpus=resources.get("desiredvCpus", 0),
        instance_types=tuple(resources.get("instanceTypes", ())),
        subnet_ids=tuple(resources.get("subnets", ())),
        security_group_ids=tuple(resources.get("securityGroupIds", ())),
        has_newer_image=has_newer_image(reply),
    )


def _queued_job(reply: Any, counts: Any) -> QueuedJob:
    return QueuedJob(
        job_id=reply["jobId"],
        created_at_ms=reply["createdAt"],
        waiting=_sum(counts, _WAITING),
        running=_sum(counts, _RUNNING),
        reason=reply.get("statusReason", ""),
    )


def _sum(counts: Any, statuses: Iterable[str]) -> int:
    return sum(counts.get(status, 0) for status in statuses)

"""What AWS shows of a platform's queue at one moment: the only input of the rules in `pending_causes`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

#: The codes of EC2's quotas on the vCPUs of the standard families (A, C, D, H, I, M, R, T, Z).
ON_DEMAND_QUOTA, SPOT_QUOTA = "L-1216C47A", "L-34B43A08"


@dataclass(frozen=True)
class NotVisible:
    """A fact that could not be read.

    Attributes
    ----------
    action
        The IAM action, such as `ec2:DescribeSubnets`.
    why
        `is not permitted`, or AWS's error.
    """

    action: str
    why: str

    @property
    def sentence(self) -> str:
        """The whole as a sentence, without a capital and a full stop."""
        return f"could not be looked at: {self.action} {self.why}"


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The job queue: `state` ENABLED or DISABLED, `status` VALID, INVALID, UPDATING, …

    Attributes
    ----------
    environments
        ARNs of its compute environments, in its order.
    """

    name: str
    state: str
    status: str
    reason: str = ""
    environments: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ComputeEnvironment:
    """A compute environment of the queue; `state` and `status` as a queue's.

    Attributes
    ----------
    desired_vcpus
        How many vCPUs Batch wants to have now; 0 while it starts no instance.
    """

    name: str
    state: str
    status: str
    reason: str = ""
    max_vcpus: int = 0
    desired_vcpus: int = 0
    instance_types: tuple[str, ...] = ()
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class QueuedJob:
    """A job, or a whole array job, in the queue.

    Attributes
    ----------
    created_at_ms
        Milliseconds since 1970; Batch starts jobs in this order.
    waiting, running
        Number of its scans; STARTING counts as running.
    reason
        Batch's status reason; for an array job, the reasons of its children are not included.
    """

    job_id: str
    created_at_ms: int
    waiting: int
    running: int
    reason: str = ""


@dataclass(frozen=True)
class Quota:
    """The account's limit on running vCPUs of the standard instance families; `code` is Service Quotas' code."""

    code: str
    vcpus: int

    @property
    def kind(self) -> str:
        """Which instances count against it: `Spot` or `on-demand`."""
        return "Spot" if self.code == SPOT_QUOTA else "on-demand"

    @property
    def request(self) -> str:
        """How to get more, as a sentence."""
        return f"Ask AWS for more: Service Quotas, EC2, {self.code} (takes hours to days)."


@dataclass(frozen=True)
class Subnet:
    """A subnet in which instances start.

    Attributes
    ----------
    gives_public_ip
        EC2's `MapPublicIpOnLaunch`.
    way_out
        Target of its route to 0.0.0.0/0: `igw-…`, `nat-…`, …; empty where there is none.
    """

    subnet_id: str
    gives_public_ip: bool
    way_out: str

    @property
    def problem(self) -> str:
        """Why an instance in the subnet cannot reach AWS; empty where it can."""
        if not self.way_out:
            return f"{self.subnet_id} has no route to the internet"
        if self.way_out.startswith("igw-") and not self.gives_public_ip:
            return f"{self.subnet_id} gives its instances no public address, and its way out is an internet gateway"
        return ""


@dataclass(frozen=True)
class SecurityGroup:
    """A security group, and whether it allows outbound traffic."""

    group_id: str
    lets_out: bool


@dataclass(frozen=True)
class Image:
    """The jobs' image.

    Attributes
    ----------
    exists
        None for an image outside this region's ECR, whose registry is not asked.
    digest
        `sha256:…`, where the name has it or ECR has the image.
    has_repository
        False where ECR does not even have the repository.
    """

    uri: str
    exists: bool | None
    digest: str | None = None
    has_repository: bool = True


@dataclass(frozen=True, kw_only=True)
class Launch:
    """An attempt to launch an instance of a compute environment, from its Auto Scaling group's activities.

    Attributes
    ----------
    environment
        The compute environment's name.
    age_seconds
        How long before the snapshot it began.
    outcome
        `refused`, `launched`, or `pending` while it goes on.
    message
        AWS's own words; empty where it gives none.
    """

    environment: str
    age_seconds: float
    outcome: Literal["refused", "launched", "pending"]
    message: str = ""


@dataclass(frozen=True)
class InstanceType:
    """An instance type, as EC2 describes it."""

    name: str
    vcpus: int
    memory_mib: int


@dataclass(frozen=True, kw_only=True)
class QueueSnapshot:
    """A snapshot. A field is `NotVisible` where it could not be read, and None where the thing does not exist.

    Attributes
    ----------
    vcpus, memory_mib
        What one scan requests.
    is_local
        Whether the jobs run on this machine; the fields that exist only on AWS (quota, image) are then None.
    environments
        The queue's compute environments, in its order.
    line
        The jobs in the queue, oldest first.
    quota, fallback_quota
        The account's quota that the instances count against; with `spot_fallback` also the one on demand.
    vcpus_in_use
        Running vCPUs of the account, in the instance families of the quota.
    launches
        The latest attempts to launch instances for the queue's environments, newest first.
    has_log_group
        Whether the jobs' log group exists.
    """

    vcpus: int
    memory_mib: int
    is_spot: bool
    is_local: bool
    queue: Queue | NotVisible | None
    environments: tuple[ComputeEnvironment, ...] | NotVisible
    line: tuple[QueuedJob, ...] | NotVisible
    quota: Quota | NotVisible | None
    vcpus_in_use: int | NotVisible | None
    subnets: tuple[Subnet, ...] | NotVisible
    security_groups: tuple[SecurityGroup, ...] | NotVisible
    image: Image | NotVisible | None
    instance_type: InstanceType | NotVisible
    has_log_group: bool | NotVisible
    fallback_quota: Quota | NotVisible | None = None
    launches: tuple[Launch, ...] | NotVisible = ()

    @property
    def hidden(self) -> tuple[NotVisible, ...]:
        """The facts that could not be read, each once."""
        values = (getattr(self, field.name) for field in fields(self))
        return tuple(dict.fromkeys(value for value in values if isinstance(value, NotVisible)))

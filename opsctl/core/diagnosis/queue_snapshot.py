"""What AWS shows of a platform's queue at one moment; the rules in `pending_causes` read nothing else."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class NotVisible:
    """A fact that could not be looked at.

    Attributes
    ----------
    action
        IAM's name of what was asked, `ec2:DescribeSubnets`.
    why
        `is not permitted`, or what AWS said instead.
    """

    action: str
    why: str

    @property
    def sentence(self) -> str:
        """For a person."""
        return f"could not be looked at: {self.action} {self.why}"


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The job queue: `state` ENABLED or DISABLED, `status` VALID, INVALID, UPDATING, …"""

    name: str
    state: str
    status: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ComputeEnvironment:
    """A compute environment of the queue; `state` and `status` as a queue's.

    Attributes
    ----------
    desired_vcpus
        What Batch wants to have now; 0 while it starts nothing.
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
    """A job that the queue holds, an array as one.

    Attributes
    ----------
    created_at_ms
        Since 1970: by it jobs stand in line.
    waiting, running
        How many of its scans; those that are STARTING run.
    reason
        Batch's status reason; of an array's children it is not seen from here.
    """

    job_id: str
    created_at_ms: int
    waiting: int
    running: int
    reason: str = ""


@dataclass(frozen=True)
class Quota:
    """The account's limit on vCPUs of the standard families, and how many run now, of all users."""

    code: str
    vcpus: int


@dataclass(frozen=True)
class Subnet:
    """Where instances start.

    Attributes
    ----------
    gives_public_ip
        `MapPublicIpOnLaunch`.
    way_out
        Where its route to 0.0.0.0/0 leads: `igw-…`, `nat-…`, …; empty where there is none.
    """

    subnet_id: str
    gives_public_ip: bool
    way_out: str

    @property
    def problem(self) -> str:
        """Why an instance in it cannot reach AWS; empty where it can."""
        if not self.way_out:
            return f"{self.subnet_id} has no route to the internet"
        if self.way_out.startswith("igw-") and not self.gives_public_ip:
            return f"{self.subnet_id} gives its instances no public address, and its way out is an internet gateway"
        return ""


@dataclass(frozen=True)
class SecurityGroup:
    """Whether it lets instances speak to the outside."""

    group_id: str
    lets_out: bool


@dataclass(frozen=True)
class Image:
    """What the jobs run; `exists` is None where only its registry, which is not ECR, could tell."""

    uri: str
    exists: bool | None


@dataclass(frozen=True)
class InstanceType:
    """EC2's word on an instance type."""

    name: str
    vcpus: int
    memory_mib: int


@dataclass(frozen=True, kw_only=True)
class QueueSnapshot:
    """A snapshot. A field is `NotVisible` where it could not be looked at, None where there is no such thing.

    Attributes
    ----------
    vcpus, memory_mib
        What one scan asks for.
    is_local
        Whether the jobs run on this machine: what is AWS's alone (quota, image) is then None.
    environments
        The queue's, in its order.
    line
        What the queue holds, oldest first.
    vcpus_in_use
        Of the account, in the quota's families.
    has_log_group
        Whether the jobs' log group is there.
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

    @property
    def hidden(self) -> tuple[NotVisible, ...]:
        """Everything that could not be looked at, each once."""
        found = [value for one in fields(self) if isinstance(value := getattr(self, one.name), NotVisible)]
        return tuple(dict.fromkeys(found))

"""The instances of a simulated run: type, scans on each, and how many of them run at the same time."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.core.counted import counted
from opsctl.core.errors import ErrorCode, Problem, UsageProblem
from opsctl.core.simulation.instance_size import InstanceSize, checked_pack, instance_size, root_volume_gib
from opsctl.core.simulation.what_if import Place, WhatIf


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The instances of a simulated run.

    Attributes
    ----------
    most_instances
        How many run at the same time.
    limit
        What limits them, in words.
    quota_request
        How to get more; empty where the account's quota is not what limits them.
    """

    size: InstanceSize
    pack: int
    slowdown: float
    spot: bool
    root_volume_gib: int
    most_instances: int
    limit: str
    quota_request: str = ""

    @property
    def job_memory_mib(self) -> int:
        """What one scan has of the instance's memory."""
        return self.size.job_memory_mib // self.pack

    @property
    def text(self) -> str:
        """`r5.large on demand, 1 scan on each`."""
        kind = "Spot" if self.spot else "on demand"
        return f"{self.size.instance_type} {kind}, {counted(self.pack, 'scan')} on each"


def choose(place: Place, what_if: WhatIf) -> Choice:
    """The instances on which a run would take place.

    Raises
    ------
    UsageProblem
        For an instance type or a number of scans on it that cannot be.
    Problem
        If not one instance fits into the quota.
    """
    size = instance_size(place.instance_type if what_if.instance is None else what_if.instance)
    held = size.holds(vcpus=place.vcpus, memory_mib=place.memory_mib)
    if what_if.pack is None and not held:
        raise UsageProblem(
            f"--instance {size.instance_type}: it does not hold one {place.model} scan, which needs {place.vcpus} vCPUs"
            f" and {place.memory_mib:,} MiB.",
            f"Give a larger instance type; {place.instance_type} is the platform's.",
        )
    pack = held if what_if.pack is None else checked_pack(what_if.pack, size)
    if what_if.slowdown is not None and pack == 1 and what_if.slowdown != 1:
        raise UsageProblem("--slowdown is about several scans on one instance.", "Add --pack 2.")
    spot = place.spot if what_if.spot is None else what_if.spot
    if what_if.reclaims is not None and not spot:
        raise UsageProblem("--reclaims is about Spot instances; AWS takes no others back.", "Add --spot.")
    # The platform's own disk was chosen for as many scans as the platform puts on it.
    is_own = pack == 1 or (what_if.instance is None and what_if.pack is None)
    disk_gib = place.root_volume_gib if is_own else root_volume_gib(pack, at_least=place.root_volume_gib)
    most, limit, request = _most_instances(place, what_if, size, disk_gib=disk_gib)
    return Choice(
        size=size,
        pack=pack,
        slowdown=size.slowdown(pack) if what_if.slowdown is None else what_if.slowdown,
        spot=spot,
        root_volume_gib=disk_gib,
        most_instances=most,
        limit=limit,
        quota_request=request,
    )


def _most_instances(place: Place, what_if: WhatIf, size: InstanceSize, *, disk_gib: int) -> tuple[int, str, str]:
    """How many instances run at the same time, what limits them, and how to get more of the account's quota."""
    whose = "platform's limit" if place.is_platform else "default limit of a platform"
    limits = [(place.max_vcpus // size.vcpus, f"the {whose} of {counted(place.max_vcpus, 'vCPU')}", "")]
    if what_if.quota is not None:
        limits.append((what_if.quota // size.vcpus, f"the quota of {counted(what_if.quota, 'vCPU')}", _request(place)))
    elif place.quotas:
        by_quota = sum(quota.vcpus // size.vcpus for quota in place.quotas)
        vcpus = " and ".join(f"{quota.vcpus:,} {quota.kind}" for quota in place.quotas)
        limits.append((by_quota, f"the account's quota of {vcpus} vCPUs", place.quotas[0].request))
    if place.volumes is not None:
        text = f"the account's quota of {place.volumes.tib:g} TiB of gp3 disks"
        limits.append((place.volumes.disks(disk_gib), text, place.volumes.request))
    most, limit, request = min(limits, key=lambda each: each[0])
    if not most:
        raise Problem(
            f"Not one {size.instance_type} fits into {limit}: no scan could start.",
            request or "Give a smaller --instance.",
            code=ErrorCode.AWS_QUOTA_REACHED,
        )
    return most, limit, request


def _request(place: Place) -> str:
    if place.quotas:
        return place.quotas[0].request
    return "Ask AWS for more: Service Quotas, EC2 (takes hours to days)."

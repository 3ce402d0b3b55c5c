"""An instance type's size, and how many scans it holds at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from opsctl.core.errors import UsageProblem
from opsctl.core.platform.registered_memory import registered_memory_mib
from opsctl.core.sizing.disk import SYSTEM_GIB
from opsctl.core.sizing.slowdown import slowdown_of

#: All memory-optimised families have the same shape at one size: 8 GiB for each vCPU.
_TYPE = re.compile(r"r\d[a-z]*\.(?:large|(|2|4|8|12|16|24|32|48)xlarge)")
_MIB_PER_VCPU = 8 * 1024

#: What the files of one scan need while it is processed. Assumed; `opsctl size` measures it.
_SCAN_GIB = 10


@dataclass(frozen=True)
class InstanceSize:
    """What an instance type has."""

    instance_type: str
    vcpus: int

    @property
    def job_memory_mib(self) -> int:
        """What all jobs on the instance can have together."""
        return registered_memory_mib(self.vcpus * _MIB_PER_VCPU)

    def holds(self, *, vcpus: int, memory_mib: int) -> int:
        """How many jobs of a size Batch places on the instance at the same time."""
        return min(self.vcpus // vcpus, self.job_memory_mib // memory_mib)

    def slowdown(self, pack: int) -> float:
        """How many times longer a scan takes with `pack` scans on the instance than alone; at most a scan a vCPU."""
        return slowdown_of(pack, vcpus=self.vcpus)


def instance_size(instance_type: str) -> InstanceSize:
    """The size of an instance type, by its name.

    Raises
    ------
    UsageProblem
        If it is no memory-optimised type.
    """
    match = _TYPE.fullmatch(instance_type)
    if match is None:
        raise UsageProblem(
            f"--instance {instance_type}: not the name of a memory-optimised instance type.",
            "m2g needs 8 GiB of memory for each vCPU: r5.large, r5.xlarge, r5.2xlarge and so on, or the same sizes of"
            " r5a, r6i and others.",
        )
    return InstanceSize(instance_type, 2 if instance_type.endswith(".large") else 4 * int(match[1] or 1))


def root_volume_gib(pack: int, *, at_least: int) -> int:
    """The root volume that `pack` scans at the same time need."""
    return max(at_least, SYSTEM_GIB + _SCAN_GIB * pack)


def checked_pack(pack: int, size: InstanceSize) -> int:
    """The number of scans an instance, if Batch can place so many.

    Raises
    ------
    UsageProblem
        If a scan would have less than one vCPU, the least that Batch gives a job.
    """
    if pack > size.vcpus:
        raise UsageProblem(
            f"--pack {pack}: an {size.instance_type} has {size.vcpus} vCPUs, and each scan needs one.",
            f"Give at most {size.vcpus}, or a larger --instance.",
        )
    return pack

"""What one job gets when several scans share an instance."""

from __future__ import annotations

from dataclasses import dataclass, replace

from opsctl.core.counted import counted
from opsctl.core.errors import UsageProblem
from opsctl.core.platform.platform import ModelResources


@dataclass(frozen=True, kw_only=True)
class JobSize:
    """What one job gets.

    Attributes
    ----------
    scans_per_instance
        How many such jobs an instance holds.
    """

    vcpus: int
    memory_mib: int
    scans_per_instance: int

    @property
    def text(self) -> str:
        """`7,600 MiB and 1 vCPU`."""
        return f"{self.memory_mib:,} MiB and {counted(self.vcpus, 'vCPU')}"

    def of(self, resources: ModelResources) -> ModelResources:
        """A model's resources with jobs of this size."""
        return replace(
            resources,
            vcpus=self.vcpus,
            memory_mib=self.memory_mib,
            instance_vcpus=resources.whole_vcpus,
            instance_memory_mib=resources.whole_memory_mib,
        )


def own_size(resources: ModelResources) -> JobSize:
    """The size of the model's job definition."""
    return JobSize(
        vcpus=resources.vcpus, memory_mib=resources.memory_mib, scans_per_instance=resources.scans_per_instance
    )


def packed_size(resources: ModelResources, scans: int) -> JobSize:
    """The size of jobs of which an instance holds `scans`: each gets its share of the memory, and whole vCPUs.

    Raises
    ------
    UsageProblem
        When there are fewer vCPUs than scans: m2g fills one.
    """
    if not 1 <= scans <= resources.whole_vcpus:
        raise UsageProblem(
            f"--pack {scans}: an instance ({resources.instance_type}) has {counted(resources.whole_vcpus, 'vCPU')}, and"
            " each scan needs one.",
            f"--pack takes 1 to {resources.whole_vcpus} there, `auto` or `off`.",
        )
    return JobSize(
        vcpus=resources.whole_vcpus // scans,
        memory_mib=resources.whole_memory_mib // scans,
        scans_per_instance=scans,
    )


def size_with_memory(resources: ModelResources, memory_mib: int) -> JobSize:
    """The size of jobs with this memory (`--memory`).

    A job with more memory than the job definition gives has the vCPUs of as few others as then fit beside it. Otherwise
    an instance holds as many jobs as the definition says.
    """
    if memory_mib <= resources.memory_mib:
        return replace(own_size(resources), memory_mib=memory_mib)
    scans = max(1, resources.whole_memory_mib // memory_mib)
    return JobSize(vcpus=resources.whole_vcpus // scans, memory_mib=memory_mib, scans_per_instance=scans)

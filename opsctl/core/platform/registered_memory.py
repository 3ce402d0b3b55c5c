"""How much of an instance's memory ECS registers, so that jobs can have it."""

from __future__ import annotations

#: The kernel keeps a share of the size, and Batch reserves 32 MiB for the ECS agent. Public reports give 94 to 97 % of
#: the size (meta-pytorch/torchx#645, ASFHyP3/hyp3#582). A job that asks for one MiB more than is registered stays
#: RUNNABLE for ever, so this is the low end.
_SHARE = 0.95
_AGENT_MIB = 32

#: Memory of the largest jobs, model csa (terraform/platform/main.tf): what is suggested for scans that ran out of less.
LARGEST_MEMORY_MIB = 30_400


def registered_memory_mib(size_mib: int) -> int:
    """The memory that a job can have for certain on an instance: 15,532 MiB on an r5.large, 31,097 on an r5.xlarge.

    Parameters
    ----------
    size_mib
        The memory of the instance type, as EC2 gives it.
    """
    return int(size_mib * _SHARE) - _AGENT_MIB

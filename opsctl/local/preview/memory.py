"""How much memory a job has, and m2g's error where an array needs more."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from opsctl.core.preview import MEMORY_VARIABLE

from .m2g_error import M2gError

#: Without the variable: the memory of a job of each model on AWS (terraform/platform/main.tf).
_MEMORY_MIB = {"csd": 15_200, "csa": 30_400}
_FLOAT64_BYTES = 8


def job_memory_mib(model: str = "csa") -> float:
    """The memory of a job of this model in MiB, as the local platform tells it, else as on AWS."""
    return float(os.environ.get(MEMORY_VARIABLE) or _MEMORY_MIB.get(model, _MEMORY_MIB["csa"]))


def allocation_error(shape: Sequence[int]) -> M2gError:
    """NumPy's error where there is no memory for an array of numbers."""
    size = f"{_FLOAT64_BYTES * math.prod(shape) / 2**30:.3g}"
    return M2gError(
        "numpy.core._exceptions.MemoryError",
        f"Unable to allocate {size} GiB for an array with shape ({', '.join(map(str, shape))}) and data type float64",
    )


def ensure_fits(shape: Sequence[int]) -> None:
    """Fail as m2g does where an image is too large, before anything of its size is allocated.

    m2g makes decimal numbers of 64 bits of every image. A process on this machine may be given more memory than there
    is, so half of the machine's is the limit, too.

    Parameters
    ----------
    shape
        Voxels along each axis, as a header says.

    Raises
    ------
    M2gError
        The image's voxels do not fit into the job's memory.
    """
    machine_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if _FLOAT64_BYTES * math.prod(shape) > min(job_memory_mib() * 2**20, machine_bytes / 2):
        raise allocation_error(shape)

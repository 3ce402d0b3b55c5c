"""Room for the weights of many scans: memory, or a private file that is mapped into memory."""

from __future__ import annotations

import errno
import shutil
import tempfile

import numpy as np
from numpy.typing import NDArray

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.reliability.distances import Transform
from opsctl.core.reliability.graph_stack import GraphStack

#: A stack of 1,000 scans of 400 regions has 319 MB, and its ranks as much.
IN_MEMORY_BYTES = 400_000_000


def room_bytes(scans: int, pairs: int) -> int:
    """The size of the weights of some scans."""
    return scans * pairs * np.dtype(np.float32).itemsize


def is_on_disk(scans: int, pairs: int) -> bool:
    """Whether the weights are kept in a file."""
    return room_bytes(scans, pairs) > IN_MEMORY_BYTES


def room(scans: int, pairs: int) -> NDArray[np.float32]:
    """An array of zeros.

    A large one is a file in the folder for temporary files (`TMPDIR`), which only its owner may read and which has no
    name: it is gone when the process ends, however it ends.

    Raises
    ------
    Problem
        If the disk has not enough room for it.
    """
    if not is_on_disk(scans, pairs):
        return np.zeros((scans, pairs), dtype=np.float32)
    needed = room_bytes(scans, pairs)
    ensure_room(needed)
    try:
        with tempfile.TemporaryFile() as file:
            return np.memmap(file, dtype=np.float32, mode="w+", shape=(scans, pairs))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise _disk_full(needed, 0) from error


def ranks_room(stack: GraphStack, transform: Transform) -> NDArray[np.float32] | None:
    """Room for the ranks of a stack; None where none are made."""
    return room(*stack.weights.shape) if transform == "ranks" else None


def ensure_room(needed: int) -> None:
    """Check that the disk of the folder for temporary files has so many bytes left.

    Raises
    ------
    Problem
        If it has not.
    """
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if needed > free:
        raise _disk_full(needed, free)


def _disk_full(needed: int, free: int) -> Problem:
    return Problem(
        f"The connectomes need {needed / 1e9:,.1f} GB in {tempfile.gettempdir()}, and its disk has {free / 1e9:,.1f} GB"
        " left.",
        "Set TMPDIR to a folder on another disk, or choose one parcellation with --parcellation.",
        code=ErrorCode.DISK_FULL,
    )

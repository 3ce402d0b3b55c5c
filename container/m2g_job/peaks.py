"""The most memory and disk that a scan needed, measured while m2g runs."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Callable, Iterator, Sequence

from m2g_job import memory
from m2g_job.process_tree import ProcessTree

_MEMORY_SECONDS = 1.0
_DISK_SECONDS = 10.0
_MIB = 1024**2


class Peaks:
    """The highest figures so far.

    Memory is the sum over all of m2g's processes, and in a container of the job's own what the kernel counts for it
    without its page cache, which includes the runner. Between two measurements memory may have been higher; it is never
    said to be less than the largest single process had, which the kernel itself records. Without /proc (macOS) that is
    all that is known.

    Parameters
    ----------
    folders
        The job's input and output folders.
    clock
        In seconds, never set back.
    """

    def __init__(self, folders: Sequence[str] = (), *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folders = folders
        self._clock = clock
        self._memory_bytes = 0
        self._disk_bytes = 0
        self._memory_due = clock()
        self._disk_due = clock()

    @property
    def memory_mib(self) -> int:
        """The most memory."""
        return max(self._memory_bytes // _MIB, memory.largest_child_mib())

    @property
    def disk_mib(self) -> int:
        """The most disk that the folders used, in whole MiB, rounded up."""
        return -(-self._disk_bytes // _MIB)

    def measure(self, tree: ProcessTree) -> None:
        """Measure what is due: memory every second, disk every ten. Call it more often than that."""
        now = self._clock()
        if now >= self._memory_due:
            self._memory_due = now + _MEMORY_SECONDS
            in_tree = tree.memory_bytes(more_than=self._memory_bytes)
            self._memory_bytes = max(self._memory_bytes, in_tree, memory.container_bytes())
        if now >= self._disk_due:
            self._disk_due = now + _DISK_SECONDS
            self.measure_disk()

    def measure_disk(self) -> None:
        """Measure the folders now."""
        self._disk_bytes = max(self._disk_bytes, sum(map(_used_bytes, self._folders)))


def _used_bytes(folder: str) -> int:
    """What a folder occupies: a sparse file counts with the blocks that it has."""
    return sum(512 * status.st_blocks for status in _statuses(folder))


def _statuses(folder: str) -> Iterator[os.stat_result]:
    for parent, _, names in os.walk(folder):
        for name in names:
            # m2g removes files while they are counted.
            with contextlib.suppress(OSError):
                yield os.lstat(os.path.join(parent, name))

"""The kernel's figures on memory: what is used, the limit, and how many processes were killed for lack of it."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import sys
from typing import Iterator

#: Files of this container's control group: version 2, then version 1.
_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
#: What the kernel cannot take back, by the group's folder: anonymous and shared memory, and its own memory for the
#: processes. The page cache is left out: it fills whatever memory is free.
_NOT_CACHE = {
    "/sys/fs/cgroup": ("anon", "shmem", "kernel_stack", "pagetables", "slab_unreclaimable"),
    "/sys/fs/cgroup/memory": ("total_rss", "total_shmem"),
}
#: Version 2 writes `max` where there is no limit, version 1 a number near 2**63.
_NO_LIMIT_BYTES = 2**60


def largest_child_mib() -> int:
    """The largest resident size of any child process that has ended, in MiB."""
    # The kernel counts KiB on Linux, bytes on macOS.
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // unit


def container_bytes() -> int:
    """The memory of this job's container, without page cache; 0 where the job has no container of its own.

    The local platform runs jobs as processes: their control group is the user's whole session.
    """
    if os.getpid() != 1:
        return 0
    for folder, names in _NOT_CACHE.items():
        with contextlib.suppress(OSError, ValueError):
            # Without a group of its own the container shares its engine's, whose other processes it sees as 0.
            if "0" in _read(os.path.join(folder, "cgroup.procs")).split():
                return 0
            counts = dict(line.split() for line in _read(os.path.join(folder, "memory.stat")).splitlines())
            return sum(int(counts.get(name, "0")) for name in names)
    return 0


def _read(path: str) -> str:
    with open(path, encoding="ascii") as stream:
        return stream.read()


def out_of_memory_kills() -> int:
    """How many processes of this container the kernel has killed for lack of memory; 0 where it has no counter."""
    for path in _COUNTERS:
        with contextlib.suppress(OSError), open(path, encoding="ascii") as counter:
            match = re.search(r"^oom_kill (\d+)$", counter.read(), re.MULTILINE)
            if match:
                return int(match.group(1))
    return 0


def limit_mib() -> int:
    """The memory limit of this container, in MiB; 0 where it has none."""
    for path in _LIMITS:
        with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as limit:
            size_bytes = int(limit.read())
            return size_bytes // 1024**2 if size_bytes < _NO_LIMIT_BYTES else 0
    return 0


@contextlib.contextmanager
def killed_first() -> Iterator[None]:
    """Let the kernel kill processes started in this block, and their children, before it kills the runner.

    A child inherits the score of its parent. Set from outside, after its start, the score would miss the children that
    it has already started.
    """
    previous_score = _set_oom_score("1000")
    try:
        yield
    finally:
        if previous_score is not None:
            _set_oom_score(previous_score)


def _set_oom_score(score: str) -> str | None:
    """Set this process's own score; return the previous one, None where the kernel has no such file."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "r+", encoding="ascii") as stream:
        previous_score = stream.read().strip()
        stream.seek(0)
        stream.write(score)
        stream.flush()
        return previous_score
    return None

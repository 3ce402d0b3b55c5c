"""What the kernel says about memory: how much a child had, and whether it killed one for want of it."""

from __future__ import annotations

import contextlib
import re
import resource
import sys
from typing import Iterator

#: Of this container's own control group: version 2, then version 1.
_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


def peak_mib() -> int:
    """The largest resident size that a child had reached; the kernel counts KiB on Linux, bytes on macOS."""
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // unit


def out_of_memory_kills() -> int:
    """How many processes of this container the kernel has killed for want of memory; 0 where it does not say."""
    for path in _COUNTERS:
        with contextlib.suppress(OSError), open(path, encoding="ascii") as counter:
            found = re.search(r"^oom_kill (\d+)$", counter.read(), re.MULTILINE)
            if found:
                return int(found.group(1))
    return 0


@contextlib.contextmanager
def offered_first() -> Iterator[None]:
    """Start processes that the kernel kills first, with the children that they will have: the runner must live to tell.

    A child begins with its parent's score; set from outside, it comes too late for a grandchild that is there already.
    """
    before = _score("1000")
    try:
        yield
    finally:
        if before is not None:
            _score(before)


def _score(value: str) -> str | None:
    """Set this process's own; what it was, None where the kernel has no such thing."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "r+", encoding="ascii") as score:
        before = score.read().strip()
        score.seek(0)
        score.write(value)
        score.flush()
        return before
    return None

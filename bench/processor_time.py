"""The processor time of processes: user and system."""

from __future__ import annotations

import os
import resource
from pathlib import Path

#: The fields of /proc/PID/stat after the program's name, from 0: its own times, and those of children that it has
#: waited for (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html).
_PARENT, _TIMES = 1, slice(11, 15)


def children_seconds() -> float:
    """The time of this process's children that have ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def tree_seconds(root: int) -> float | None:
    """The time so far of a process and of everything that it has started; None without /proc (macOS)."""
    processes = {int(folder.name): fields for folder in Path("/proc").glob("[0-9]*") if (fields := _fields(folder))}
    if root not in processes:
        return None
    tree = [root]
    for parent in tree:
        tree.extend(pid for pid, fields in processes.items() if int(fields[_PARENT]) == parent)
    ticks = sum(int(ticks) for pid in tree for ticks in processes[pid][_TIMES])
    return ticks / os.sysconf("SC_CLK_TCK")


def _fields(folder: Path) -> list[bytes]:
    """The fields after the program's name, which may itself hold blanks and brackets; none of an ended process."""
    try:
        with (folder / "stat").open("rb") as stat:
            return stat.read().rpartition(b")")[2].split()
    except OSError:
        return []

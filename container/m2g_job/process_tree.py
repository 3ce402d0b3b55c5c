"""The memory of a process and of all that it started, by Linux's /proc."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class _Process:
    """One line of /proc/PID/stat.

    Attributes
    ----------
    started
        In clock ticks since the machine's start: with the id it names a process, as ids are used again.
    resident_bytes
        Its resident memory; pages that it shares with others are counted whole.
    """

    process_id: int
    parent: int
    session: int
    started: int
    resident_bytes: int


class ProcessTree:
    """A process, its descendants, and everything in its session.

    A process that was seen once stays a member, although its parent has ended or it has opened a session of its own.

    Parameters
    ----------
    root
        The process's id. It leads a session of its own.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._members: set[tuple[int, int]] = set()

    def memory_bytes(self, *, more_than: int = 0) -> int:
        """The memory of all processes together, at this moment.

        Parameters
        ----------
        more_than
            Pages that several processes share are counted once, which takes the kernel longer: it is asked only where
            the plain sum exceeds this. Otherwise the plain sum is returned, which is at least the exact one.

        Returns
        -------
        int
            0 where there is no /proc (macOS). A process whose shared pages may not be looked at counts them all.
        """
        processes = self._processes()
        resident = sum(process.resident_bytes for process in processes)
        if resident <= more_than:
            return resident
        proportional = [(_pss_bytes(process.process_id), process.resident_bytes) for process in processes]
        return sum(whole if share is None else share for share, whole in proportional)

    def _processes(self) -> list[_Process]:
        processes = {process.process_id: process for process in _all_processes()}
        decided: dict[int, bool] = {}

        def is_inside(process_id: int) -> bool:
            process = processes.get(process_id)
            if process is None:
                return False
            if process_id not in decided:
                # Beforehand, because processes that end and begin while they are read could make a circle.
                decided[process_id] = False
                decided[process_id] = self._is_member(process) or is_inside(process.parent)
            return decided[process_id]

        inside = [process for process in processes.values() if is_inside(process.process_id)]
        self._members = {(process.process_id, process.started) for process in inside}
        return inside

    def _is_member(self, process: _Process) -> bool:
        return (
            self._root in (process.process_id, process.session)
            or (process.process_id, process.started) in self._members
        )


def _all_processes() -> list[_Process]:
    with contextlib.suppress(OSError):
        return [process for name in os.listdir("/proc") if name.isdigit() for process in _read(int(name))]
    return []


def _read(process_id: int) -> list[_Process]:
    """The process; nothing where it has ended."""
    with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{process_id}/stat", "rb") as stat:
        # The second field is the program's name, in brackets, and may itself contain blanks and brackets.
        fields = stat.read().rpartition(b")")[2].split()
        resident_bytes = int(fields[21]) * _PAGE_BYTES
        return [_Process(process_id, int(fields[1]), int(fields[3]), int(fields[19]), resident_bytes)]
    return []


def _pss_bytes(process_id: int) -> int | None:
    """A process's resident memory, with its share of each page that others use too; None where it may not be read."""
    with contextlib.suppress(OSError), open(f"/proc/{process_id}/smaps_rollup", "rb") as rollup:
        match = re.search(rb"^Pss:\s+(\d+) kB$", rollup.read(), re.MULTILINE)
        if match:
            return int(match.group(1)) * 1024
    return None

"""A lock file that its owner's process keeps locked, and that says who the owner is.

The operating system releases the lock of a dead process, so no lock outlives its owner. A child process that inherits
the file keeps the lock, even when its parent dies.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from opsctl.core import bounded
from opsctl.core.errors import Problem
from opsctl.core.record import RecordReader


@dataclass(frozen=True)
class LockOwner:
    """A process that holds a lock.

    Attributes
    ----------
    pid
        None while the process is being started.
    verb
        The command that it runs, such as `up`.
    since
        When it began: UTC, ISO 8601.
    """

    pid: bounded.ProcessId | None
    verb: bounded.Text
    since: bounded.Moment

    @classmethod
    def now(cls, pid: int | None, verb: str) -> LockOwner:
        """An owner that begins now."""
        return cls(pid, verb, datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def began(self) -> str:
        """When it began, in local time: `HH:MM`, with the date unless it is today."""
        when, now = datetime.fromisoformat(self.since).astimezone(), datetime.now(UTC).astimezone()
        return f"{when:%H:%M}" if when.date() == now.date() else f"{when:%Y-%m-%d %H:%M}"

    @property
    def is_alive(self) -> bool:
        """Whether the process exists. Ask only while the lock is held: until then its number is not reused."""
        if self.pid is None:
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    @property
    def is_stopped(self) -> bool:
        """Whether the process was suspended (Ctrl-Z, SIGSTOP), and so holds the lock until somebody lets it go on."""
        if self.pid is None:
            return False
        with suppress(OSError):
            # Linux and macOS have it; only Linux has /proc.
            command = ["ps", "-o", "stat=", "-p", str(self.pid)]
            return subprocess.run(command, capture_output=True, check=False).stdout.startswith((b"T", b"t"))
        return False


_OWNER = RecordReader(LockOwner, hint="", version=None)


class LockFile:
    """A file lock that one process holds at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def acquire(self) -> bool:
        """Take the lock; False when another process holds it."""
        file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def write_owner(self, owner: LockOwner) -> None:
        """Write the owner into the file."""
        text = json.dumps(asdict(owner))
        os.pwrite(self.descriptor, text.encode(), 0)
        os.ftruncate(self.descriptor, len(text))

    def read_owner(self) -> LockOwner | None:
        """The owner that the file names; None when it names none yet."""
        with suppress(OSError, Problem):
            return _OWNER.decode(self._path.read_bytes(), str(self._path))
        return None

    @property
    def descriptor(self) -> int:
        """The file descriptor that a child must inherit to keep the lock."""
        if self._file is None:
            raise ValueError("the lock has not been taken")
        return self._file.fileno()

    def release(self) -> None:
        """Close the file in this process; a child that inherited it keeps the lock."""
        if self._file is not None:
            self._file.close()
            self._file = None

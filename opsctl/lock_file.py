"""Who is at work on a folder: a file that its process keeps locked, and that says who that is.

The operating system drops the lock of a dead process, so nothing here can be left over. A process that is handed the
file holds the lock on, also when its parent dies.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO


@dataclass(frozen=True)
class LockOwner:
    """A process that is at work.

    Attributes
    ----------
    verb
        What it was started for, `up`.
    since
        UTC, ISO-8601.
    """

    pid: int
    verb: str
    since: str

    @classmethod
    def now(cls, pid: int, verb: str) -> LockOwner:
        """A process that begins its work now."""
        return cls(pid, verb, datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def began(self) -> str:
        """When, by this machine's clock: the time, and the day where it is not today."""
        when, now = datetime.fromisoformat(self.since).astimezone(), datetime.now(UTC).astimezone()
        return f"{when:%H:%M}" if when.date() == now.date() else f"{when:%Y-%m-%d %H:%M}"

    @property
    def is_alive(self) -> bool:
        """Whether there is such a process; asked only while the lock is held, so the number cannot be another's."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


class LockFile:
    """A file that at most one piece of work holds at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def take(self) -> bool:
        """Take it, if nobody has it."""
        file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def sign(self, worker: LockOwner) -> None:
        """Write down who has it."""
        file = self._taken
        text = json.dumps(asdict(worker))
        os.pwrite(file.fileno(), text.encode(), 0)
        os.ftruncate(file.fileno(), len(text))

    def holder(self) -> LockOwner | None:
        """Who has it, as far as it has been written down."""
        with suppress(OSError, ValueError, TypeError):
            return LockOwner(**json.loads(self._path.read_text()))
        return None

    @property
    def descriptor(self) -> int:
        """What a child must inherit to hold the lock on."""
        return self._taken.fileno()

    def let_go(self) -> None:
        """Close this process's side: whoever has inherited the lock keeps it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def _taken(self) -> IO[str]:
        if self._file is None:
            raise ValueError("the lock has not been taken")
        return self._file

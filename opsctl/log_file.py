"""The log file of AWS calls and tracebacks in opsctl's folder."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from contextlib import suppress
from pathlib import Path

from opsctl.core.errors import Problem
from opsctl.home import Home
from opsctl.log_format import log_entry


class LogFile(logging.Handler):
    """A home's log: readable by its owner only, at most two files, shared by all processes of the home.

    The standard library's rotating handlers are for one process: two would rename each other's files away. Here every
    line opens the file anew, so that a process never writes into one that another has set aside. Nothing is created
    before the first line.

    Parameters
    ----------
    home
        The home whose `log` is written; the older lines are in `opsctl.log.1` beside it.
    limit_bytes
        A file of this size is set aside, and a new one begun.
    """

    def __init__(self, home: Home, *, limit_bytes: int = 5_000_000) -> None:
        super().__init__()
        self._home = home
        self._limit_bytes = limit_bytes
        formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(process)d %(message)s", "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    @property
    def path(self) -> Path:
        """The log file."""
        return self._home.log

    def emit(self, record: logging.LogRecord) -> None:
        """Append a record's line, with AWS's request id for AWS support."""
        request_id = getattr(record, "request_id", "")
        with suppress(OSError, Problem):
            self.append(self.format(record) + (f" request {request_id}" if request_id else ""))

    def append(self, text: str) -> None:
        """Append an entry (`log_entry`) in one write, so that lines of several processes do not mix.

        Raises
        ------
        OSError, Problem
            When the file cannot be written.
        """
        try:
            file = self._open()
        except FileNotFoundError:
            self._home.make(self._home.path)
            file = self._open()
        try:
            os.write(file, f"{log_entry(text)}\n".encode())
        finally:
            os.close(file)

    def _open(self) -> int:
        while True:
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if os.fstat(file).st_size < self._limit_bytes:
                return file
            self._rotate(file)

    def _rotate(self, full: int) -> None:
        """Rename the full file, unless another process has; closing it releases the lock."""
        try:
            fcntl.flock(full, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(full), self.path.stat()):
                    self.path.replace(self.path.with_name(f"{self.path.name}.1"))
        finally:
            os.close(full)

"""The job's log lines: standard output, which Batch carries to CloudWatch."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import BinaryIO


class Log:
    """Whole lines to one stream from several threads, each flushed at once so that it can be followed.

    Parameters
    ----------
    stream
        Where the lines go; standard output where None.
    """

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = sys.stdout.buffer if stream is None else stream
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """One line of the runner's own, marked as such among m2g's."""
        self.raw(f"opsctl: {text}\n".encode("utf-8", "replace"))

    def raw(self, line: bytes) -> None:
        """One line of m2g's, byte for byte."""
        # A log that nobody takes (a full disk, a reader that went) must not cost the scan.
        with self._lock, contextlib.suppress(OSError):
            self._stream.write(line)
            self._stream.flush()

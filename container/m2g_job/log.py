"""The job's log lines: standard output, which Batch carries to CloudWatch."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import BinaryIO


class Log:
    """Writes whole lines to one stream from several threads, and flushes each, so that the log can be followed.

    Parameters
    ----------
    stream
        Where the lines go; standard output where None.
    """

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = sys.stdout.buffer if stream is None else stream
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        """Write a line of the runner's own; the prefix `opsctl: ` tells it from m2g's."""
        self.write_raw(f"opsctl: {text}\n".encode("utf-8", "replace"))

    def write_raw(self, line: bytes) -> None:
        """Write a line of m2g's, byte for byte."""
        # A log that cannot be written (a full disk, a closed pipe) must not cost the scan.
        with self._lock, contextlib.suppress(OSError):
            self._stream.write(line)
            self._stream.flush()

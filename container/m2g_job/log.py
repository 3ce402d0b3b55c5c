"""The job's log lines: standard output, which Batch carries to CloudWatch."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import BinaryIO

#: CloudWatch takes events of 256 KiB at most, and each byte of them costs.
LONGEST_LINE_BYTES = 64 * 1024


def cut(line: bytes, more: int = 0) -> bytes:
    """The beginning of a long line, and how much of it is missing.

    Parameters
    ----------
    line
        Without its end.
    more
        How many bytes of the line were left out already.
    """
    more += max(0, len(line) - LONGEST_LINE_BYTES)
    if not more:
        return line
    # A character that is cut through is left out.
    beginning = line[:LONGEST_LINE_BYTES].decode("utf-8", "ignore")
    return f"{beginning}... cut, {more:,} more bytes".encode()


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
        """Write a text of the runner's own; the prefix `opsctl: ` tells it from m2g's. It is cut like a line."""
        self.write_raw(cut(f"opsctl: {text}".encode("utf-8", "replace")) + b"\n")

    def write_raw(self, line: bytes) -> None:
        """Write a line of m2g's, byte for byte."""
        # A log that cannot be written (a full disk, a closed pipe) must not cost the scan.
        with self._lock, contextlib.suppress(OSError):
            self._stream.write(line)
            self._stream.flush()

"""m2g's output: copied to the log line by line, and its end kept."""

from __future__ import annotations

import collections
import contextlib
import os
import re
import threading
import time
from typing import BinaryIO, Callable

from m2g_job.log import LONGEST_LINE_BYTES, Log, cut

#: A traceback through m2g's libraries, and the lines above it that say what went wrong.
_TAIL_LINES = 200
_LONGEST_TAIL_LINE = 2000
#: How long a progress bar may be redrawn until its state goes into the log.
_PROGRESS_SECONDS = 60.0
_CONTROL_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


class OutputReader(threading.Thread):
    """Copies the child's output to the log and to a file, line by line, and keeps the last lines.

    Of what is printed over the same line (a progress bar ends each of its states with a carriage return) only the last
    state is a line, or one a minute. Lines of blanks are left out, long ones are cut (`log.cut`).

    Parameters
    ----------
    descriptor
        The read end of the child's pipe.
    log_file, log
        Where the lines go. The thread closes `log_file` at the end.
    on_line
        Called with each line, without control sequences and the blanks around it.
    clock
        In seconds, never set back.

    Attributes
    ----------
    tail
        The last lines, without control sequences, indented as they were printed; of long ones the beginning.
    """

    def __init__(
        self,
        descriptor: int,
        log_file: BinaryIO,
        log: Log,
        *,
        on_line: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name="m2g output", daemon=True)
        self._descriptor = descriptor
        self._log_file = log_file
        self._log = log
        self._on_line = on_line
        self._clock = clock
        #: The state of a progress bar that is not in the log yet, and since when there is one.
        self._held = b""
        self._held_since = 0.0
        self.tail: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)

    def run(self) -> None:
        """Read until every process has closed the pipe."""
        with self._log_file:
            self._read_lines()

    def _read_lines(self) -> None:
        beginning, left_out = b"", 0
        while True:
            data = os.read(self._descriptor, 65536)
            *lines, rest = re.split(rb"(?<=[\r\n])", data)
            for line in lines if data else [b"\n"]:
                whole = beginning + line.rstrip(b"\r\n")
                self._take(cut(whole, left_out), is_overwritten=line.endswith(b"\r"))
                beginning, left_out = b"", 0
            # Of a line without an end no more is held than what is shown of it.
            beginning += rest
            left_out += max(0, len(beginning) - LONGEST_LINE_BYTES)
            beginning = beginning[:LONGEST_LINE_BYTES]
            if not data:
                self._write_held()
                return

    def _take(self, line: bytes, *, is_overwritten: bool) -> None:
        if _text(line).strip():
            if not self._held:
                self._held_since = self._clock()
            self._held = line
        # The newline of a progress bar may come after an hour, or never.
        if not is_overwritten or self._clock() - self._held_since >= _PROGRESS_SECONDS:
            self._write_held()

    def _write_held(self) -> None:
        line, self._held = self._held, b""
        if not line:
            return
        text = _text(line).rstrip()
        self.tail.append(text[:_LONGEST_TAIL_LINE])
        self._log.write_raw(line + b"\n")
        # A full disk must not stop the reading: m2g would block forever on a full pipe.
        with contextlib.suppress(OSError):
            self._log_file.write(line + b"\n")
        if self._on_line is not None:
            self._on_line(text.strip())


def _text(line: bytes) -> str:
    return _CONTROL_SEQUENCES.sub("", line.decode("utf-8", "replace"))

"""The end of m2g's output: which lines tell why it failed, and which of them says it best."""

from __future__ import annotations

import re
from typing import Sequence

_HEADER = "Traceback (most recent call last):"
#: Between two tracebacks of one failure.
_CHAINS = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
_LINES_BEFORE = 10
#: The exception of m2g's wrapper around a shell command: it says which command failed, not why.
_WRAPPER = re.compile(r"^(subprocess\.)?CalledProcessError: ")
#: The last lines of a program that aborts; its own message is above them. And m2g's echo of the command.
_WITHOUT_MEANING = re.compile(r"^(Aborted|terminate called|what\(\):|Running shell command: |child process exited)")
_LONGEST = 300


def telling_lines(tail: Sequence[str]) -> list[str]:
    """The lines about the failure: its traceback and what was printed just before it; all where there is none."""
    first, _ = _traceback(tail)
    return list(tail) if first is None else list(tail[max(0, first - _LINES_BEFORE) :])


def reason(tail: Sequence[str]) -> str:
    """The line that says why m2g failed; "" where it printed nothing.

    Of a traceback it is the exception; of an exception that only says that a shell command failed, what that command
    printed. Without a traceback it is the last line.
    """
    first, last = _traceback(tail)
    if first is None or last is None:
        line = tail[-1] if tail else ""
    else:
        line = _exception(tail[last + 1 :])
        if _WRAPPER.match(line):
            printed = [text for text in tail[max(0, first - _LINES_BEFORE) : first] if text.strip()]
            while printed and _WITHOUT_MEANING.match(printed[-1].strip()):
                is_echo = printed.pop().startswith("Running shell command: ")
                if is_echo:
                    printed = []  # the command printed nothing
            line = printed[-1] if printed else line
    return line.strip()[:_LONGEST]


def _traceback(tail: Sequence[str]) -> tuple[int | None, int | None]:
    """The first and the last header of the last failure's tracebacks; None where there is no traceback."""
    headers = [number for number, line in enumerate(tail) if line.strip() == _HEADER]
    if not headers:
        return None, None
    first = last = headers.pop()
    while headers and first and tail[first - 1].strip() in _CHAINS:
        first = headers.pop()
    return first, last


def _exception(lines: Sequence[str]) -> str:
    """The exception: the first line after the header that is not indented as the frames are."""
    return next((line for line in lines if not line.startswith(" ")), lines[-1] if lines else "")

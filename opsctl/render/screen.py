"""The two consoles: words for people on standard error, data on standard output."""

from __future__ import annotations

import io
import json
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from opsctl.core.errors import Interrupted, UsageProblem
from opsctl.render.encoding import settle_streams
from opsctl.render.live import bar, spinner
from opsctl.render.page import Page, harmless, table

__all__ = ["Screen", "counted", "duration_text", "harmless", "size_text"]


class Screen:
    """What a verb prints through.

    Both make other people's text harmless and fold lines (`Page`). Off a terminal, with `NO_COLOR` or `TERM=dumb` there
    are no colours and no redraws.
    """

    def __init__(self) -> None:
        settle_streams()
        self.words = Page(stderr=True)
        self.data = Page()
        self._said_once: set[str] = set()

    def say(self, text: str = "", *, style: str | None = None) -> None:
        """One line of words; markup in it is text."""
        self.words.print(text, style=style)

    def say_once(self, text: str, *, key: str | None = None) -> None:
        """A line about a wait: said once, however often it is looked.

        Parameters
        ----------
        key
            What makes two lines the same; None: the text.
        """
        key = text if key is None else key
        if key not in self._said_once:
            self._said_once.add(key)
            self.say(text)

    def warn(self, text: str) -> None:
        """A line that must not be overlooked."""
        self.say(f"! {text}", style="yellow")

    def hints(self, commands: Mapping[str, str]) -> None:
        """What to type next: each command and what it is for."""
        self.say()
        for line in table([(f"  {command}", purpose) for command, purpose in commands.items()], room=self.words.room):
            self.words.print(line)

    def json(self, value: Any) -> None:
        """One JSON document on standard output."""
        self._write(json.dumps(value, indent=2, ensure_ascii=not self.data.knows_unicode))

    def json_line(self, value: Mapping[str, Any]) -> None:
        """One JSON object on a line of its own, at once."""
        self._write(json.dumps(value, ensure_ascii=not self.data.knows_unicode))

    def confirm(self, question: str, *, assume_yes: bool) -> bool:
        """Ask; no terminal to ask on counts as a usage error rather than a yes.

        Raises
        ------
        UsageProblem
            When nobody can answer.
        Interrupted
            After Ctrl-C.
        """
        if assume_yes:
            return True
        if not sys.stdin.isatty():
            raise UsageProblem(f"{question} There is no terminal to answer on.", "Add --yes.")
        _forget_typed(sys.stdin)
        answer = ""
        try:
            self.words.print(f"{question} [y/N]", end=" ")
            answer = sys.stdin.readline()
        except KeyboardInterrupt as error:
            raise Interrupted("Stopped: the question was not answered.") from error
        finally:
            # After Ctrl-C or Ctrl-D the cursor is still behind the question.
            if not answer.endswith("\n"):
                self.say()
        return answer.strip().lower() in ("y", "yes")

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """A spinner while something short goes on; off a terminal, nothing."""
        with spinner(self.words, text):
            yield

    @contextmanager
    def transfer(self, text: str, *, size_bytes: int) -> Iterator[Callable[[int], None]]:
        """A bar for files that go up or come down; yields a function to be told each file's bytes."""
        with bar(self.words, text, total=size_bytes, told=size_text) as advance:
            yield advance

    @contextmanager
    def counting(self, text: str, *, total: int) -> Iterator[Callable[[int], None]]:
        """A bar for things that are looked at one by one."""
        with bar(self.words, text, total=total, told="{:,}".format) as advance:
            yield advance

    def _write(self, line: str) -> None:
        if self.data.is_unread:
            return
        try:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            self.data.on_broken_pipe()


def _forget_typed(keyboard: TextIO) -> None:
    """What was typed before a question was shown is no answer to it."""
    with suppress(termios.error, io.UnsupportedOperation):
        termios.tcflush(keyboard.fileno(), termios.TCIFLUSH)


def size_text(size_bytes: float) -> str:
    """A size for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"


def duration_text(seconds: float) -> str:
    """A duration for people."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def counted(count: int, noun: str) -> str:
    """`1 scan`, `2 scans`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

"""The two consoles: messages on standard error, data on standard output."""

from __future__ import annotations

import io
import json
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from rich.text import Text

from opsctl.core.counted import counted, counted_verb
from opsctl.core.errors import Interrupted, UsageProblem
from opsctl.render.encoding import replace_unencodable
from opsctl.render.json_document import DOCUMENT_WRITTEN, with_version
from opsctl.render.live import bar, spinner
from opsctl.render.page import Page, table
from opsctl.render.typed_platform import TYPED

__all__ = ["Screen", "completed", "counted", "counted_verb", "duration_text", "size_text"]


class Screen:
    """The consoles of a verb.

    Both remove control sequences and fold lines (`Page`). Off a terminal, and with `NO_COLOR` or `TERM=dumb`, there are
    no colours and no redraws.

    Attributes
    ----------
    words, data
        The consoles on standard error and standard output.
    """

    def __init__(self) -> None:
        replace_unencodable()
        self.words = Page(stderr=True)
        self.data = Page()
        self._said_once: set[str] = set()

    def say(self, text: str = "", *, style: str | None = None) -> None:
        """Print one line of a message; markup in it is text, and commands in it name the platform as the user did."""
        self.words.print(TYPED.platform.sentence(text), style=style)

    def answer(self, line: Text | str = "", *, style: str = "") -> None:
        """Print one line of what was asked for on standard output; commands in it name the platform as the user did."""
        self.data.print(completed(line if isinstance(line, Text) else Text(line, style=style)))

    def say_once(self, text: str, *, key: str | None = None) -> None:
        """Print a line only once, for messages of loops that poll.

        Parameters
        ----------
        key
            Lines with the same key count as the same; None: the text.
        """
        key = text if key is None else key
        if key not in self._said_once:
            self._said_once.add(key)
            self.say(text)

    def warn(self, text: str) -> None:
        """Print a line that must not be overlooked."""
        self.say(f"! {text}", style="yellow")

    def hints(self, commands: Mapping[str, str]) -> None:
        """Print what to type next: each command and its purpose."""
        self.say()
        rows = [(f"  {TYPED.platform.command(command)}", purpose) for command, purpose in commands.items()]
        for line in table(rows, room=self.words.room):
            self.words.print(line)

    def json(self, value: Mapping[str, Any]) -> None:
        """Print one JSON document on standard output; an error after it is told on standard error only.

        It is ASCII: escapes keep foreign text exactly, and none of it reaches the terminal. Every document has a
        `schema_version`, 1 where it has none of its own.
        """
        DOCUMENT_WRITTEN.set()
        self._write(json.dumps(with_version(value), indent=2))

    def json_line(self, value: Mapping[str, Any]) -> None:
        """Print one JSON object with a `schema_version` on a line of its own and flush."""
        self._write(json.dumps(with_version(value)))

    def confirm(self, question: str, *, assume_yes: bool) -> bool:
        """Ask a question; without a terminal to ask on, raise a usage error.

        Raises
        ------
        UsageProblem
            If standard input is no terminal.
        Interrupted
            After Ctrl-C.
        """
        if assume_yes:
            return True
        if not sys.stdin.isatty():
            raise UsageProblem(f"{question} There is no terminal to answer on.", "Add --yes.")
        return self._answer(f"{question} [y/N]").lower() in ("y", "yes")

    def confirm_name(self, question: str, *, name: str, typed: str | None) -> bool:
        """Ask the user to type a name, so that nothing is confirmed by habit; returns whether it is the right one.

        Parameters
        ----------
        typed
            What `--confirm` says, for scripts; None: ask.

        Raises
        ------
        UsageProblem
            If `--confirm` says something else, or standard input is no terminal.
        Interrupted
            After Ctrl-C.
        """
        if typed is not None:
            if typed != name:
                raise UsageProblem(f"--confirm {typed!r} is not {name!r}: nothing was deleted.")
            return True
        if not sys.stdin.isatty():
            raise UsageProblem(f"{question} There is no terminal to type it on.", f"Add --confirm {name}.")
        answer = self._answer(f"{question} Type {name} to confirm:")
        return answer == name

    def _answer(self, question: str) -> str:
        _discard_typed(sys.stdin)
        answer = ""
        try:
            self.words.print(question, end=" ")
            answer = sys.stdin.readline()
        except KeyboardInterrupt as error:
            raise Interrupted("Stopped: the question was not answered.") from error
        finally:
            # After Ctrl-C or Ctrl-D the cursor is still on the line of the question.
            if not answer.endswith("\n"):
                self.say()
        return answer.strip()

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show a spinner while something short runs; off a terminal, nothing."""
        with spinner(self.words, text):
            yield

    @contextmanager
    def transfer(self, text: str, *, size_bytes: int) -> Iterator[Callable[[int], None]]:
        """Show a bar for uploads or downloads; yields a function that adds bytes."""
        with bar(self.words, text, total=size_bytes, amount_text=size_text) as advance:
            yield advance

    @contextmanager
    def counting(self, text: str, *, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar for things that are processed one by one; yields a function that adds a number."""
        with bar(self.words, text, total=total, amount_text="{:,}".format) as advance:
            yield advance

    def _write(self, line: str) -> None:
        if self.data.is_unread:
            return
        try:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            self.data.on_broken_pipe()


def _discard_typed(keyboard: TextIO) -> None:
    """Discard what was typed before the question was shown."""
    with suppress(termios.error, io.UnsupportedOperation):
        termios.tcflush(keyboard.fileno(), termios.TCIFLUSH)


def size_text(size_bytes: float) -> str:
    """A size with its unit, `12.3 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"


def duration_text(seconds: float) -> str:
    """A duration with its units, `3 min 05 s`."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def completed(line: Text) -> Text:
    """A line whose commands name the platform as the user did; it loses its inner styles if something was added."""
    sentence = TYPED.platform.sentence(line.plain)
    return line if sentence == line.plain else Text(sentence, style=line.style)

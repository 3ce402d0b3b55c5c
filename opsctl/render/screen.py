"""The two consoles: words for people on standard error, data on standard output."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from opsctl.core.errors import UsageProblem

# Log lines and labels are other people's text: terminal control sequences in them are not passed on.
_CONTROL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def harmless(text: str) -> str:
    """Text of unknown origin without terminal control sequences."""
    return _CONTROL.sub("", text)


class Screen:
    """What a verb prints through.

    Rich looks at the terminal, `NO_COLOR` and `TERM=dumb` itself: off a terminal there are no colours and no redraws.
    """

    def __init__(self) -> None:
        self.words = Console(stderr=True, emoji=False, highlight=False, soft_wrap=True)
        self.data = Console(emoji=False, highlight=False, soft_wrap=True)

    def say(self, text: str = "", *, style: str | None = None) -> None:
        """One line of words; markup in it is text."""
        self.words.print(text, style=style, markup=False)

    def warn(self, text: str) -> None:
        """A line that must not be overlooked."""
        self.say(f"! {text}", style="yellow")

    def hints(self, commands: Mapping[str, str]) -> None:
        """What to type next: each command and what it is for."""
        width = max(map(len, commands))
        lines = [f"  {command:<{width}}  {purpose}" for command, purpose in commands.items()]
        if max(map(len, lines)) > self.words.width:
            lines = [f"  {command}" for command in commands]
        self.say("\n".join(["", *lines]))

    def json(self, value: Any) -> None:
        """One JSON document on standard output."""
        sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def json_line(self, value: Mapping[str, Any]) -> None:
        """One JSON object on a line of its own, at once."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def confirm(self, question: str, *, assume_yes: bool) -> bool:
        """Ask; no terminal to ask on counts as a usage error rather than a yes.

        Raises
        ------
        UsageProblem
            When nobody can answer.
        """
        if assume_yes:
            return True
        if not sys.stdin.isatty():
            raise UsageProblem(f"{question} There is no terminal to answer on.", "Add --yes.")
        self.words.print(f"{question} [y/N] ", end="", markup=False)
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """A spinner while something short goes on; off a terminal, nothing."""
        if not self.words.is_terminal:
            yield
            return
        with self.words.status(text):
            yield

    @contextmanager
    def transfer(self, text: str, *, size_bytes: int) -> Iterator[Callable[[int], None]]:
        """A bar for files that go up or come down; yields a function to be told each file's bytes."""
        with Progress(
            TextColumn(text),
            BarColumn(bar_width=20),
            DownloadColumn(),
            console=self.words,
            disable=not self.words.is_terminal,
            transient=True,
        ) as progress:
            task = progress.add_task(text, total=size_bytes)
            yield lambda size: progress.advance(task, size)


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

"""The page of the tutorial: its commands, what each prints, and the parts of it that differ each time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
#: What is another each time: ids, times, durations, sizes, counts of streamlines and folders.
_VARIES = (
    (re.compile(r"-\d{8}-\d{6}-[0-9a-f]{4}"), "-ID"),
    (re.compile(r"(?:preview:)?\b[0-9a-f]{12,64}\b"), "HASH"),
    (re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?(?: ?UTC|Z)?"), "TIME"),
    (re.compile(r"\b\d\d:\d\d(?::\d\d)?\b"), "TIME"),
    (re.compile(r"(?:\d+ h )?(?:\d+ min )?\d+(?:\.\d+)? s\b|\d+ min\b"), "DURATION"),
    (re.compile(r"\d+(?:\.\d+)? (?:bytes|[kMG]i?B)(?:/s)?"), "SIZE"),
    (re.compile(r":\d{4,5}\b"), ":PORT"),
    (re.compile(r"\bpid \d+"), "pid N"),
    (re.compile(r"[━╸╺─]+"), "BAR"),
)


@dataclass(frozen=True)
class Step:
    """A command of the page and what the page says that it prints."""

    command: str
    output: str


def steps(page: str) -> list[Step]:
    """Every command of the page, in its order."""
    return [step for block in _BLOCK.findall(page) for step in _steps_of(block)]


def _steps_of(block: str) -> list[Step]:
    parts = re.split(r"^\$ ", block, flags=re.M)
    assert not parts[0].strip(), f"a block of the tutorial begins without a command:\n{block}"
    commands = (part.partition("\n") for part in parts[1:])
    return [Step(command, output.rstrip("\n")) for command, _, output in commands]


def with_outputs(page: str, output_of: Callable[[str], str]) -> str:
    """The page with other outputs below its commands."""

    def rewritten(match: re.Match[str]) -> str:
        lines = []
        for step in _steps_of(match[1]):
            lines += [f"$ {step.command}", *output_of(step.command).splitlines()]
        return "```console\n" + "\n".join(lines) + "\n```"

    return _BLOCK.sub(rewritten, page)


def lasting(output: str) -> str:
    """What stays the same of an output each time, whatever the width at which lines were folded."""
    text = " ".join(output.split())
    for pattern, replacement in _VARIES:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())

"""The page of the tutorial: its commands, what each prints, and the parts of it that differ each time."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
    (re.compile(r"\d[\d,]* objects"), "N objects"),
    (re.compile(r"\b\d+ \d+ \d+\.0\b"), "EDGE"),
    (re.compile(r"[━╸╺─]+"), "BAR"),
    # Whether `down` waits long enough to say so.
    (re.compile(r"waiting for job queue \S+: AWS Batch ends a queue in about a minute ?"), ""),
    # Tracking starts at random places, so that not every look at a scan is the same.
    (re.compile(r"(almost no edges|have an edge|regions lost) \(\d+\)"), r"\1 (N)"),
    (re.compile(r"--scan sub-\d+/ses-\d+"), "--scan SCAN"),
    (re.compile(r"\b\d+ more QA pictures"), "N more QA pictures"),
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


def with_outputs(page: str, outputs: Sequence[str]) -> str:
    """The page with other outputs below its commands, in their order."""
    left = iter(outputs)

    def rewritten(match: re.Match[str]) -> str:
        lines = []
        for step in _steps_of(match[1]):
            lines += [f"$ {step.command}", *next(left).splitlines()]
        return "```console\n" + "\n".join(lines) + "\n```"

    return _BLOCK.sub(rewritten, page)


def lasting(output: str) -> str:
    """What stays the same of an output each time, whatever the width at which lines were folded."""
    text = " ".join(output.split())
    for pattern, replacement in _VARIES:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())

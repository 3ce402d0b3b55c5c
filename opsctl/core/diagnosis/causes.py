"""Causes, grouped: what the runner, Batch and Docker say of a failure, by one title each, and what helps."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from opsctl.core.diagnosis.cause_table import CAUSES, LARGEST_MEMORY_MIB, LOGS, MEMORY, NO_MORE_MEMORY
from opsctl.core.runs.manifest import Run

_LONGEST_TITLE = 100
_PATTERNS = tuple((re.compile(pattern), title, help_) for pattern, title, help_ in CAUSES)

_M2G_FAILED = re.compile(r"^m2g ended with exit code (\d+) after [^:]*(?:: (.*))?$", re.DOTALL)
#: What differs from scan to scan: addresses, paths, file names, ids and numbers.
_OWN = re.compile(
    r"s3://\S+|(?:~|\.{0,2})/[^\s'\":,;)]+|\b(?:sub|ses)-[\w./-]+|\bi-[0-9a-f]{8,}\b|\b[0-9a-f]{8}[0-9a-f-]*\b"
    r"|\b0x[0-9a-f]+\b|(?<![\w.])[-+]?\d[\d.,:]*(?:e[-+]?\d+)?\b"
)
#: What a shell takes as it is.
_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
_VALUED = {"--only", "--memory", "--max-spend"}
_BARE = {"--yes", "-y", "--follow", "-f", "--json", "--dry-run"}


@dataclass(frozen=True)
class Cause:
    """What a failure is called, and the command or deed that helps; empty where there is none."""

    title: str
    help: str


@dataclass(frozen=True, kw_only=True)
class Group:
    """Scans with one cause.

    Attributes
    ----------
    scans
        Their names, in their order.
    example
        The first scan's own words.
    """

    title: str
    help: str
    scans: tuple[str, ...]
    example: str


def cause_of(words: str, *, run: Run | None = None) -> Cause:
    """The group that a cause belongs to.

    Parameters
    ----------
    words
        A result's cause, an attempt's reason, Batch's status reason, or what `status` says of a scan.
    run
        Fills its own command into the help, so that it can be typed as it stands; without it, `opsctl run DATASET`.
    """
    title, help_ = _known(words)
    if help_ == MEMORY and run is not None and (run.memory_mib or 0) >= LARGEST_MEMORY_MIB:
        help_ = NO_MORE_MEMORY
    if help_ == MEMORY and run is not None and run.memory_mib is None and run.resources == "csa":
        help_ = NO_MORE_MEMORY
    return Cause(title, help_.format(run=run_again(run), dataset=_dataset(run)))


def grouped(causes: Mapping[str, str], *, run: Run | None = None) -> list[Group]:
    """Scans by their causes' groups, the largest first, then as they come.

    Parameters
    ----------
    causes
        The words of each scan, by its name.
    run
        As for `cause_of`.
    """
    found: dict[Cause, list[str]] = defaultdict(list)
    for name, words in causes.items():
        found[cause_of(words, run=run)].append(name)
    groups = [
        Group(title=cause.title, help=cause.help, scans=tuple(names), example=causes[names[0]])
        for cause, names in found.items()
    ]
    return sorted(groups, key=lambda group: -len(group.scans))


def run_again(run: Run | None) -> str:
    """The command that runs a run's rest: as it was typed, without what is said anew each time."""
    if run is None or run.command_line[1:2] != ("run",):
        return f"opsctl run {_dataset(run)}"
    words = list(run.command_line)
    kept = []
    while words:
        word = words.pop(0)
        if word in _VALUED:
            words[:1] = []
        elif word not in _BARE and word.partition("=")[0] not in _VALUED:
            kept.append(word)
    return " ".join(word if _PLAIN.fullmatch(word) else "'" + word.replace("'", "'\\''") + "'" for word in kept)


def _dataset(run: Run | None) -> str:
    if run is None:
        return "DATASET"
    # Outputs lie below the dataset's name in the data bucket: a dataset beside them is known by its name there.
    bucket, _, prefix = run.dataset.removeprefix("s3://").partition("/")
    return prefix if run.output.startswith(f"s3://{bucket}/") and prefix else run.dataset


def _known(words: str) -> tuple[str, str]:
    failed = _M2G_FAILED.match(words)
    if failed:
        code, last = failed.groups()
        return (f"m2g failed: {_common(last)}" if last else f"m2g failed with exit code {code}"), LOGS
    for pattern, title, help_ in _PATTERNS:
        if pattern.search(words):
            return title, help_
    return _common(words) or "failed without a reason", LOGS


def _common(words: str) -> str:
    """Words without what differs from scan to scan."""
    text = " ".join(_OWN.sub("…", words).split())
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1]}…"

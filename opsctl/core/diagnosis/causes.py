"""From the message of a failure to its cause: one title for all scans that share it, and what to do about it."""

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
_SCAN_SPECIFIC = re.compile(
    r"s3://\S+|(?:~|\.{0,2})/[^\s'\":,;)]+|\b(?:sub|ses)-[\w./-]+|\bi-[0-9a-f]{8,}\b|\b[0-9a-f]{8}[0-9a-f-]*\b"
    r"|\b0x[0-9a-f]+\b|(?<![\w.])[-+]?\d[\d.,:]*(?:e[-+]?\d+)?\b"
)
#: An argument that a shell needs no quotes for.
_UNQUOTED = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
#: Options of `run` that apply to one run only, with and without a value.
_ONCE_WITH_VALUE = {"--only", "--memory", "--max-spend"}
_ONCE = {"--yes", "-y", "--follow", "-f", "--json", "--dry-run"}


@dataclass(frozen=True)
class Cause:
    """The title of a cause, and the command or action that helps; `help` may be empty."""

    title: str
    help: str


@dataclass(frozen=True, kw_only=True)
class Group:
    """Scans with the same cause.

    Attributes
    ----------
    scans
        The scans' names, in their order.
    example
        The message of the first scan.
    """

    title: str
    help: str
    scans: tuple[str, ...]
    example: str


def cause_of(message: str, *, run: Run | None = None) -> Cause:
    """The cause that a message means.

    Parameters
    ----------
    message
        A result's cause, an attempt's reason, Batch's status reason, or a cause that `status` shows.
    run
        The help contains this run's own command, ready to be typed; None: `opsctl run DATASET`.
    """
    title, help_ = _title_and_help(message)
    if help_ == MEMORY and run is not None and (run.memory_mib or 0) >= LARGEST_MEMORY_MIB:
        help_ = NO_MORE_MEMORY
    if help_ == MEMORY and run is not None and run.memory_mib is None and run.resources == "csa":
        help_ = NO_MORE_MEMORY
    return Cause(title, help_.format(run=run_again(run), dataset=_dataset(run)))


def grouped(causes: Mapping[str, str], *, run: Run | None = None) -> list[Group]:
    """Group scans by their causes, the largest group first.

    Parameters
    ----------
    causes
        The message of each scan, by scan name.
    run
        See `cause_of`.
    """
    names_by_cause: dict[Cause, list[str]] = defaultdict(list)
    for name, message in causes.items():
        names_by_cause[cause_of(message, run=run)].append(name)
    groups = [
        Group(title=cause.title, help=cause.help, scans=tuple(names), example=causes[names[0]])
        for cause, names in names_by_cause.items()
    ]
    return sorted(groups, key=lambda group: -len(group.scans))


def run_again(run: Run | None) -> str:
    """The command that runs the rest of a run: as it was typed, without the options that apply to one run only."""
    if run is None or run.command_line[1:2] != ("run",):
        return f"opsctl run {_dataset(run)}"
    remaining = list(run.command_line)
    arguments = []
    while remaining:
        argument = remaining.pop(0)
        if argument in _ONCE_WITH_VALUE:
            remaining[:1] = []
        elif argument not in _ONCE and argument.partition("=")[0] not in _ONCE_WITH_VALUE:
            arguments.append(argument)
    return " ".join(map(_quoted, arguments))


def _quoted(argument: str) -> str:
    return argument if _UNQUOTED.fullmatch(argument) else "'" + argument.replace("'", "'\\''") + "'"


def _dataset(run: Run | None) -> str:
    if run is None:
        return "DATASET"
    # Outputs are below the dataset's name in the data bucket, so a dataset in that bucket is known by its name.
    bucket, _, prefix = run.dataset.removeprefix("s3://").partition("/")
    return prefix if run.output.startswith(f"s3://{bucket}/") and prefix else run.dataset


def _title_and_help(message: str) -> tuple[str, str]:
    m2g_failed = _M2G_FAILED.match(message)
    if m2g_failed:
        exit_code, last_line = m2g_failed.groups()
        title = f"m2g failed: {_generalized(last_line)}" if last_line else f"m2g failed with exit code {exit_code}"
        return title, LOGS
    for pattern, title, help_ in _PATTERNS:
        if pattern.search(message):
            return title, help_
    return _generalized(message) or "failed without a reason", LOGS


def _generalized(message: str) -> str:
    """A message without what differs from scan to scan."""
    text = " ".join(_SCAN_SPECIFIC.sub("…", message).split())
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1]}…"

"""From the reason of a failure to its cause: one title for all scans that share it, and what to do about it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opsctl.core.dataset_argument import typed_dataset
from opsctl.core.deletion.subject import DELETED_LABEL
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.cause_table import CAUSES
from opsctl.core.diagnosis.reason import Facts, Reason
from opsctl.core.platform.registered_memory import LARGEST_MEMORY_MIB
from opsctl.core.runs.manifest import Run

_NO_MORE_MEMORY = "its jobs have the largest instance's memory already: fewer --seeds, or a --voxelsize of 4mm"
_NO_JOB_HOLDS_IT = "no job has that much memory: leave out the atlas with the most regions (--parcellation)"

#: Their help names a `--memory` of its own.
_ASKS_FOR_LESS_MEMORY = (CauseCode.QUEUE_JOB_SIZE_LIMIT, CauseCode.INSTANCE_TOO_SMALL)

_LONGEST_TITLE = 100
#: Of a failed scan's log.
_LINES_SHOWN = 20
#: What differs from scan to scan: addresses, paths, file names, ids and numbers.
_SCAN_SPECIFIC = re.compile(
    r"s3://\S+|(?:~|\.{0,2})/[^\s'\":,;)]+|\b(?:sub|ses)-[\w./-]+|\bi-[0-9a-f]{8,}\b|\b[0-9a-f]{8}[0-9a-f-]*\b"
    r"|\b0x[0-9a-f]+\b|(?<![\w.])[-+]?\d[\d.,:]*(?:e[-+]?\d+)?\b"
)
#: An argument that a shell needs no quotes for.
_UNQUOTED = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
#: Options of `run` that apply to one run only, with and without a value.
_ONCE_WITH_VALUE = {"--only", "--max-spend"}
#: Options of `run` that choose scans.
_WHICH_SCANS = {
    "--participant-label", "--session-label", "--task", "--acq", "--run-label", "--scan", "--exclude", "--first",
}  # fmt: skip
#: What a deletion has put in place of a subject's label.
_OF_A_DELETED_SUBJECT = re.compile(rf"(?:^|sub-){DELETED_LABEL}(?![A-Za-z0-9])")
_ONCE = {"--yes", "-y", "--follow", "-f", "--json", "--dry-run", "-v", "--verbose", "--no-color"}


@dataclass(frozen=True)
class Cause:
    """What a code means to a person: its title, and the command or action that helps."""

    code: str
    title: str
    help: str


@dataclass(frozen=True, kw_only=True)
class Group:
    """Scans with the same cause.

    Attributes
    ----------
    scans
        The scans' names, in their order.
    example, facts
        The message of the first scan, and what its cause is made of.
    has_detail
        Whether the title holds the first scan's own reason, so that its message says no more.
    """

    code: str
    title: str
    help: str
    scans: tuple[str, ...]
    example: str
    facts: Facts = field(default_factory=dict, hash=False)
    has_detail: bool = False


def cause_of(reason: Reason, *, run: Run | None = None, scan: str = "") -> Cause:
    """The cause that a reason means.

    Parameters
    ----------
    reason
        Why the scan failed or waits.
    run
        The help contains this run's own command, ready to be typed; None: `opsctl run DATASET`.
    scan
        The scan whose log lines the help shows; empty: those of every failed scan.
    """
    code, detail = known_code(reason), _shortened(_detail(reason))
    text = CAUSES[code]
    # A message whose code is not known is its own title.
    head = "" if code is CauseCode.UNKNOWN and detail else text.title
    title = ": ".join(part for part in (head, detail) if part)
    again = run_again(run, has_own_memory=code in _ASKS_FOR_LESS_MEMORY)
    help_ = text.help.format(
        run=again, dataset=_dataset(run), memory=_memory_help(run, reason), logs=_logs(run, scan), why=_why(run)
    )
    return Cause(reason.code, title, help_)


def known_code(reason: Reason) -> CauseCode:
    """The reason's code; UNKNOWN for a code that only a newer opsctl knows."""
    try:
        return CauseCode(reason.code)
    except ValueError:
        return CauseCode.UNKNOWN


def group_key(reason: Reason) -> tuple[str, str]:
    """What the reasons of one group have in common: the code; for m2g's own failures also how its reason reads."""
    return reason.code, _generalized(_detail(reason))


def grouped(reasons: Mapping[str, Reason], *, run: Run | None = None) -> list[Group]:
    """Group scans by their causes, the largest group first.

    Parameters
    ----------
    reasons
        By scan name.
    run
        See `cause_of`.
    """
    names_by_key: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, reason in reasons.items():
        names_by_key[group_key(reason)].append(name)
    groups = []
    for names in names_by_key.values():
        example = reasons[names[0]]
        cause = cause_of(example, run=run, scan=names[0])
        groups.append(
            Group(
                code=cause.code,
                title=group_title([reasons[name] for name in names]),
                help=cause.help,
                scans=tuple(names),
                example=example.message,
                facts=example.facts,
                has_detail=bool(_detail(example)),
            )
        )
    return sorted(groups, key=lambda group: -len(group.scans))


def group_title(reasons: Sequence[Reason]) -> str:
    """The title of reasons with one `group_key`; where they differ in numbers or names, it is the first one's."""
    titles = list(dict.fromkeys(cause_of(reason).title for reason in reasons))
    return titles[0] if len(titles) == 1 else f"{titles[0]} (the first of {len(titles)} that differ only in details)"


def run_again(run: Run | None, *, has_own_memory: bool = False, whole_dataset: bool = False) -> str:
    """The command that runs the rest of a run: as it was typed, without the options that apply to one run only.

    Parameters
    ----------
    has_own_memory
        Whether another `--memory` is added to it. Otherwise the typed one stays: with less the rest might not fit, and
        an atlas that needs it would be refused.
    whole_dataset
        Whether the options that chose some of the scans are left out, too.
    """
    if run is None or "run" not in run.command_line:
        return f"opsctl run {_dataset(run)}"
    left_out = _ONCE_WITH_VALUE | ({"--memory", "--pack"} if has_own_memory else set())
    left_out |= _WHICH_SCANS if whole_dataset else set()
    # Options of opsctl itself may stand before the verb: whoever prints the command adds the platform.
    arguments, remaining = ["opsctl", "run"], list(run.command_line[run.command_line.index("run") + 1 :])
    while remaining:
        argument = remaining.pop(0)
        option, has_value, value = argument.partition("=")
        # m2g spells its options with underscores, and `run` takes both.
        option = option.replace("_", "-")
        if not has_value and (option in left_out or (option in _WHICH_SCANS and _is_deleted(run, *remaining[:1]))):
            remaining[:1] = []
        elif option in _WHICH_SCANS and _is_deleted(run, value):
            continue
        elif argument not in _ONCE and option not in left_out:
            arguments.append(argument)
    return " ".join(map(_quoted, arguments))


def _is_deleted(run: Run, value: str = "") -> bool:
    """Whether an option's value chose a subject that was deleted since: typed again, it would choose no scan."""
    return run.deleted_count > 0 and _OF_A_DELETED_SUBJECT.search(value) is not None


def _quoted(argument: str) -> str:
    return argument if _UNQUOTED.fullmatch(argument) else "'" + argument.replace("'", "'\\''") + "'"


def _dataset(run: Run | None) -> str:
    if run is None:
        return "DATASET"
    # A record may say anything: an address that is none is shown as it is.
    return typed_dataset(run.dataset, data_bucket=run.output.removeprefix("s3://").partition("/")[0])


def _memory_help(run: Run | None, reason: Reason) -> str:
    """How to run the failed scans with more memory; where there is no more, how they need less."""
    if reason.number("allocation_mib") >= LARGEST_MEMORY_MIB:
        return _NO_JOB_HOLDS_IT
    if run is not None:
        # The jobs of model csa are sized for the largest instance.
        memory_mib = run.memory_mib or (LARGEST_MEMORY_MIB if run.resources == "csa" else 0)
        if memory_mib >= LARGEST_MEMORY_MIB:
            return _NO_MORE_MEMORY
    grows_to_mib = (run.grows_to_mib or 0) if run is not None else 0
    # Where it is enough, the same as what follows the run gives them by itself.
    memory_mib = grows_to_mib if reason.number("allocation_mib") < grows_to_mib else LARGEST_MEMORY_MIB
    return f"`{run_again(run, has_own_memory=True)} --only failed --memory {memory_mib}`"


def _logs(run: Run | None, scan: str) -> str:
    """The command that shows the last lines of a scan."""
    which = _quoted(scan) if scan else "--failed"
    return f"opsctl logs {which} --tail {_LINES_SHOWN}{_of_run(run)}"


def _why(run: Run | None) -> str:
    return f"opsctl why{_of_run(run)}"


def _of_run(run: Run | None) -> str:
    return f" --run {run.run_id}" if run is not None else ""


def _detail(reason: Reason) -> str:
    """What tells the causes of one code apart: m2g's own reason, or the whole message where the code is not known."""
    code = known_code(reason)
    if code is CauseCode.M2G_FAILED:
        own_reason = " ".join(str(reason.facts.get("reason", "")).split())
        return own_reason or f"exit code {reason.facts.get('exit_code', 'unknown')}"
    return " ".join(reason.message.split()) if code is CauseCode.UNKNOWN else ""


def _generalized(message: str) -> str:
    """A message without what differs from scan to scan: only reasons are compared by it, no person reads it."""
    return _shortened(" ".join(_SCAN_SPECIFIC.sub("…", message).split()))


def _shortened(message: str) -> str:
    return message if len(message) <= _LONGEST_TITLE else f"{message[: _LONGEST_TITLE - 1]}…"

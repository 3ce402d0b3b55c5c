"""Shows what `check`, and the look of `run`, found in scans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from textwrap import wrap

from rich.text import Text

from opsctl.commands.dataset.bids_names import BidsNames
from opsctl.commands.dataset.check import Look
from opsctl.commands.dataset.discovery import ChosenScans
from opsctl.core.dataset.scan_validation import Level, Verdict
from opsctl.core.harmless import harmless
from opsctl.render.page import table
from opsctl.render.scans import chosen_lines, discovery_lines
from opsctl.render.screen import Screen, counted

#: A verdict as it is shown: `check` without --whole has seen the first bytes of the images only.
_SHOWN: dict[Level, str] = {"fine": "nothing wrong seen", "warning": "warning", "wrong": "wrong"}
_STYLES: dict[Level, str] = {"fine": "green", "warning": "yellow", "wrong": "red"}

#: How many scans `run` names, and how many of those that share a finding.
_MOST_SCANS = 8
_MOST_NAMES = 3


def show_verdicts(screen: Screen, choice: ChosenScans, verdicts: Sequence[Verdict], *, is_all: bool) -> None:
    """Show the scans with a finding, or all scans, and how many have which verdict.

    Parameters
    ----------
    is_all
        Whether scans without a finding are shown as well.
    """
    for line in (*discovery_lines(choice.discovery), *chosen_lines(choice)):
        screen.say(line)
    shown = [verdict for verdict in verdicts if is_all or verdict.level != "fine"]
    for row in verdict_lines(shown, room=screen.data.room):
        screen.data.print(row)
    screen.data.print(summary_line(verdicts))


def verdict_lines(verdicts: Sequence[Verdict], *, room: int | None) -> list[Text]:
    """Scans with their verdicts and findings, a line each; on a narrow terminal the findings stand below."""
    rows = [
        [
            Text(harmless(verdict.scan)),
            Text(_SHOWN[verdict.level], style=_STYLES[verdict.level]),
            Text(harmless("; ".join((*verdict.findings, *_timing_text(verdict))))),
        ]
        for verdict in verdicts
    ]
    lines = table(rows, room=None)
    if room is None or all(line.cell_len <= room for line in lines):
        return lines
    stacked = []
    for verdict, (scan, level, _) in zip(verdicts, rows, strict=True):
        head = Text.assemble(scan, "  ", level)
        stacked += [head] if head.cell_len <= room else [scan, Text("  ") + level]
        for finding in (*verdict.findings, *_timing_text(verdict)):
            stacked += [Text(f"    {line}") for line in _wrapped(harmless(finding), room - 4)]
    return stacked


def summary_line(verdicts: Sequence[Verdict]) -> str:
    """How many scans m2g cannot process, and how many have a warning."""
    counts = Counter(verdict.level for verdict in verdicts)
    total = counted(len(verdicts), "scan")
    parts = []
    if counts["wrong"]:
        parts.append(f"m2g cannot process {counts['wrong']:,}")
    if counts["warning"]:
        parts.append(f"{counts['warning']:,} {'has' if counts['warning'] == 1 else 'have'} a warning")
    if not verdicts:
        return "There is no scan to check."
    if not parts:
        return f"{total} checked: nothing wrong was seen."
    if counts["fine"]:
        parts.append(f"nothing wrong was seen in {counts['fine']:,}")
    return f"{total} checked: {', '.join(parts)}."


def show_bids_names(screen: Screen, names: BidsNames) -> None:
    """Show what pybids says of a folder's names and its description; m2g may process what it refuses."""
    count = len(names.invalid)
    if not count:
        screen.say(f"pybids: {_all_names_text(names.file_count)}.")
    else:
        of = f"{count:,} of {counted(names.file_count, 'name')}"
        screen.warn(f"pybids: {of} {'is' if count == 1 else 'are'} not valid BIDS:")
        for path in names.invalid[:_MOST_SCANS]:
            screen.say(f"  {harmless(path)}", style="yellow")
        if count > _MOST_SCANS:
            screen.say(f"  … and {count - _MOST_SCANS:,} more (--json lists all)", style="yellow")
    if names.description:
        screen.warn(f"pybids: {harmless(names.description)}")


def _all_names_text(count: int) -> str:
    return "the only name is valid BIDS" if count == 1 else f"all {count:,} names are valid BIDS"


def invalid_lines(look: Look) -> list[str]:
    """The scans that m2g cannot process, of those that `run` looked at; none where there is none."""
    invalid = look.invalid
    if not invalid:
        return []
    lines = [f"m2g cannot process {len(invalid):,} of {counted(len(look.verdicts), 'scan')}:"]
    lines += [f"  {verdict.scan}: {'; '.join(verdict.findings)}" for verdict in invalid[:_MOST_SCANS]]
    if len(invalid) > _MOST_SCANS:
        lines.append(f"  … and {counted(len(invalid) - _MOST_SCANS, 'more scan')}")
    return lines


def warning_lines(look: Look) -> list[str]:
    """The other findings, each once with the scans that share it; none where there is none."""
    scans_by_finding: dict[str, list[str]] = {}
    warned = [verdict for verdict in look.verdicts if verdict.level == "warning"]
    for verdict in warned:
        for finding in verdict.findings:
            scans_by_finding.setdefault(finding, []).append(verdict.scan)
    if not warned:
        return []
    lines = [f"{counted(len(warned), 'scan')} {'has' if len(warned) == 1 else 'have'} a warning:"]
    findings = [f"  {_names_text(scans)}: {finding}" for finding, scans in scans_by_finding.items()]
    lines += findings[:_MOST_SCANS]
    if len(findings) > _MOST_SCANS:
        lines.append(f"  … and {counted(len(findings) - _MOST_SCANS, 'more warning')}")
    return lines


def timing_line(verdicts: Sequence[Verdict]) -> str:
    """The repetition times and slice orders that m2g is told; empty where there is no bold series."""
    timings = [verdict.timing for verdict in verdicts if verdict.timing is not None]
    if not timings:
        return ""
    times = Counter("unknown" if timing.tr_seconds is None else f"{timing.tr_seconds:g} s" for timing in timings)
    orders = Counter(timing.acquisition for timing in timings)
    return f"repetition time: {_counts_text(times)}; slice order: {_counts_text(orders)}"


def _wrapped(text: str, width: int) -> list[str]:
    """A text in lines; the last one has no word alone where the line above can give one."""
    lines = wrap(text, max(width, 1), break_long_words=False, break_on_hyphens=False)
    if len(lines) > 1 and " " not in lines[-1]:
        above, _, word = lines[-2].rpartition(" ")
        if " " in above and len(word) + 1 + len(lines[-1]) <= width:
            lines[-2:] = [above, f"{word} {lines[-1]}"]
    return lines


def _timing_text(verdict: Verdict) -> tuple[str, ...]:
    timing = verdict.timing
    if timing is None or timing.tr_seconds is None:
        return ()
    return (f"repetition time {timing.tr_seconds:g} s, slice order {timing.acquisition}",)


def _counts_text(counts: Counter[str]) -> str:
    if len(counts) == 1:
        return next(iter(counts))
    shown = [f"{value} ({counted(count, 'scan')})" for value, count in counts.most_common(_MOST_NAMES)]
    return ", ".join(shown) + (", …" if len(counts) > _MOST_NAMES else "")


def _names_text(scans: Sequence[str]) -> str:
    if len(scans) <= _MOST_NAMES:
        return ", ".join(scans)
    return f"{counted(len(scans), 'scan')}, e.g. {scans[0]}"

"""Runs, their scans and their states."""

from __future__ import annotations

from collections import Counter

from rich.text import Text

from opsctl.commands.run import Prepared
from opsctl.core.scan import Discovery
from opsctl.core.status import RunStatus, State
from opsctl.render.screen import Screen, counted, duration_text, harmless, size_text

_STYLES: dict[State, str] = {
    "PENDING": "dim",
    "RUNNABLE": "dim",
    "STARTING": "cyan",
    "RUNNING": "cyan",
    "FAILED": "red",
    "DONE": "green",
}
_BAR_STATES: tuple[State, ...] = ("DONE", "RUNNING", "STARTING", "FAILED", "RUNNABLE", "PENDING")
_FULL, _PLAIN = "━", "#"
_FAILED_SHOWN = 20


def discovery_lines(discovery: Discovery) -> list[str]:
    """Counts, exclusions by reason, and the choices that were made."""
    total = len(discovery.scans) + len(discovery.excluded)
    lines = [f"{counted(total, 'scan')}, {len(discovery.scans)} runnable, {len(discovery.excluded)} excluded"]
    for reason, count in Counter(one.reason for one in discovery.excluded).most_common():
        example = next(one.key for one in discovery.excluded if one.reason == reason)
        lines.append(f"  excluded: {reason} ({count}), e.g. {harmless(example)}")
    noted = [scan for scan in discovery.scans if scan.note]
    lines += [f"  {scan.name}: {scan.note}" for scan in noted[:5]]
    if len(noted) > 5:
        lines.append(f"  … and so for {len(noted) - 5} more scans")
    return [*lines, *(f"  {warning}" for warning in discovery.warnings)]


def prepared_lines(prepared: Prepared) -> list[str]:
    """What a run will do and about what it will cost."""
    run, cost = prepared.run, prepared.estimate
    size = sum(scan.size_bytes for scan in prepared.chosen)
    lines = discovery_lines(prepared.discovery)
    if len(prepared.chosen) < len(prepared.discovery.scans):
        lines.append(f"  {counted(len(prepared.chosen), 'scan')} of them chosen")
    options = prepared.run.m2g
    lines.append(f"m2g: {options['pipeline']}, {run.model}, {options['space']}, {options['mod']}; {size_text(size)} in")
    lines.append(f"out: {run.output}")
    if cost.usd:
        lines.append(f"about ${cost.usd:,.2f} (${cost.usd_per_scan:.2f} a scan: {cost.basis})")
    else:
        lines.append(f"costs nothing: the jobs run on {cost.basis}, with the preview in m2g's place")
    return lines


def show_status(screen: Screen, status: RunStatus) -> None:
    """One line of counts, a bar, then only the scans that need a person."""
    counts = status.counts
    total = len(status.scans)
    screen.say(status.run.run_id, style="bold")
    line = Text()
    for state, count in counts.items():
        line.append(f"{state} {count}  ", style=_STYLES[state] if count else "dim")
    line.append(f"TOTAL {total}")
    screen.data.print(line)
    screen.words.print(_bar(screen, counts, total))
    for scan in status.failed[:_FAILED_SHOWN]:
        screen.data.print(Text.assemble((f"  {scan.name}  ", "red"), harmless(scan.cause)))
    if len(status.failed) > _FAILED_SHOWN:
        screen.say(f"  … and {len(status.failed) - _FAILED_SHOWN} more (`opsctl status --json` has all)")
    waiting = Counter(scan.cause for scan in status.scans if scan.state == "RUNNABLE" and scan.cause)
    for cause, count in waiting.most_common(3):
        screen.say(f"  {counted(count, 'scan')} wait: {harmless(cause)}")


def _bar(screen: Screen, counts: dict[State, int], total: int) -> Text:
    width = max(10, min(60, screen.words.width - 2))
    mark = _FULL if screen.words.encoding.startswith("utf") else _PLAIN
    bar = Text()
    filled = 0
    seen = 0
    for state in _BAR_STATES:
        seen += counts[state]
        until = round(width * seen / total)
        bar.append(mark * (until - filled), style=_STYLES[state])
        filled = until
    return bar


def end_line(name: str, state: State, cause: str, seconds: float) -> Text:
    """A scan's end, told among its log lines."""
    if state == "DONE":
        return Text(f"{name} done in {duration_text(seconds)}", style="green")
    return Text(f"{name} failed: {harmless(cause)}", style="red")

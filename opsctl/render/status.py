"""Shows a run's status: counts, a bar, then only what needs the user's attention."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Group
from rich.live import Live
from rich.text import Text

from opsctl.core.costs.estimate import about_text
from opsctl.core.diagnosis.causes import Group as CauseGroup
from opsctl.core.diagnosis.causes import cause_of, grouped
from opsctl.core.diagnosis.reason import batch_reason
from opsctl.core.harmless import harmless
from opsctl.core.runs.status import ACTIVE, RunStatus, State
from opsctl.render.cost import charged_text
from opsctl.render.page import Page
from opsctl.render.progress import progress_lines
from opsctl.render.scan_warnings import warnings_text
from opsctl.render.screen import Screen, counted, duration_text

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
_WIDEST_BAR = 60
_WORTH_SAYING_USD = 0.00005
_GROUPS_SHOWN = 10
_NAMES_SHOWN = 5


def show_status(screen: Screen, status: RunStatus) -> None:
    """Show counts and problems on standard output; the run's name, the bar and hints on standard error."""
    screen.say(status.run.run_id, style="bold")
    screen.data.print(counts_line(status, width=screen.data.room))
    screen.words.print(_bar(screen.words, status))
    for line in (*_problem_lines(status), *progress_lines(status.progress.values())):
        screen.data.print(line)
    screen.hints(_hints(status))


@contextmanager
def watching(screen: Screen, *, is_shown: bool = True) -> Iterator[Callable[[RunStatus], None]]:
    """Yield a function that shows each status: redrawn on a terminal; elsewhere a line for each change.

    Parameters
    ----------
    is_shown
        False: show nothing.
    """
    if not is_shown:
        yield lambda _: None
        return
    if not screen.words.is_live:
        yield _LinePerChange(screen).show
        return
    last: RunStatus | None = None

    def picture() -> Group:
        return Group() if last is None else _picture(screen.words, last)

    try:
        # The alternate screen: nothing of it stays, even if the window is resized. It is redrawn once a second to the
        # window's current size.
        with Live(
            get_renderable=picture, console=screen.words, screen=True, refresh_per_second=1, redirect_stdout=False
        ) as live:

            def show(status: RunStatus) -> None:
                nonlocal last
                last = status
                live.refresh()

            yield show
    except Exception:
        if last is not None:
            show_status(screen, last)
        raise


def _picture(page: Page, status: RunStatus) -> Group:
    lines = [Text(status.run.run_id, style="bold"), counts_line(status, width=page.width), _bar(page, status)]
    end = Text("Ctrl-C stops watching, the jobs go on", style="dim")
    lines += [*_problem_lines(status), *progress_lines(status.progress.values())]
    folded = [part for line in lines for part in page.folded(line)]
    # Problems come first. What does not fit is in the final status, which stays on the screen.
    return Group(*folded[: max(1, page.height - 1)], end)


class _LinePerChange:
    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._last: dict[State, int] | None = None

    def show(self, status: RunStatus) -> None:
        if status.counts != self._last:
            self._last = status.counts
            self._screen.data.print(counts_line(status, width=self._screen.data.room))
            if self._screen.data.is_unread:
                raise BrokenPipeError


def counts_line(status: RunStatus, *, width: int | None) -> Text:
    """`PENDING 0  RUNNABLE 0 …  TOTAL 4  about $1.23 so far`, folded between two counts.

    Parameters
    ----------
    width
        The terminal's width; None: do not fold.
    """
    parts = [
        Text(f"{state} {count}", style=_STYLES[state] if count else "dim") for state, count in status.counts.items()
    ]
    parts.append(Text(f"TOTAL {status.total}"))
    if status.bill is not None:
        parts.append(Text(money_text(status)))
    line = Text()
    line_start = 0
    for part in parts:
        if len(line) and width is not None and len(line) - line_start + 2 + len(part) > width:
            line.append("\n")
            line_start = len(line)
        elif len(line):
            line.append("  ")
        line.append_text(part)
    return line


def money_text(status: RunStatus) -> str:
    """What the run has cost so far; empty if that is unknown."""
    if status.bill is None:
        return ""
    so_far = "" if status.is_over else " so far"
    money = charged_text(status.bill.usd, is_local=status.is_local, is_complete=status.bill.is_complete) + so_far
    if status.adopted_bill is not None and status.adopted_bill.usd >= _WORTH_SAYING_USD:
        money += f" (and {about_text(status.adopted_bill.usd)} in earlier runs)"
    return money


def end_line(name: str, state: State, cause: str, seconds: float) -> Text:
    """The line about a scan's end among its log lines."""
    if state == "DONE":
        return Text(f"{name} done in {duration_text(seconds)}", style="green")
    return Text(f"{name} failed: {harmless(cause)}", style="red")


def _problem_lines(status: RunStatus) -> list[Text]:
    lines = []
    for group in status.failures[:_GROUPS_SHOWN]:
        lines += _failure_lines(group)
    if len(status.failures) > _GROUPS_SHOWN:
        rest = sum(len(group.scans) for group in status.failures[_GROUPS_SHOWN:])
        lines.append(Text(f"… and {counted(rest, 'scan')} with other causes (`opsctl status --json` has all)"))
    for group in status.unsubmitted:
        were = "was" if len(group.scans) == 1 else "were"
        note = harmless(str(group.facts.get("note", "")))
        head = f"{counted(len(group.scans), 'scan')} {were} not submitted{f': {note}' if note else ''}"
        lines += [Text(head, style="yellow"), *_help_lines(group.help)]
    if status.wait_reason and status.counts["RUNNABLE"]:
        waits = "waits" if status.counts["RUNNABLE"] == 1 else "wait"
        title = cause_of(batch_reason(status.wait_reason), run=status.run).title
        head = f"{counted(status.counts['RUNNABLE'], 'scan')} {waits}: {title} ({harmless(status.wait_reason)})"
        lines += [Text(head, style="yellow"), *_help_lines("`opsctl why` tells what to do")]
    return [*lines, *_warning_lines(status), *_retry_lines(status), *_deleted_lines(status)]


def _deleted_lines(status: RunStatus) -> list[Text]:
    count = status.run.deleted_count
    if not count:
        return []
    text = "was deleted on request and counts no more" if count == 1 else "were deleted on request and count no more"
    return [Text(f"{counted(count, 'scan')} {text}")]


def _warning_lines(status: RunStatus) -> list[Text]:
    groups = status.warnings
    if not groups:
        return []
    help_ = f"`opsctl report` shows their pictures, `opsctl status --scan {groups[0].scans[0]}` says why"
    return [Text(warnings_text(groups), style="yellow"), *_help_lines(help_)]


def _failure_lines(group: CauseGroup) -> list[Text]:
    if len(group.scans) == 1:
        head = Text.assemble((group.scans[0], "red"), f": {harmless(group.example)}")
        return [head, *_help_lines(group.help)]
    head = Text(f"{counted(len(group.scans), 'scan')}: {harmless(group.title)}", style="red")
    names = ", ".join(group.scans[:_NAMES_SHOWN])
    if len(group.scans) > _NAMES_SHOWN:
        names += f" and {len(group.scans) - _NAMES_SHOWN} more"
    lines = [head, Text(f"  {names}")]
    lines.append(Text(f"  the first: {harmless(group.example)}", style="dim"))
    return [*lines, *_help_lines(group.help)]


def _help_lines(text: str) -> list[Text]:
    return [Text(f"  → {text}")] if text else []


def _retry_lines(status: RunStatus) -> list[Text]:
    tried = [scan for scan in status.scans if scan.retried]
    lines = []
    for verb, scans in (
        ("on", [scan for scan in tried if scan.state in ACTIVE]),
        ("done at", [scan for scan in tried if scan.state == "DONE"]),
        ("failed at", [scan for scan in tried if scan.state == "FAILED"]),
    ):
        if scans:
            whose = "its" if len(scans) == 1 else "their"
            which = " or ".join(
                f"{number}{_ORDINALS.get(number, 'th')}" for number in sorted({scan.attempt for scan in scans})
            )
            reasons = [reason for scan in scans for reason in scan.retried]
            groups = grouped({str(number): reason for number, reason in enumerate(reasons)}, run=status.run)
            why = ", ".join(f"{harmless(group.title)} ({len(group.scans)})" for group in groups)
            lines.append(Text(f"{counted(len(scans), 'scan')} {verb} {whose} {which} attempt: {why}"))
    return lines


_ORDINALS = {1: "st", 2: "nd", 3: "rd"}


def _hints(status: RunStatus) -> dict[str, str]:
    hints: dict[str, str] = {}
    if not status.is_over:
        hints |= {"opsctl status --watch": "watch the counts", "opsctl logs --follow": "watch the jobs"}
    failed = [scan for scan in status.failed if scan.is_submitted]
    if failed:
        hints[f"opsctl status --scan {failed[0].name}"] = "one scan whole"
    if status.counts["DONE"]:
        hints["opsctl results DIR"] = "bring the connectomes home"
    return hints or {"opsctl run DATASET": "run what is missing"}


def _bar(page: Page, status: RunStatus) -> Text:
    width = max(10, min(_WIDEST_BAR, page.width - 2))
    mark = _FULL if page.knows_unicode else _PLAIN
    bar = Text()
    filled = 0
    scans_so_far = 0
    for state in _BAR_STATES:
        scans_so_far += status.counts[state]
        # After `opsctl delete` a run may have no scan left.
        until = round(width * scans_so_far / max(1, status.total))
        bar.append(mark * (until - filled), style=_STYLES[state])
        filled = until
    return bar

"""Shows a run's status: counts, a bar, then only what needs the user's attention."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Group
from rich.live import Live
from rich.text import Text

from opsctl.core.diagnosis.causes import Group as CauseGroup
from opsctl.core.diagnosis.causes import cause_of, grouped, run_again
from opsctl.core.diagnosis.reason import batch_reason
from opsctl.core.harmless import harmless
from opsctl.core.runs.state import DailyState
from opsctl.core.runs.status import ACTIVE, RunStatus, State
from opsctl.core.runs.time_left import RunTimes
from opsctl.core.sizing.growth import outgrown_scans
from opsctl.render.page import Page
from opsctl.render.progress import minutes_text, progress_lines
from opsctl.render.scan_warnings import warnings_text
from opsctl.render.screen import Screen, completed, counted, duration_text

STYLES: Mapping[DailyState, str] = {
    DailyState.WAITING: "dim",
    DailyState.STARTING: "cyan",
    DailyState.RUNNING: "cyan",
    DailyState.DONE: "green",
    DailyState.FAILED: "red",
    DailyState.CANCELLED: "yellow",
}
#: The bar's states from left to right, and their marks where there are no colours.
_BAR_MARKS: Mapping[DailyState, str] = {
    DailyState.DONE: "#",
    DailyState.RUNNING: ">",
    DailyState.STARTING: ">",
    DailyState.FAILED: "x",
    DailyState.CANCELLED: "-",
    DailyState.WAITING: ".",
}
_FULL = "━"
_WIDEST_BAR = 60
_WORTH_SAYING_USD = 0.00005
_GROUPS_SHOWN = 10
_NAMES_SHOWN = 5


def show_status(screen: Screen, status: RunStatus, *, with_aws_states: bool = False) -> None:
    """Show the run, its times, cost and problems on standard output; the bar and hints on standard error.

    Parameters
    ----------
    with_aws_states
        Show AWS Batch's own counts, too.
    """
    for line in _head_lines(status, width=screen.data.room):
        screen.answer(line)
    if with_aws_states:
        states = ", ".join(f"{count:,} {state}" for state, count in status.counts.items() if count)
        screen.answer(Text(f"AWS Batch: {states or 'no job'}"))
    page = screen.words
    if page.room is not None:
        page.print(_bar(page, status))
    for line in (*_problem_lines(status), *progress_lines(status.progress.values())):
        screen.answer(line)
    screen.hints(_hints(status))


def _head_lines(status: RunStatus, *, width: int | None) -> list[Text]:
    """The run, its counts, time and cost: four lines in every state of a run, so that nothing moves while it runs."""
    lines = [Text(status.run.run_id, style="bold"), counts_line(status, width=width)]
    lines += [Text(f"time  {time_text(status.times, is_over=status.is_over)}")] if status.times is not None else []
    lines += [Text(f"cost  {money_text(status)}")] if status.bill is not None else []
    return lines


def time_text(times: RunTimes, *, is_over: bool) -> str:
    """`12 min 05 s so far; about 20 to 35 min left, judging by 5 finished scans`."""
    if is_over:
        return "unknown" if times.elapsed_seconds is None else f"{duration_text(times.elapsed_seconds)} in all"
    text = f"{duration_text(times.elapsed_seconds or 0.0)} so far"
    if times.longest_left_seconds is None or times.shortest_left_seconds is None:
        return text
    shortest, longest = minutes_text(times.shortest_left_seconds), minutes_text(times.longest_left_seconds)
    if times.longest_left_seconds < 60:
        left = "less than a minute"
    elif times.shortest_left_seconds < 60:
        left = f"at most about {longest}"
    else:
        left = f"about {longest}" if shortest == longest else f"about {shortest} to {longest}"
    return f"{text}; {left} left, judging by {counted(times.finished, 'finished scan')}"


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
    lines = [*_head_lines(status, width=page.width), _bar(page, status)]
    end = Text("Ctrl-C stops watching, the jobs go on", style="dim")
    lines += [*_problem_lines(status), *progress_lines(status.progress.values())]
    folded = [part for line in lines for part in page.folded(completed(line))]
    # Problems come first. What does not fit is in the final status, which stays on the screen.
    return Group(*folded[: max(1, page.height - 1)], end)


class _LinePerChange:
    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._last: dict[DailyState, int] | None = None

    def show(self, status: RunStatus) -> None:
        counts = status.daily_counts
        if counts != self._last:
            if self._last is None:
                self._screen.answer(Text(status.run.run_id, style="bold"))
            self._last = counts
            self._screen.answer(counts_line(status, width=self._screen.data.room))
            if self._screen.data.is_unread:
                raise BrokenPipeError


def counts_line(status: RunStatus, *, width: int | None) -> Text:
    """`4 scans: 1 waiting, 2 running, 1 done`, folded between two counts; only states that a scan is in.

    Parameters
    ----------
    width
        The terminal's width; None: do not fold.
    """
    parts = [Text(f"{count:,} {state}", style=STYLES[state]) for state, count in status.daily_counts.items() if count]
    line = Text(counted(status.total, "scan"))
    line_start = 0
    for number, part in enumerate(parts):
        comma = "," if number < len(parts) - 1 else ""
        line.append(" " if number else ": ")
        if width is not None and len(line) - line_start + len(part) + len(comma) > width:
            line.rstrip()
            line.append("\n  ")
            line_start = len(line) - 2
        line.append_text(part)
        line.append(comma)
    return line


def money_text(status: RunStatus) -> str:
    """What the run has cost so far; empty if that is unknown."""
    money = status.money
    if money is None:
        return ""
    text = money.text if status.is_over else f"{money.text} so far"
    if status.adopted_bill is not None and status.adopted_bill.usd >= _WORTH_SAYING_USD:
        text += f" (and {status.adopted_bill.money(is_local=status.is_local).sum_text} in earlier runs)"
    return text


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
        lines.append(
            Text(
                f"… and {counted(rest, 'scan')} with other causes (`{_about(status, 'opsctl status --json')}` has all)"
            )
        )
    for group in status.unsubmitted:
        were = "was" if len(group.scans) == 1 else "were"
        note = harmless(str(group.facts.get("note", "")))
        head = f"{counted(len(group.scans), 'scan')} {were} not submitted{f': {note}' if note else ''}"
        lines += [Text(head, style="yellow"), *_help_lines(group.help)]
    for group in status.cancellations:
        was = "was" if len(group.scans) == 1 else "were"
        head = (
            f"{counted(len(group.scans), 'scan')} {was} {harmless(group.example or group.title)}: {_names(group.scans)}"
        )
        lines += [Text(head, style="yellow"), *_help_lines(group.help)]
    lines += [*_growth_lines(status), *_waiting_lines(status)]
    return [*lines, *_warning_lines(status), *_retry_lines(status), *_deleted_lines(status)]


def _waiting_lines(status: RunStatus) -> list[Text]:
    """What the waiting scans wait for, as far as one look tells."""
    counts = status.daily_counts
    waiting = counts[DailyState.WAITING]
    if not waiting:
        return []
    head = f"{counted(waiting, 'scan')} {'waits' if waiting == 1 else 'wait'}"
    why = _help_lines(f"`{_about(status, 'opsctl why')}` tells what to do")
    if status.wait_reason and status.counts["RUNNABLE"]:
        title = cause_of(batch_reason(status.wait_reason), run=status.run).title
        return [Text(f"{head}: {title} ({harmless(status.wait_reason)})", style="yellow"), *why]
    if all(not scan.is_submitted for scan in status.scans if scan.daily is DailyState.WAITING) and not status.unlisted:
        return [Text(f"{head} to be submitted")]
    at_work = counts[DailyState.RUNNING] + counts[DailyState.STARTING]
    if at_work and status.is_local:
        return [Text(f"{head} until {'the running scan' if at_work == 1 else 'one of the running scans'} has ended")]
    return [Text(f"{head} for an instance: `{_about(status, 'opsctl why')}` tells more")]


def _growth_lines(status: RunStatus) -> list[Text]:
    """Which scans run again with more memory, or will."""
    run = status.run
    if run.is_grown and run.submitted_count:
        memory = "more memory" if run.memory_mib is None else f"{run.memory_mib:,} MiB"
        runs = "ran" if status.is_over else "runs" if run.submitted_count == 1 else "run"
        return [
            Text(f"{counted(run.submitted_count, 'scan')} {runs} again, with {memory}: an earlier run had too little")
        ]
    outgrown = outgrown_scans(status)
    if not outgrown:
        return []
    again = f"{'it' if len(outgrown) == 1 else 'them'} again once, with {run.grows_to_mib:,} MiB"
    how = f"what follows the run to its end runs {again}"
    if status.is_over:
        wait = _about(status, "opsctl status --wait")
        # For others it submits nothing: whoever watches a colleague's run does not spend for it.
        how = f"`{wait}`, typed by {harmless(run.created_by)}, runs {again}, unless that was done"
    head = f"{counted(len(outgrown), 'scan')} outgrew the memory of the jobs"
    return [Text(head, style="yellow"), *_help_lines(how)]


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
    report, scan = _about(status, "opsctl report"), _about(status, f"opsctl status --scan {groups[0].scans[0]}")
    help_ = f"`{report}` shows their pictures, `{scan}` says why"
    return [Text(warnings_text(groups), style="yellow"), *_help_lines(help_)]


def _failure_lines(group: CauseGroup) -> list[Text]:
    if len(group.scans) == 1:
        head = Text.assemble((group.scans[0], "red"), f": {harmless(group.example)}")
        return [head, *_help_lines(group.help)]
    head = Text(f"{counted(len(group.scans), 'scan')}: {harmless(group.title)}", style="red")
    lines = [head, Text(f"  {_names(group.scans)}")]
    lines.append(Text(f"  the first: {harmless(group.example)}", style="dim"))
    return [*lines, *_help_lines(group.help)]


def _names(scans: Sequence[str]) -> str:
    more = f" and {len(scans) - _NAMES_SHOWN} more" if len(scans) > _NAMES_SHOWN else ""
    return ", ".join(scans[:_NAMES_SHOWN]) + more


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


def _about(status: RunStatus, command: str) -> str:
    """A command about this run, whichever is the latest when it is typed."""
    return f"{command} --run {status.run.run_id}"


def _hints(status: RunStatus) -> dict[str, str]:
    hints: dict[str, str] = {}
    if not status.total:
        # Every scan was deleted on request: the run's command would name what is gone.
        return hints
    if not status.is_over:
        hints[_about(status, "opsctl status --watch")] = "watch the counts"
        hints[_about(status, "opsctl logs --follow")] = "watch the jobs"
    failed = [scan for scan in status.failed if scan.is_submitted]
    if failed:
        hints[_about(status, f"opsctl status --scan {failed[0].name}")] = "show one scan in detail"
    if status.daily_counts[DailyState.DONE]:
        hints[_about(status, "opsctl results DIR")] = "download the connectomes"
    return hints or {run_again(status.run): "run what is missing"}


def _bar(page: Page, status: RunStatus) -> Text:
    width = max(10, min(_WIDEST_BAR, page.width - 2))
    counts = status.daily_counts
    # Without colours the parts of a bar of one mark look alike.
    has_colors = page.knows_unicode and not page.no_color and page.color_system is not None
    bar = Text()
    filled = 0
    scans_so_far = 0
    for state, mark in _BAR_MARKS.items():
        scans_so_far += counts[state]
        # After `opsctl delete` a run may have no scan left.
        until = round(width * scans_so_far / max(1, status.total))
        bar.append((_FULL if has_colors else mark) * (until - filled), style=STYLES[state])
        filled = until
    return bar

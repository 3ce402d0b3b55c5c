"""Shows a self-test: its jobs while they run, then a line for each check, the phases and the cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.text import Text

from opsctl.commands.selftest.jobs import WatchedJob
from opsctl.core.costs.estimate import about_text
from opsctl.core.harmless import harmless
from opsctl.core.selftest.phases import Phases
from opsctl.core.selftest.report import ModelReport, Row, SelftestReport
from opsctl.core.selftest.result import Verdict
from opsctl.render.live import drawn
from opsctl.render.page import table
from opsctl.render.screen import Screen, counted, duration_text

_STYLES: dict[Verdict, str] = {"fine": "green", "warning": "yellow", "failed": "bold red", "not_checked": "dim"}
#: A terminal narrower than this has no room for columns.
_COLUMNS = 60
_IDLE = "without the minutes for which the instances stay idle afterwards"

OnPoll = Callable[[Sequence[WatchedJob]], None]


@contextmanager
def watching(screen: Screen) -> Iterator[OnPoll]:
    """Show the jobs' states while they change; off a terminal, a line for each new state. Yields what shows them."""
    started = time.monotonic()
    shown: list[WatchedJob] = []
    states: dict[str, str] = {}

    def picture() -> Text:
        elapsed = duration_text(time.monotonic() - started)
        lines = [f"{job.model}  {job.status}" for job in shown] or ["submitting"]
        return Text("\n".join(f"{line}  {elapsed}" for line in lines))

    def show(jobs: Sequence[WatchedJob]) -> None:
        shown[:] = jobs
        for job in jobs:
            if states.get(job.model) != job.status and not screen.words.is_live:
                screen.say(f"  {job.model}: {job.status}, {duration_text(time.monotonic() - started)}")
            states[job.model] = job.status
            for finding in job.waits:
                screen.say_once(f"  {job.model}: {harmless(finding.what)} {harmless(finding.do)}")

    with drawn(screen.words, picture):
        yield show


def show_report(screen: Screen, report: SelftestReport) -> None:
    """Show the checks and phases on standard output; the summary on standard error."""
    if report.is_preview:
        screen.say("This platform runs opsctl's preview in m2g's place: what an image holds is not checked.")
    rows = _merged(report.models)
    is_narrow = (screen.data.room or _COLUMNS) < _COLUMNS
    widths = (0, 0, 0) if is_narrow else _widths(rows)
    for models, row in rows:
        verdict = Text(f"{row.verdict.replace('_', ' '):<{widths[0]}}", style=_STYLES[row.verdict])
        what = f"  {models:<{widths[1]}}  {row.title:<{widths[2]}}  {harmless(row.detail)}"
        screen.data.print(verdict + Text(what, style="default"))
        if row.remedy:
            screen.data.print(Text(f"{'':<{widths[0]}}  → {harmless(row.remedy)}", style="default"))
    for model in report.models:
        _show_last_lines(screen, model)
    screen.data.print("")
    for line in table([_phase_cells(model) for model in report.models], room=screen.data.room):
        screen.data.print(line)
    _show_summary(screen, report)


def _widths(rows: Sequence[tuple[str, Row]]) -> tuple[int, int, int]:
    """The widths of the columns: verdict, models, title."""
    models, titles = max(len(models) for models, _ in rows), max(len(row.title) for _, row in rows)
    return len("not checked"), models, titles


def _merged(models: Sequence[ModelReport]) -> list[tuple[str, Row]]:
    """The rows in the order of the checks, with the models that they are of: alike ones once."""
    merged: list[tuple[str, Row]] = []
    for check in dict.fromkeys(row.check for model in models for row in model.rows):
        alike: dict[tuple[str, str], tuple[str, Row]] = {}
        for model in models:
            for row in model.rows:
                if row.check == check:
                    names, first = alike.get((row.verdict, row.detail), ("", row))
                    alike[row.verdict, row.detail] = (f"{names} {model.model}".strip(), first)
        merged += alike.values()
    return merged


def _show_last_lines(screen: Screen, model: ModelReport) -> None:
    if model.last_lines:
        screen.data.print(f"The last lines of {model.model}'s job:")
        for line in model.last_lines:
            screen.data.print(Text(f"  {harmless(line)}", style="dim"))


def _phase_cells(model: ModelReport) -> list[str]:
    phases: Phases = model.phases
    names = ("instance", "pull", "start", "checks")
    cells = [_phase_text(name, getattr(phases, name)) for name in names]
    cost = [] if model.usd is None else [about_text(model.usd)]
    return [model.model, model.instance_type, *cells, f"in all {duration_text(phases.total)}", *cost]


def _phase_text(name: str, seconds: float | None) -> str:
    return f"{name} not known" if seconds is None else f"{name} {duration_text(seconds)}"


def _show_summary(screen: Screen, report: SelftestReport) -> None:
    failed, warnings, unchecked = (report.count(verdict) for verdict in ("failed", "warning", "not_checked"))
    counts = f"{failed} failed, {counted(warnings, 'warning')}, {unchecked} not checked."
    if failed:
        screen.say(counts, style="red")
    elif warnings or unchecked:
        screen.say(f"Nothing failed: {counts}", style="green")
    else:
        screen.say("All is fine.", style="green")
    if report.usd is None:
        screen.say("Nothing was charged. The preview's times say nothing about what AWS would charge.")
    elif report.is_local:
        screen.say(f"Nothing was charged. AWS would charge {about_text(report.usd)}, {_IDLE}.")
    else:
        screen.say(f"It cost {about_text(report.usd)}, {_IDLE}.")
    if report.left:
        screen.warn(report.left)
    if not report.is_local:
        screen.hints({"opsctl selftest --json": "the same as JSON, without the account's number: docs/reports"})

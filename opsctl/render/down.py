"""Shows the report of a teardown."""

from __future__ import annotations

from pathlib import Path

from opsctl.commands.platform.down import TeardownReport
from opsctl.render.cost import charged_text
from opsctl.render.screen import Screen, counted, size_text


def show_teardown_report(screen: Screen, report: TeardownReport, *, kept_at: Path | None) -> None:
    """Show what was removed, what is left, what was kept and where, and what it cost.

    Parameters
    ----------
    kept_at
        The local platform's folder; None on AWS.
    """
    screen.say(f"removed  {counted(report.removed, 'resource')}")
    screen.say(f"left     {len(report.left)}", style="red" if report.left else "green")
    for resource in report.left:
        screen.say(f"  {resource}")
    if report.data_bucket is not None:
        screen.say(f"kept     s3://{report.data_bucket} ({_contents_text(report)})")
    if kept_at is None and report.repository_url is not None:
        screen.say(f"kept     {report.repository_url}")
    if report.log_group is not None:
        screen.say(f"kept     the log group {report.log_group}: the next `opsctl up` takes it over")
    screen.say(f"cost     {_cost_text(report)}")
    if kept_at is not None:
        screen.say(f"on disk  {kept_at}: the next `opsctl up --local` brings it back")


def _contents_text(report: TeardownReport) -> str:
    contents = report.contents
    if contents is None or not (contents.is_whole or contents.object_count):
        return "not counted"
    text = f"{counted(contents.object_count, 'object')}, {size_text(contents.size_bytes)}"
    return text if contents.is_whole else f"at least {text}"


def _cost_text(report: TeardownReport) -> str:
    idle = f"idle ${report.idle_usd_per_hour:.2f}/h"
    if report.spent is None:
        return f"of its runs not known; {idle}"
    if report.spent.run_count == 0:
        return f"no run; {idle}"
    money = charged_text(report.spent.usd, is_local=report.is_local, is_complete=report.spent.is_complete)
    return f"{money} for {counted(report.spent.run_count, 'run')}; {idle}"

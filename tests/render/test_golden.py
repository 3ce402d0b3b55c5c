"""What every renderer prints, word for word: a recorded screen for each case (`support/golden.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from support.cost_examples import RATES, a_cost
from support.example_platform import platform
from support.golden import SCREENS, golden
from support.repository import ROOT
from support.view_examples import answer, bill, detail, failed, outcome, plan, rich_status, run, status

from opsctl.assets import atlas_table
from opsctl.commands.logs.follow import DoneBefore, NextAttempt, PollFailed, ScanEnd
from opsctl.commands.platform.down import TeardownReport
from opsctl.commands.platform.orphans import OrphanReport
from opsctl.commands.platform.teardown_totals import Contents, Spent
from opsctl.commands.runs.cancel import CancelOutcome, CancelPlan
from opsctl.core.costs.bill import bill as bill_of
from opsctl.core.costs.estimate import Estimate, usd_text
from opsctl.core.costs.forecast import Forecast
from opsctl.core.dataset.scan import Discovery, Exclusion
from opsctl.core.diagnosis.finding import Finding
from opsctl.core.diagnosis.queue_snapshot import NotVisible
from opsctl.core.diagnosis.why import Explanation
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.logs.log_line import LogLine
from opsctl.core.platform.inventory import Resource, ResourceKind
from opsctl.core.platform.terraform_events import Change, EventLog, Step, TerraformPlan
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.status import ScanStatus
from opsctl.render.cancel import show_cancel_plan, show_outcome
from opsctl.render.cost import charged_text, estimate_lines, show_cost, show_costs
from opsctl.render.down import show_teardown_report
from opsctl.render.logs import LogView
from opsctl.render.parcellations import show_parcellations
from opsctl.render.run import (
    cut_atlases_line,
    earlier_m2g_lines,
    kept_line,
    nothing_line,
    outcome_line,
    redo_question,
)
from opsctl.render.run import plan_lines as run_plan_lines
from opsctl.render.scan_detail import show_detail
from opsctl.render.scans import discovery_lines
from opsctl.render.screen import Screen, counted, duration_text, size_text
from opsctl.render.status import money_text, show_status, watching
from opsctl.render.up import apply_progress, orphan_lines, plan_lines
from opsctl.render.why import show_why

MOMENT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Case = Callable[[Screen], None]


def as_lines(texts: Iterable[str]) -> Case:
    """Lines that a function returned."""
    text = "\n".join(texts)
    return lambda screen: screen.data.print(text)


#: Sizes, durations, money and counts.
NUMBERS: dict[Callable[[float], str], tuple[float, ...]] = {
    size_text: (0, 999, 1000, 1_234_567, 5_000_000_000, 7.5e12, 7.5e15),
    duration_text: (0, 3.44, 12.6, 60, 61, 3599, 3600, 3900, 90_000),
    usd_text: (0, 0.0001, 0.0099, 0.01, 0.166, 12.3, 1234.5),
    lambda count: counted(int(count), "scan"): (0, 1, 10_001),
}

SO_FAR = replace(status(unlisted={"RUNNING": 1}), bill=bill(1.234))
MONEY = (
    SO_FAR,
    replace(SO_FAR, bill=bill(0.0012)),
    replace(SO_FAR, is_local=True),
    replace(SO_FAR, unlisted={"DONE": 1}),
    replace(SO_FAR, adopted_bill=bill(2.0)),
    replace(SO_FAR, bill=bill(1.234, is_complete=False)),
)


def watched(screen: Screen) -> None:
    with watching(screen) as show:
        for moment in (status("RUNNING"), status("RUNNING"), status("DONE")):
            show(moment)


SCAN_FAILED = detail("FAILED", has_result=False, cause="cancelled by ada", cause_code="cancelled")
ACTIVE = status("DONE", "RUNNING", "RUNNABLE")
CANCELLED = CancelOutcome(
    run_id="R", cancelled=("a", "b"), finished_before=("c",), finished_meanwhile=("d",), left=("sub-09/ses-1",)
)


def why(*explanations: Explanation, **changes: Any) -> Case:
    return lambda screen: show_why(screen, answer(*explanations, **changes))


def attempt(number: int, minute: int, **changes: Any) -> Attempt:
    return Attempt(index=0, number=number, job_id="j", started_at=f"2026-11-22T12:0{minute}:00Z", **changes)


KILLED = attempt(1, 0, stopped_at="2026-11-22T12:01:05Z", exit_code=137, reason="OutOfMemoryError")
EIGHT = tuple(f"sub-{number:02d}" for number in range(8))


def log(*events: Any, with_time: bool = False) -> Case:
    def show(screen: Screen) -> None:
        view = LogView(screen, names=("sub-01", "sub-02/ses-1"), with_time=with_time)
        for event in events:
            view.show(event)

    return show


def log_line(scan: str, message: str) -> LogLine:
    return LogLine(scan, 1_795_348_803_042, message, "csa/default/s")


EVENTS = (
    DoneBefore(290),
    NextAttempt("sub-01", 2),
    PollFailed(
        Problem("The connection to AWS broke while reading the logs.", "Type it again.", code=ErrorCode.AWS_UNREACHABLE)
    ),
    ScanEnd(ScanStatus(index=0, name="sub-01", state="DONE", seconds=65)),
    ScanEnd(ScanStatus(index=0, name="sub-01", state="FAILED", cause="bval and bvec differ in count: 65 and 64")),
)

LOCAL = replace(platform(), endpoint_url="http://127.0.0.1:1")
ESTIMATE = Estimate(
    usd=49.5,
    low_usd=35.0,
    high_usd=65.8,
    usd_per_scan=0.165,
    wall_hours=65 / 60,
    basis="65 minutes a scan; r5.large on-demand",
)
FORECAST = Forecast(
    spent_usd=2.0,
    low_usd=4.5,
    usd=5.0,
    high_usd=5.75,
    ended=2,
    running=1,
    waiting=1200,
    basis="65 minutes a scan; on-demand: $1.000 per hour",
    is_complete=True,
    is_upper_bound=False,
)
OVER = replace(FORECAST, low_usd=2.0, usd=2.0, high_usd=2.0, running=0, waiting=0)
NOT_BEGUN = replace(a_cost(), own=bill_of({}, {}, RATES, now=MOMENT, longest=timedelta(hours=6)), adopted=None)

OUTCOMES: tuple[dict[str, Any], ...] = (
    {},
    {"done": 297},
    {"done": 2, "in_flight": 1},
    {"continued": ("R",)},
    {"submitted": 0, "in_flight": 3},
)

DISCOVERY = Discovery(
    scans=(replace(plan("new").chosen[0], note="2 T1w, x taken"),),
    excluded=(
        *(Exclusion(key=f"HNU1/sub-0{number}\x1b[31m", reason="no bval") for number in (2, 3)),
        Exclusion(key="k", reason="no T1w"),
    ),
    warnings=("careful",),
)


def applied(screen: Screen) -> None:
    with apply_progress(screen, title="up m2g", total=2) as on_step:
        for address in ('module.batch.aws_batch_job_queue.model["csd"]', "aws_ecr_repository.jobs"):
            on_step(Step(address, "begin", "create"))
            on_step(Step(address, "progress", "create", 10))
            on_step(Step(address, "done", "create", 12))


def replaced(screen: Screen) -> None:
    """Terraform reports a replaced resource twice; it counts once."""
    recorded = ROOT / "tests/core/platform/terraform_lines/apply_replace.jsonl"
    events = EventLog()
    steps = [events.read(line, root="storage") for line in recorded.read_text().splitlines()]
    with apply_progress(screen, title="up m2g", total=len(events.plan().changes)) as on_step:
        for step in filter(None, steps):
            on_step(step)


PLAN = TerraformPlan(
    (
        Change("a", "t", "vpc", "create"),
        Change("b", "t", "vpc", "create"),
        Change("aws_ssm_parameter.record", "aws_ssm_parameter", "platform", "create"),
        Change("c", "t", "odd", "delete"),
    )
)
ORPHANS = OrphanReport(
    name="m2g",
    orphans=(
        Resource(kind=ResourceKind.VPC, id="vpc-1"),
        Resource(kind=ResourceKind.ROLE, id="r", since=MOMENT),
    ),
    foreign=(Resource(kind=ResourceKind.QUEUE, id="q", name="q", is_tagged=False),),
    log_group=Resource(kind=ResourceKind.LOG_GROUP, id="/opsctl/m2g"),
    invalid=(Resource(kind=ResourceKind.ENVIRONMENT, id="e", name="e", state="INVALID", reason="no role"),),
    replace=("a",),
)
AGED = (Resource(kind=ResourceKind.ENVIRONMENT, id="e", name="e", has_newer_image=True),)
REPORT = TeardownReport(
    name="m2g",
    removed=1,
    left=(),
    data_bucket="data",
    contents=Contents(2, 1500, is_whole=True),
    repository_url="repo",
    spent=Spent(12.3, 4, is_complete=True),
)
LEFT = ("role opsctl-m2g-job", "VPC vpc-1: it is held")


def down(kept_at: Path | None = None, **changes: Any) -> Case:
    report = replace(REPORT, is_local=kept_at is not None, **changes)
    return lambda screen: show_teardown_report(screen, report, kept_at=kept_at)


CASES: dict[str, Case] = {
    "screen.numbers": as_lines(f"{number:,}: {text(number)}" for text in NUMBERS for number in NUMBERS[text]),
    "status.rich": lambda screen: show_status(screen, rich_status()),
    "status.watched_in_a_pipe": watched,
    "status.scan_done": lambda screen: show_detail(screen, detail("DONE"), run=run()),
    "status.scan_failed": lambda screen: show_detail(screen, SCAN_FAILED, run=run()),
    "status.money": as_lines(map(money_text, MONEY)),
    "cancel.plan": lambda screen: show_cancel_plan(
        screen, CancelPlan(status=ACTIVE, chosen=ACTIVE.scans, is_whole=True)
    ),
    "cancel.outcome": lambda screen: show_outcome(screen, CANCELLED),
    "why.done": why(counts={"DONE": 2}),
    "why.running": why(counts={"RUNNING": 1}, running_seconds=3.0),
    "why.done_and_running": why(counts={"DONE": 12, "RUNNING": 3}, running_seconds=240.0),
    # A finding that repeats the heading is left out.
    "why.heading_says_it": why(failed()),
    "why.finding_says_more": why(failed(findings=(Finding("It had reached 9 of 9 MiB.", ""),))),
    "why.doubt_and_many_scans": why(
        failed(kind="waiting", title="RUNNABLE", scans=EIGHT, findings=(Finding("No way out.", "", "likely"),))
    ),
    "why.attempts_and_places": why(
        failed(
            attempts=(KILLED, attempt(2, 2)),
            places={"logs": "opsctl logs sub-01/ses-1"},
            words="exit code 137",
        )
    ),
    "why.hidden": why(failed(), hidden=(NotVisible("ec2:DescribeSubnets", "is not permitted"),), notes=("N.",)),
    "logs.lines": log(log_line("sub-01", "one"), log_line("sub-02/ses-1", "two [bold]x[/bold]")),
    "logs.times": log(log_line("sub-01", "one\nsub-02 │ forged\n"), with_time=True),
    "logs.events": log(*EVENTS),
    "cost.sums": as_lines(
        charged_text(12.3, is_local=local, is_complete=known) for local in (False, True) for known in (True, False)
    ),
    "cost.estimate": as_lines(estimate_lines(ESTIMATE, platform())),
    "cost.estimate_local": as_lines(estimate_lines(ESTIMATE, LOCAL, 3.0)),
    "cost.estimate_at_most": as_lines(estimate_lines(replace(ESTIMATE, is_upper_bound=True), platform())),
    "cost.estimate_without_price": as_lines(estimate_lines(replace(ESTIMATE, is_complete=False), platform())),
    "cost.run": lambda screen: show_cost(screen, a_cost(), by_scan=False),
    "cost.forecast": lambda screen: show_cost(screen, replace(a_cost(), forecast=FORECAST), by_scan=False),
    "cost.forecast_local": lambda screen: show_cost(
        screen, replace(a_cost(is_local=True), forecast=FORECAST), by_scan=False
    ),
    "cost.forecast_over": lambda screen: show_cost(screen, replace(a_cost(), forecast=OVER), by_scan=False),
    "cost.by_scan_local": lambda screen: show_cost(screen, a_cost(is_local=True), by_scan=True),
    "cost.not_begun": lambda screen: show_cost(screen, NOT_BEGUN, by_scan=True),
    # The sum is without what was adopted; equal prices are named once.
    "cost.all_runs": lambda screen: show_costs(screen, [a_cost(), NOT_BEGUN]),
    "cost.no_runs": lambda screen: show_costs(screen, []),
    "run.plan": as_lines([*run_plan_lines(plan("new", "new")), cut_atlases_line(plan("new"))]),
    "run.atlases": as_lines(
        line
        for changes in (
            {"diffusion_model": "csd"},
            {"voxelsize": "1mm"},
            {"parcellation": ("Desikan", "MICCAI")},
        )
        for line in (
            *run_plan_lines(plan("new", **changes))[1:3],
            cut_atlases_line(plan("new", **changes)),
        )
    ),
    "parcellations": lambda screen: show_parcellations(screen, atlas_table(), "2mm"),
    "run.earlier_m2g": as_lines(
        [
            *earlier_m2g_lines(plan("other_m2g", "other_m2g", "in flight", "done")),
            redo_question(plan("other_m2g")),
            kept_line(plan("other_m2g")),
            nothing_line(plan("other_m2g", "done")),
            nothing_line(plan("done", "new", only="changed")),
        ]
    ),
    "run.all_done": as_lines([nothing_line(plan("done", "done"))]),
    "run.in_flight": as_lines([nothing_line(plan("done", "in flight"))]),
    "run.none_failed": as_lines([nothing_line(plan("done", "new", only="failed"))]),
    "run.outcome": as_lines(outcome_line(outcome(**changes)) for changes in OUTCOMES),
    "scans.discovery": as_lines(discovery_lines(DISCOVERY)),
    "up.plan": as_lines(plan_lines(PLAN, idle_usd_per_hour=0.045)),
    "up.applied": applied,
    "up.replaced": replaced,
    "up.orphans": as_lines(orphan_lines(ORPHANS, now=MOMENT + timedelta(minutes=3))),
    "up.aged_image": as_lines(orphan_lines(OrphanReport(name="m2g", aged=AGED), now=MOMENT)),
    "up.aged_image_in_use": as_lines(orphan_lines(OrphanReport(name="m2g", aged=AGED, active_jobs=3), now=MOMENT)),
    "down.aws": down(),
    "down.aws_with_rest": down(left=LEFT),
    "down.local": down(Path("/somewhere")),
    "down.local_with_rest": down(Path("/somewhere"), left=LEFT),
    "down.partly_counted": down(contents=Contents(3, 10, is_whole=False)),
    "down.not_counted": down(contents=Contents(0, 0, is_whole=False)),
    "down.no_contents": down(contents=None),
    "down.log_group": down(log_group="/opsctl/m2g"),
    "down.cost_not_known": down(spent=None),
    "down.no_run": down(spent=Spent(0.0, 0, is_complete=True)),
    "down.price_not_known": down(spent=Spent(1.0, 1, is_complete=False)),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_as_recorded(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with patch("opsctl.render.up.time", SimpleNamespace(monotonic=lambda: 0.0)):
        CASES[name](Screen())
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    golden(name, out, err)


def test_nothing_is_said_of_orphans_where_there_are_none() -> None:
    assert orphan_lines(OrphanReport(name="m2g"), now=MOMENT) == []


def test_no_recorded_screen_is_without_a_test() -> None:
    sources = "".join(path.read_text() for path in Path(__file__).parent.glob("*.py"))
    assert [path.name for path in SCREENS.iterdir() if f'"{path.stem}"' not in sources] == []

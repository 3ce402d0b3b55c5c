"""Labels, causes and paths of other people's making: through every renderer, none moves the terminal."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.cost_examples import a_cost
from support.view_examples import answer, detail, failed, outcome, plan, rich_status, run
from support.windows import terminal

from opsctl.commands.dataset.discovery import ChosenScans
from opsctl.commands.platform.down import TeardownReport
from opsctl.commands.platform.teardown_totals import Contents
from opsctl.commands.runs.audit import Audit, AuditRow
from opsctl.commands.runs.cancel import CancelOutcome, CancelPlan
from opsctl.core.dataset.bold_timing import BoldTiming
from opsctl.core.dataset.scan import Discovery, Exclusion, Scan
from opsctl.core.dataset.scan_validation import Verdict
from opsctl.core.platform.terraform_events import Step
from opsctl.render.audit import show_audit
from opsctl.render.cancel import show_cancel_plan, show_outcome
from opsctl.render.check import show_verdicts
from opsctl.render.cost import show_cost, show_costs
from opsctl.render.down import show_teardown_report
from opsctl.render.run import outcome_line, plan_lines
from opsctl.render.scan_detail import show_detail
from opsctl.render.scans import show_scans
from opsctl.render.screen import Screen
from opsctl.render.status import show_status, watching
from opsctl.render.up import apply_progress
from opsctl.render.why import show_why

EVIL = "[red]evil[/red]\x1b[2J\x1b]0;owned\x07\x9b31m\r\x08\u202e"
_OURS = {"state", "level", "disposition", "kind", "sure", "pipeline", "status", "model", "resources", "options", "only"}


def poisoned(value: Any, name: str = "") -> Any:
    """The same, every text in it with what moves a terminal; our own words for states stay."""
    if name in _OURS or name.endswith("_at") or not value:
        return value
    if isinstance(value, str):
        return EVIL + value
    if isinstance(value, tuple | list):
        return type(value)(poisoned(item, name) for item in value)
    if isinstance(value, dict):
        return {key: poisoned(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if field.init]
        fields = {name: poisoned(getattr(value, name), name) for name in names}
        return dataclasses.replace(value, **fields)
    if isinstance(value, msgspec.Struct):
        fields = {name: poisoned(getattr(value, name), name) for name in value.__struct_fields__}
        return msgspec.structs.replace(value, **fields)
    return value


def filled(kind: type[Any], **changes: Any) -> Any:
    """One whose every text is hostile."""
    texts = {field.name: EVIL for field in dataclasses.fields(kind) if field.init and field.name not in changes}
    return kind(**{**texts, **changes})


def a_choice() -> ChosenScans:
    scan = Scan(name=EVIL, subject="1", session=None, entities={}, pipeline="dwi", inputs=(), note=EVIL)
    return ChosenScans(
        discovery=Discovery(scans=(scan,), excluded=(filled(Exclusion),), warnings=(EVIL,)), chosen=(scan,)
    )


def apply(screen: Screen) -> None:
    with apply_progress(screen, title=EVIL, total=1) as on_step:
        on_step(Step(EVIL, "begin", "create"))
        on_step(Step(EVIL, "done", "create", 1))


def live(screen: Screen) -> None:
    with watching(screen) as show:
        show(STATUS)


def wait(screen: Screen) -> None:
    screen.hints({EVIL: EVIL})
    screen.warn(EVIL)
    with screen.waiting(EVIL):
        pass
    with screen.transfer(EVIL, size_bytes=1) as advance:
        advance(1)


def say_plan(screen: Screen) -> None:
    for line in [*plan_lines(poisoned(plan("new"))), outcome_line(poisoned(outcome()))]:
        screen.say(line)


STATUS = poisoned(rich_status())
CANCELLED = poisoned(
    CancelOutcome(run_id="R", cancelled=("a",), finished_before=("b",), finished_meanwhile=("c",), left=("d",))
)
COUNTED = Contents(1, 1, is_whole=True)
TORN_DOWN = filled(TeardownReport, removed=1, left=(EVIL,), contents=COUNTED, spent=None, idle_usd_per_hour=0.0)
TIMING = filled(BoldTiming, tr_seconds=2.0)
AUDIT = filled(Audit, rows=(filled(AuditRow),), excluded=(filled(Exclusion),), unlisted_files=(EVIL,))
RENDERERS: dict[str, Callable[[Screen], None]] = {
    "status": lambda screen: show_status(screen, STATUS),
    "live": live,
    "scan": lambda screen: show_detail(screen, poisoned(detail("FAILED", cause="c")), run=run()),
    "cost": lambda screen: show_cost(screen, poisoned(a_cost()), by_scan=True),
    "costs": lambda screen: show_costs(screen, [poisoned(a_cost())]),
    "plan": say_plan,
    "scans": lambda screen: show_scans(screen, a_choice()),
    "verdicts": lambda screen: show_verdicts(
        screen,
        a_choice(),
        [filled(Verdict, level="wrong", findings=(EVIL,), timing=TIMING), filled(Verdict, level="fine", timing=None)],
        is_all=True,
    ),
    "intent": lambda screen: show_cancel_plan(screen, CancelPlan(status=STATUS, chosen=STATUS.scans, is_whole=True)),
    "outcome": lambda screen: show_outcome(screen, CANCELLED),
    "receipt": lambda screen: show_teardown_report(screen, TORN_DOWN, kept_at=Path("/x/" + EVIL)),
    "why": lambda screen: show_why(screen, poisoned(answer(failed()))),
    "audit": lambda screen: show_audit(screen, AUDIT, dataset=EVIL, all_scans=True),
    "apply": apply,
    "wait": wait,
}


# A pipe may end at a terminal too: `| less -R`.
@pytest.mark.parametrize(("width", "is_terminal"), [(40, True), (80, True), (60, False)])
@pytest.mark.parametrize("name", RENDERERS)
def test_nothing_moves_the_terminal_and_no_line_is_broken_within_a_word(
    name: str, width: int, is_terminal: bool
) -> None:
    screen, window = terminal(width)
    window.is_terminal = is_terminal
    RENDERERS[name](screen)
    text = window.getvalue()
    assert "[red]evil[/red]" in text or (name == "live" and not is_terminal)
    for evil in ("\x1b[2J", "\x1b]", "\x07", "\x9b", "\x08", "\u202e"):
        assert evil not in text
    for line in window.lines if is_terminal else ():
        assert len(line) <= width or len(line.split()) <= 2, line

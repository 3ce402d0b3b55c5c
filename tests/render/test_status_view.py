"""A run's status as a person sees it: on a terminal, in a pipe, live, and as JSON that keeps its contract."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from support.repository import ROOT
from support.view_examples import SPOT, bill, detail, rich_status, run, status
from support.windows import terminal

from opsctl.commands.runs.cancel import CancelOutcome, CancelPlan
from opsctl.commands.runs.scan_detail import details_json
from opsctl.core.runs.status import State
from opsctl.render.cancel import show_intent, show_outcome
from opsctl.render.scan_detail import show_detail
from opsctl.render.screen import Screen
from opsctl.render.status import show_status, watching

SCHEMA = json.loads((ROOT / "docs/status.schema.json").read_text())


def test_a_status_is_counts_a_bar_and_those_who_need_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    show_status(Screen(), rich_status())
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "PENDING 0  RUNNABLE 30  STARTING 0  RUNNING 2  FAILED 52  DONE 4  TOTAL 88  about $12.35 so far",
        "7 scans: bval and bvec differ in count",
        "  sub-06/ses-1, sub-07/ses-1, sub-08/ses-1, sub-09/ses-1, sub-10/ses-1 and 2 more",
        "  the first: bval and bvec differ in count: 6 and 64",
        "  → `opsctl check HNU1` names the files: mend them, then `opsctl run HNU1`",
        "sub-13/ses-1: cancelled by ada",
        "  → `opsctl run HNU1` runs it after all",
        "44 scans were not submitted: the budget of $20 was reached",
        "  → `opsctl run HNU1 --max-spend USD` with more",
        "30 scans wait: AWS has no such instances to give now (CAPACITY:INSUFFICIENT)",
        "  → `opsctl why` tells what to do",
        "2 scans on their 2nd or 3rd attempt: Spot took the instance back, or it was lost (2), "
        "S3 did not answer in time (1)",
    ]
    assert err.splitlines()[:2] == ["HNU1-20261122-120000-ab12", "━" * 60]
    assert "opsctl results DIR" in err
    assert "\x1b" not in out + err


def test_a_causes_text_cannot_move_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_status(Screen(), status("FAILED", cause="\x1b[2J\x1b]0;owned\x07odd"))
    assert "sub-00/ses-1: odd" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("usd", "changes", "text"),
    [
        (1.234, {}, "about $1.23 so far"),
        (0.0012, {}, "under $0.01 so far"),
        (1.234, {"is_local": True}, "$0.00 here; on AWS about $1.23 so far"),
        (1.234, {"unlisted": {"DONE": 1}}, "about $1.23"),
        (1.234, {"adopted_bill": bill(2.0)}, "about $1.23 so far (and about $2.00 in earlier runs)"),
        (1.234, {"bill": bill(1.234, is_complete=False)}, "more than $1.23 so far"),
    ],
)
def test_money_is_never_said_without_about(
    capsys: pytest.CaptureFixture[str], usd: float, changes: dict[str, Any], text: str
) -> None:
    show_status(Screen(), replace(status(unlisted={"RUNNING": 1}), **{"bill": bill(usd), **changes}))
    assert capsys.readouterr().out.splitlines()[0].endswith(f"TOTAL 1  {text}")


@pytest.mark.parametrize(
    "states", [["DONE"], ["DONE"] * 3 + ["FAILED"] * 7, ["PENDING"] * 211, ["DONE", "FAILED", "RUNNING"]]
)
@pytest.mark.parametrize("columns", [5, 40, 200])
def test_the_bar_is_always_full(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, states: list[State], columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    show_status(Screen(), status(*states))
    bar = capsys.readouterr().err.splitlines()[1]
    assert bar == "━" * max(10, min(60, columns - 2))


@pytest.mark.parametrize("width", [40, 45, 80])
def test_a_narrow_terminal_breaks_lines_between_words_and_cuts_none(width: int) -> None:
    screen, window = terminal(width)
    show_status(screen, rich_status())
    shown = facts = window.lines
    assert max(map(len, shown)) <= width
    counts = [line for line in facts if re.match(r"PENDING|RUNN|FAILED|DONE|TOTAL|STARTING", line)]
    assert any(line.endswith("about $12.35 so far") for line in shown)
    assert all(re.fullmatch(r"([A-Z]+ \d+(  |$))*(about .*)?", line) for line in counts)
    text = " ".join(" ".join(shown).split())
    for words in (
        "RUNNABLE 30",
        "TOTAL 88",
        "about $12.35 so far",
        "sub-06/ses-1, sub-07/ses-1",
        "sub-13/ses-1: cancelled",
    ):
        assert words in text
    assert "…" not in text


def test_off_a_terminal_watching_is_a_line_a_change(capsys: pytest.CaptureFixture[str]) -> None:
    with watching(Screen()) as show:
        for found in (status("RUNNING"), status("RUNNING"), status("DONE")):
            show(found)
    out, err = capsys.readouterr()
    assert [line.split("  ")[-3:] for line in out.splitlines()] == [
        ["FAILED 0", "DONE 0", "TOTAL 1"],
        ["FAILED 0", "DONE 1", "TOTAL 1"],
    ]
    assert "\x1b" not in out + err


def test_quiet_watching_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with watching(Screen(), is_shown=False) as show:
        show(status("RUNNING"))
    assert capsys.readouterr() == ("", "")


def test_a_live_screen_leaves_nothing_of_its_own() -> None:
    screen, window = terminal(80)
    with watching(screen) as show:
        show(status("RUNNING"))
        assert "RUNNING 1" in window.lines[1]
        show(status("DONE"))
    text = window.getvalue()
    assert "Ctrl-C stops watching, the jobs go on" in text
    # On a screen of its own, and back.
    assert text.startswith("\x1b[?1049h")
    assert text.endswith("\x1b[?1049l")
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")


def test_a_watch_that_breaks_off_leaves_the_last_state() -> None:
    screen, window = terminal(80)
    with pytest.raises(ConnectionError), watching(screen) as show:
        show(status("RUNNING"))
        raise ConnectionError
    left = window.getvalue().partition("\x1b[?1049l")[2]
    assert "RUNNING 1" in left
    assert "Ctrl-C" not in left


def test_a_live_screen_is_never_higher_than_its_window() -> None:
    screen, window = terminal(40, height=8)
    with watching(screen) as show:
        show(rich_status())
    drawn = window.getvalue().partition("\x1b[?1049l")[0]
    assert "Ctrl-C stops watching" in drawn.splitlines()[7]


@pytest.mark.parametrize("variable", ["NO_COLOR", "TERM"])
def test_what_must_not_be_drawn_over_is_a_line_a_change(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "1" if variable == "NO_COLOR" else "dumb")
    screen, window = terminal(80)
    with watching(screen) as show:
        for found in (status("RUNNING"), status("RUNNING"), status("DONE")):
            show(found)
    assert len(window.lines) == 2
    assert "\x1b[?" not in window.getvalue()
    assert re.findall(r"\x1b\[[0-9;]*3\dm", window.getvalue()) == []


def test_one_scan_whole(capsys: pytest.CaptureFixture[str]) -> None:
    show_detail(Screen(), detail("DONE"), run=run())
    show_detail(Screen(), detail("FAILED", has_result=False, cause="cancelled by ada"), run=run())
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "sub-00/ses-1  DONE",
        "  run       OLD (scan 3 of it)",
        "  adopted   by R: the job was there already",
    ]
    assert f"  attempt 1 began 2026-11-22T12:00:00Z, its end is not known, {SPOT}" in lines
    assert "  attempt 2 began 2026-11-22T12:00:00Z, took 10 min 00 s, exit code 0" in lines
    assert "  files     1 file, 10 B" in lines
    assert "  cost      about $0.50" in lines
    assert "sub-00/ses-1  FAILED  cancelled by ada" in lines
    assert any("failures/00003/" in line for line in lines)
    assert lines[-1] == "  → `opsctl run HNU1` runs it after all"


VALID = [
    rich_status().as_json(),
    replace(rich_status(), bill=None).as_json(),
    replace(rich_status(), is_local=True, adopted_bill=bill(1.0)).as_json(),
    status("DONE").as_json(),
    details_json([detail("DONE"), detail("FAILED", has_result=False)]),
    details_json([replace(detail("RUNNING", has_result=False), document=None, cost=None, attempts=())]),
]


@pytest.mark.parametrize("value", VALID)
def test_json_keeps_its_documented_contract(value: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(json.dumps(value)), SCHEMA)


def without(value: Any, *path: Any) -> dict[str, Any]:
    copy = json.loads(json.dumps(value))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return copy  # type: ignore[no-any-return]


BROKEN = [
    *(without(VALID[0], key) for key in VALID[0]),
    *(without(VALID[0], "scans", 0, key) for key in VALID[0]["scans"][0]),
    *(without(VALID[0], "counts", key) for key in VALID[0]["counts"]),
    *(without(VALID[4], "scans", 0, key) for key in VALID[4]["scans"][0]),
    {**VALID[0], "more": 1},
    {**VALID[0], "schema_version": 2},
]


@pytest.mark.parametrize("value", BROKEN)
def test_the_contract_notices_what_is_missing_or_new(value: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, SCHEMA)


def test_cancelling_says_what_is_active_and_what_came_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    found = status("DONE", "RUNNING", "RUNNABLE")
    show_intent(Screen(), CancelPlan(status=found, chosen=found.scans, is_whole=True))
    outcome = CancelOutcome(
        run_id="R", cancelled=("a", "b"), finished_before=("c",), finished_meanwhile=("d",), left=("sub-09/ses-1",)
    )
    show_outcome(Screen(), outcome)
    err = capsys.readouterr().err.splitlines()
    assert err[1:4] == [
        "2 scans active: 1 RUNNING, 1 RUNNABLE",
        "  sub-01/ses-1, sub-02/ses-1",
        "1 scan finished already: 1 DONE",
    ]
    assert "! 1 job would not end:" in err
    assert "  sub-09/ses-1" in err
    assert "1 scan finished before the word reached them:" in err

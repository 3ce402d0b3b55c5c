"""A run's status as a person sees it: on a terminal, in a pipe, live, and as JSON that keeps its contract."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from support.golden import golden
from support.repository import ROOT
from support.view_examples import bill, detail, rich_status, scan, status
from support.windows import plain, terminal

from opsctl.commands.runs.scan_detail import details_json
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.runs.status import State
from opsctl.core.runs.time_left import RunTimes
from opsctl.render.screen import Screen
from opsctl.render.status import show_status, time_text, watching

SCHEMA = json.loads((ROOT / "docs/status.schema.json").read_text())
#: `jsonschema.validate` would check the schema itself each time.
CONTRACT = jsonschema.Draft202012Validator(SCHEMA)


def left(shortest: float, longest: float) -> RunTimes:
    return RunTimes(elapsed_seconds=65.0, shortest_left_seconds=shortest, longest_left_seconds=longest, finished=2)


@pytest.mark.parametrize(
    "states", [["DONE"], ["DONE"] * 3 + ["FAILED"] * 7, ["PENDING"] * 211, ["DONE", "FAILED", "RUNNING"]]
)
@pytest.mark.parametrize("columns", [5, 40, 200])
def test_the_bar_is_always_full(states: list[State], columns: int) -> None:
    screen, window = terminal(columns)
    show_status(screen, status(*states))
    assert "━" * max(10, min(60, columns - 2)) in "".join(window.lines)


def test_without_colours_the_states_of_the_bar_have_marks_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    screen, window = terminal(80)
    cancelled = scan(4, "FAILED", cause="cancelled by ada", cause_code=CauseCode.CANCELLED)
    mixed = status("DONE", "RUNNING", "FAILED", "RUNNABLE")
    show_status(screen, replace(mixed, scans=(*mixed.scans, cancelled)))
    assert "#" * 12 + ">" * 12 + "x" * 12 + "-" * 12 + "." * 12 in window.lines


def test_off_a_terminal_the_answer_is_whole_and_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    timed = replace(
        status("DONE", "DONE", "RUNNING", "RUNNABLE"), bill=bill(1.0), times=RunTimes(elapsed_seconds=65.0, finished=2)
    )
    show_status(Screen(), timed)
    out, err = capsys.readouterr()
    assert out.splitlines()[:4] == [
        timed.run.run_id,
        "4 scans: 1 waiting, 1 running, 2 done",
        "time  1 min 05 s so far",
        "cost  about $1.00 charged so far",
    ]
    assert "━" not in out + err


def test_aws_own_states_are_shown_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    show_status(Screen(), status("RUNNABLE", "PENDING", "DONE"), with_aws_states=True)
    out = capsys.readouterr().out
    assert "3 scans: 2 waiting, 1 done" in out
    assert "AWS Batch: 1 PENDING, 1 RUNNABLE, 1 DONE" in out


def test_a_cancelled_scan_has_not_failed(capsys: pytest.CaptureFixture[str]) -> None:
    cancelled = status("FAILED", "FAILED", cause="cancelled by ada", cause_code=CauseCode.CANCELLED)
    assert (cancelled.failed, len(cancelled.cancelled), cancelled.is_all_done) == ((), 2, False)
    show_status(Screen(), cancelled)
    out = capsys.readouterr().out
    assert "2 scans: 2 cancelled" in out
    assert "2 scans were cancelled by ada: sub-00/ses-1, sub-01/ses-1" in out
    assert "failed" not in out


@pytest.mark.parametrize(
    ("times", "text"),
    [
        (RunTimes(elapsed_seconds=65.0), "1 min 05 s so far"),
        (left(1200.0, 2100.0), "1 min 05 s so far; about 20 min to 35 min left, judging by 2 finished scans"),
        (left(1200.0, 1210.0), "1 min 05 s so far; about 20 min left, judging by 2 finished scans"),
        (left(10.0, 300.0), "1 min 05 s so far; at most about 5 min left, judging by 2 finished scans"),
        (left(0.0, 30.0), "1 min 05 s so far; less than a minute left, judging by 2 finished scans"),
    ],
)
def test_the_time_line(times: RunTimes, text: str) -> None:
    assert time_text(times, is_over=False) == text


def test_the_time_of_an_ended_run() -> None:
    assert time_text(RunTimes(elapsed_seconds=3900.0), is_over=True) == "1 h 05 min in all"
    assert time_text(RunTimes(elapsed_seconds=None), is_over=True) == "unknown"


@pytest.mark.parametrize(
    ("states", "text"),
    [
        (["RUNNING"], "1 scan runs again, with 30,400 MiB: an earlier run had too little"),
        (["RUNNING", "DONE"], "2 scans run again, with 30,400 MiB: an earlier run had too little"),
        (["DONE"], "1 scan ran again, with 30,400 MiB: an earlier run had too little"),
        (["DONE", "FAILED"], "2 scans ran again, with 30,400 MiB: an earlier run had too little"),
    ],
)
def test_a_run_of_outgrown_scans_says_so(states: list[State], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    seen = status(*states)
    grown = replace(seen.run, is_grown=True, memory_mib=30_400, sizes=(len(states),))
    show_status(Screen(), replace(seen, run=grown))
    assert text in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("width", "name"), [(40, "status.narrow"), (45, ""), (80, "status.wide")])
def test_a_narrow_terminal_breaks_lines_between_words_and_cuts_none(width: int, name: str) -> None:
    screen, window = terminal(width)
    show_status(screen, rich_status())
    lines = window.lines
    assert max(map(len, lines)) <= width
    counts = "".join(line for line in lines if re.fullmatch(r"(88 scans: |  )(\d+ [a-z]+,? ?)+", line))
    assert re.sub(" +", " ", counts) == "88 scans: 30 waiting, 2 running, 4 done, 51 failed, 1 cancelled"
    assert "…" not in "".join(lines)
    if name:
        golden(name, plain(window.getvalue()))


def test_quiet_watching_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with watching(Screen(), is_shown=False) as show:
        show(status("RUNNING"))
    assert capsys.readouterr() == ("", "")


def test_a_live_screen_leaves_nothing_of_its_own() -> None:
    screen, window = terminal(80)
    with watching(screen) as show:
        show(status("RUNNING"))
        assert "1 scan: 1 running" in window.lines[1]
        show(status("DONE"))
    text = window.getvalue()
    # On a screen of its own, and back.
    assert text.startswith("\x1b[?1049h")
    assert text.endswith("\x1b[?1049l")
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")


def test_a_watch_that_breaks_off_leaves_the_last_state() -> None:
    screen, window = terminal(80)
    with pytest.raises(ConnectionError), watching(screen) as show:
        show(status("RUNNING"))
        raise ConnectionError
    golden("status.broken_off", plain(window.getvalue().partition("\x1b[?1049l")[2]))


def test_a_live_screen_is_never_higher_than_its_window() -> None:
    screen, window = terminal(40, height=8)
    with watching(screen) as show:
        show(rich_status())
    last = plain(window.getvalue().partition("\x1b[?1049l")[0].rpartition("\x1b[H")[2])
    assert len(last.splitlines()) == 8
    golden("status.live", last)


@pytest.mark.parametrize("variable", ["NO_COLOR", "TERM"])
def test_what_must_not_be_drawn_over_is_a_line_a_change(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "1" if variable == "NO_COLOR" else "dumb")
    screen, window = terminal(80)
    with watching(screen) as show:
        for moment in (status("RUNNING"), status("RUNNING"), status("DONE")):
            show(moment)
    assert window.lines == [status().run.run_id, "1 scan: 1 running", "1 scan: 1 done"]
    assert "\x1b[?" not in window.getvalue()
    assert re.findall(r"\x1b\[[0-9;]*3\dm", window.getvalue()) == []


VALID = [
    rich_status().as_json(),
    replace(rich_status(), bill=None).as_json(),
    replace(rich_status(), is_local=True, adopted_bill=bill(1.0)).as_json(),
    status("DONE").as_json(),
    details_json([detail("DONE"), detail("FAILED", has_result=False)]),
    details_json([replace(detail("RUNNING", has_result=False), document=None, cost=None, attempts=())]),
    replace(rich_status(), times=RunTimes(elapsed_seconds=5.0)).as_json(),
    replace(rich_status(), times=left(10.0, 300.0)).as_json(),
]


@pytest.mark.parametrize("value", VALID)
def test_json_keeps_its_documented_contract(value: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    CONTRACT.validate(json.loads(json.dumps(value)))


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
    *(without(VALID[0], "daily_counts", key) for key in VALID[0]["daily_counts"]),
    *(without(VALID[0], "cost", key) for key in VALID[0]["cost"]),
    *(without(VALID[4], "scans", 0, key) for key in VALID[4]["scans"][0]),
    {**VALID[0], "more": 1},
    {**VALID[0], "schema_version": 3},
]


@pytest.mark.parametrize("value", BROKEN)
def test_the_contract_notices_what_is_missing_or_new(value: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        CONTRACT.validate(value)

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
from support.view_examples import bill, detail, rich_status, status
from support.windows import plain, terminal

from opsctl.commands.runs.scan_detail import details_json
from opsctl.core.runs.status import State
from opsctl.render.screen import Screen
from opsctl.render.status import show_status, watching

SCHEMA = json.loads((ROOT / "docs/status.schema.json").read_text())


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


@pytest.mark.parametrize(("width", "name"), [(40, "status.narrow"), (45, ""), (80, "status.wide")])
def test_a_narrow_terminal_breaks_lines_between_words_and_cuts_none(width: int, name: str) -> None:
    screen, window = terminal(width)
    show_status(screen, rich_status())
    lines = window.lines
    assert max(map(len, lines)) <= width
    counts = [line for line in lines if re.match(r"PENDING|RUNN|FAILED|DONE|TOTAL|STARTING", line)]
    assert all(re.fullmatch(r"([A-Z]+ \d+(  |$))*(about .*)?", line) for line in counts)
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
        assert "RUNNING 1" in window.lines[1]
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
    assert len(window.lines) == 2
    assert "\x1b[?" not in window.getvalue()
    assert re.findall(r"\x1b\[[0-9;]*3\dm", window.getvalue()) == []


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

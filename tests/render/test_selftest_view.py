"""The self-test's table at three widths, its states while it runs, and its JSON against the schema."""

from __future__ import annotations

import json

import jsonschema
import pytest
from support.golden import golden
from support.played_selftest import PlayedJob, PlayedSelftest
from support.repository import ROOT
from support.windows import plain, terminal

from opsctl.core.selftest.report import SelftestReport
from opsctl.render.screen import Screen
from opsctl.render.selftest import show_report, watching

SCHEMA = json.loads((ROOT / "docs/selftest.schema.json").read_text())


def fine() -> SelftestReport:
    return PlayedSelftest().selftest().run()


def broken() -> SelftestReport:
    """A check of one model fails, one warns, some were not made; the other model's job left no result."""
    played = PlayedSelftest()
    played.jobs["csd"].rows = {"s3_delete": "failed", "disk": "warning", "instance_ecr": "not_checked"}
    played.jobs["csd"].knows_pull = False
    played.jobs["csa"] = PlayedJob(
        states=((0, "RUNNABLE"), (60, "STARTING"), (90, "RUNNING"), (120, "FAILED")),
        reason="Essential container in task exited",
        exit_code=1,
        has_result=False,
    )
    played.s3.may_delete = False
    return played.selftest().run()


def local() -> SelftestReport:
    return PlayedSelftest(endpoint_url="http://127.0.0.1:1", image="opsctl-preview:0.1.0").selftest().run()


def local_with_an_engine() -> SelftestReport:
    return PlayedSelftest(endpoint_url="http://127.0.0.1:1").selftest().run()


@pytest.mark.parametrize(
    ("columns", "name"), [(120, "selftest.widest"), (80, "selftest.wide"), (40, "selftest.narrow")]
)
def test_the_table(columns: int, name: str) -> None:
    screen, window = terminal(columns)
    show_report(screen, broken())
    golden(name, plain(window.getvalue()))


@pytest.mark.parametrize(
    ("report", "name"), [(fine, "selftest.fine"), (local, "selftest.local"), (local_with_an_engine, "selftest.engine")]
)
def test_in_a_pipe(report: object, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_report(Screen(), report())  # type: ignore[operator]
    out, err = capsys.readouterr()
    golden(name, out, err)


def test_the_previews_seconds_have_no_price(capsys: pytest.CaptureFixture[str]) -> None:
    show_report(Screen(), local())
    out, err = capsys.readouterr()
    assert "$" not in out + err
    assert "Nothing was charged." in err
    document = local().as_json()
    assert (document["usd"], document["usd_charged"]) == (None, 0)
    assert [model["usd"] for model in document["models"]] == [None, None]


def test_off_a_terminal_each_new_state_is_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    played = PlayedSelftest()
    played.jobs["csd"].states = ((0, "RUNNABLE"), (150, "STARTING"), (200, "RUNNING"), (210, "SUCCEEDED"))
    monkeypatch.setattr("opsctl.render.selftest.time.monotonic", lambda: played.now)
    with watching(Screen()) as show:
        polls: list[object] = []
        on_poll = played._on_poll
        played._on_poll = lambda jobs: (on_poll(jobs), polls.append(jobs), show(jobs))  # type: ignore[method-assign]
        played.selftest(models=("csd",)).run()
    _, err = capsys.readouterr()
    golden("selftest.states", err)


@pytest.mark.parametrize("report", [fine, broken, local, local_with_an_engine])
def test_the_json_keeps_its_contract(report: object) -> None:
    document = report().as_json()  # type: ignore[operator]
    jsonschema.validate(document, SCHEMA)
    assert document["ok"] is (report is not broken)

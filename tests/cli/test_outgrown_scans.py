"""Commands that follow a run to its end run again what outgrew its memory: by `opsctl run`, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.core_examples import run as made_run

from opsctl.cli.growth import grow
from opsctl.core.errors import Interrupted
from opsctl.core.printed_command import TypedPlatform
from opsctl.core.runs.status import RunStatus, ScanStatus
from opsctl.render.screen import Screen
from opsctl.render.typed_platform import TYPED
from opsctl.user_name import user_name

CONTEXT: Any = SimpleNamespace(screen=Screen())
SUBMITTED = json.dumps({"schema_version": 1, "run_id": "HNU1-2", "submitted": 1, "in_flight": 0})
NOTHING = json.dumps({"schema_version": 1, "run_id": "HNU1-2", "submitted": 0, "in_flight": 0})
OVER_BUDGET = json.dumps({"schema_version": 1, "error": {"code": "budget_reached", "message": "x"}})


def status(*states: str, count: int = 1, **changes: Any) -> RunStatus:
    """A run of the user's, of which `count` scans ran out of memory, and others are in other states."""
    scans = [
        ScanStatus(index=index, name=f"sub-{index}", state="FAILED", cause="x", cause_code="out_of_memory")
        for index in range(count)
    ]
    scans += [ScanStatus(index=count + index, name=f"sub-{count + index}", state=s) for index, s in enumerate(states)]  # type: ignore[arg-type]
    run = made_run(
        len(scans),
        grows_to_mib=15_200,
        **{"created_by": user_name(), "command_line": ("opsctl", "run", "HNU1", "--pack", "2"), **changes},
    )
    return RunStatus(run=run, scans=tuple(scans))


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Stand in for Python: a program that keeps its arguments, writes an answer and ends with a code."""

    def made(answer: str, *, code: int = 0, first: str = "") -> Path:
        script, typed = tmp_path / "python", tmp_path / "typed"
        script.write_text(f"#!/bin/sh\necho \"$@\" > {typed}\n{first}\ncat <<'END'\n{answer}\nEND\nexit {code}\n")
        script.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(script))
        return typed

    return made


def test_run_submits_them_for_the_platform_that_was_typed(
    program: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = program(SUBMITTED)
    monkeypatch.setattr(TYPED, "platform", TypedPlatform(name="lab"))
    assert grow(CONTEXT, status("DONE")) == "HNU1-2"
    words = typed.read_text()
    assert words.startswith("-P -m opsctl run HNU1 ") and words.endswith(" --yes --json\n")
    assert "--only outgrown --memory 15200 --no-grow" in words and "--platform lab" in words
    assert "--pack" not in words
    said = " ".join(capsys.readouterr().err.split())
    assert "1 scan outgrew the memory of its job. It runs again once, with 15,200 MiB" in said


def test_what_another_run_has_submitted_is_followed_and_what_is_done_is_not(program: Callable[..., Path]) -> None:
    program(NOTHING.replace('"in_flight": 0', '"in_flight": 1'))
    assert grow(CONTEXT, status()) == "HNU1-2"
    program(NOTHING)
    assert grow(CONTEXT, status()) is None


def test_above_the_budget_the_command_without_it_is_named(
    program: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    typed = program(OVER_BUDGET, code=1)
    assert grow(CONTEXT, status(count=2, max_spend_usd=0.5)) is None
    assert "--max-spend 0.5" in typed.read_text()
    said = " ".join(capsys.readouterr().err.split())
    assert "2 scans outgrew the memory of their jobs. They run again once" in said
    assert (
        "They were not run again. `opsctl run HNU1 --only outgrown --memory 15200 --no-grow` runs them again, with"
        " --max-spend and a larger sum." in said
    )


@pytest.mark.parametrize("answer", ["", "no JSON", json.dumps({"error": {"code": "aws"}})])
def test_where_run_fails_it_can_be_tried_again(
    program: Callable[..., Path], capsys: pytest.CaptureFixture[str], answer: str
) -> None:
    program(answer, code=1)
    ended = status()
    assert grow(CONTEXT, ended) is None
    said = " ".join(capsys.readouterr().err.split())
    assert f"It was not run again. `opsctl status --wait --run {ended.run.run_id}` tries once more." in said


@pytest.mark.parametrize(
    "ended",
    [
        status("RUNNING"),
        status(created_by="a colleague"),
        replace(status(), run=made_run(1, created_by=user_name())),
        status("DONE", count=0),
    ],
    ids=["it is not over", "a colleague's", "--no-grow", "nothing outgrew its memory"],
)
def test_nothing_is_started(ended: RunStatus, program: Callable[..., Path]) -> None:
    typed = program(SUBMITTED)
    assert grow(CONTEXT, ended) is None
    assert not typed.exists()


def test_after_ctrl_c_run_is_waited_for(
    program: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, real = tmp_path / "waits", subprocess.Popen.communicate

    def communicate(process: Any, *arguments: Any, **options: Any) -> Any:
        waits.touch()
        return real(process, *arguments, **options)

    monkeypatch.setattr(subprocess.Popen, "communicate", communicate)
    # Longer than the quarter of a second after which subprocess.run would kill it.
    program(
        SUBMITTED,
        first=f"while [ ! -e {waits} ]; do sleep 0.01; done\nkill -INT $PPID\nsleep 0.6\ntouch {tmp_path / 'ended'}",
    )
    with pytest.raises(Interrupted, match="Stopped watching"):
        grow(CONTEXT, status())
    assert (tmp_path / "ended").exists()

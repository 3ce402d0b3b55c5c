"""`logs` where CloudWatch has no lines: of an ended run they are gone, of another one they are still to come."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.history_world import HistoryWorld
from support.run_world import PLATFORM
from support.typed_opsctl import TypedOpsctl

from opsctl.cli.context import Context


@pytest.fixture
def world(tmp_path: Path) -> HistoryWorld:
    return HistoryWorld(tmp_path / "home", "sub-01", "sub-02")


@pytest.fixture
def opsctl(world: HistoryWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> TypedOpsctl:
    return TypedOpsctl(world, monkeypatch, capsys)


def fail_both(world: HistoryWorld) -> str:
    run_id = world.submit()
    assert run_id is not None
    for job in world.history.jobs:
        world.start(job)
        world.pass_time(timedelta(minutes=30))
        world.end(job, "wrong input")
    return run_id


@pytest.mark.parametrize(
    ("words", "subject"),
    [([], ""), (["--failed"], "sub-01, sub-02"), (["sub-01"], "sub-01"), (["--tail", "5"], "")],
    ids=["all", "failed", "named", "tail"],
)
def test_lines_of_an_ended_run_are_gone(
    world: HistoryWorld, opsctl: TypedOpsctl, words: list[str], subject: str
) -> None:
    run_id = fail_both(world)
    said = opsctl("logs", *words)
    assert (said.code, said.out) == (0, "")
    assert f"The log lines of {subject or run_id} are gone" in said.err
    assert "--follow" not in said.err
    assert f"opsctl why --run {run_id}" in said.err


def test_lines_of_a_run_that_waits_are_still_to_come(world: HistoryWorld, opsctl: TypedOpsctl) -> None:
    run_id = world.submit()
    said = opsctl("logs")
    assert f"{run_id} has no log lines yet: `opsctl logs --follow --run {run_id}` waits for them." in said.err
    assert f"No scan of {run_id} has failed." in opsctl("logs", "--failed").err


def test_a_filter_that_hides_lines_does_not_say_that_they_are_gone(world: HistoryWorld, opsctl: TypedOpsctl) -> None:
    run_id = fail_both(world)
    for words in (["--grep", "x"], ["--since", "1m"], ["--attempt", "3"], ["--tail", "0"]):
        assert f"{run_id} has no such lines." in opsctl("logs", *words).err


@pytest.mark.parametrize("is_local", [False, True])
def test_only_on_aws_lines_come_after_the_end(
    world: HistoryWorld, opsctl: TypedOpsctl, monkeypatch: pytest.MonkeyPatch, is_local: bool
) -> None:
    run_id = fail_both(world)
    # As if the scans had ended just now.
    monkeypatch.setattr("opsctl.cli.verbs.logs._LATE", timedelta(days=100_000))
    endpoint_url = "http://127.0.0.1:1" if is_local else None
    monkeypatch.setattr(Context, "platform", replace(PLATFORM, endpoint_url=endpoint_url))
    said = opsctl("logs", "sub-01")
    waits = f"`opsctl logs sub-01 --follow --run {run_id}` waits for them."
    assert (waits in said.err) is not is_local
    assert ("are gone" in said.err) is is_local

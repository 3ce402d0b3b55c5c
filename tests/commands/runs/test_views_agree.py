"""All verbs are views of one reading of a run: histories in which they once disagreed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.agreement import ensure_agreement
from support.history_world import HistoryWorld
from support.run_views import Told
from support.typed_opsctl import TypedOpsctl

from opsctl.commands.costs.budget import Spending
from opsctl.core.runs.manifest import Run

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
WEEK = timedelta(days=8)
SOMEWHAT = 0.005


@pytest.fixture
def world(tmp_path: Path) -> HistoryWorld:
    return HistoryWorld(tmp_path / "home", "sub-01", "sub-02")


def submitted(world: HistoryWorld) -> Run:
    run_id = world.submit()
    assert run_id is not None
    return world.records.run(run_id)


def ensure_sums(world: HistoryWorld, run: Run, **usd: float) -> None:
    """Every verb that tells what a scan has cost, or the run, says this."""
    by_name = {name.replace("sub", "sub-"): value for name, value in usd.items()}
    told = {
        (verb, name): view.usd
        for verb, by_scan in Told(world, run).views().items()
        for name, view in by_scan.items()
        if view.usd is not None
    }
    assert told == {key: pytest.approx(by_name[key[1]], abs=SOMEWHAT) for key in told}
    totals = Told(world, run).totals()
    assert totals == dict.fromkeys(totals, pytest.approx(sum(by_name.values()), abs=2 * SOMEWHAT))


@pytest.mark.parametrize("is_forgotten", [False, True], ids=["Batch knows it", "Batch has forgotten it"])
@pytest.mark.parametrize("tries", [1, 3], ids=["waits to be tried again", "is not tried again"])
def test_the_last_attempt_ran_for_hours_and_lost_its_instance(
    world: HistoryWorld, tries: int, is_forgotten: bool
) -> None:
    run = submitted(world)
    first, second = world.history.jobs
    world.start(second)
    world.pass_time(HOUR / 2)
    world.end(second, "done")
    for _ in range(tries - 1):
        world.start(first)
        world.pass_time(HOUR / 4)
        world.lose(first)
    world.start(first)
    world.pass_time(5 * HOUR)
    world.lose(first)
    world.pass_time(2 * HOUR)
    if is_forgotten:
        world.look()
        if tries == 1:
            world.cancel(run)
        world.pass_time(WEEK)
    ensure_sums(world, run, sub01=5 + (tries - 1) / 4, sub02=0.5)
    ensure_agreement(world)


def test_waiting_for_capacity_after_a_lost_attempt_is_not_paid_for(world: HistoryWorld) -> None:
    run = submitted(world)
    first, second = world.history.jobs
    world.start(first)
    world.start(second)
    world.pass_time(HOUR)
    world.lose(first)
    world.end(second, "done")
    world.pass_time(2 * HOUR)
    ensure_sums(world, run, sub01=1.0, sub02=1.0)
    world.start(first)
    world.pass_time(HOUR / 2)
    ensure_sums(world, run, sub01=1.5, sub02=1.0)
    world.end(first, "done")
    ensure_sums(world, run, sub01=1.5, sub02=1.0)
    ensure_agreement(world)
    world.pass_time(WEEK)
    # Now only the first attempt's last sign of life tells how long it ran.
    ensure_agreement(world)


@pytest.mark.parametrize("ending", ["done", "lost"])
def test_an_attempt_that_left_no_record_is_counted_alike(world: HistoryWorld, ending: str) -> None:
    run = submitted(world)
    first, second = world.history.jobs
    world.start(second)
    world.start(first, is_mute=True)
    world.pass_time(HOUR)
    world.lose(first)
    world.end(second, "done")
    for _ in range(2):
        if world.active():
            world.start(first)
            world.pass_time(HOUR / 2)
            if ending == "done":
                world.end(first, "done")
            else:
                world.lose(first)
    attempts = 2 if ending == "done" else 3
    ensure_sums(world, run, sub01=1 + (attempts - 1) / 2, sub02=1.0)
    views = [by_scan["sub-01"] for by_scan in Told(world, run).views().values() if "sub-01" in by_scan]
    assert {view.attempts for view in views} - {None} == {attempts}
    ensure_agreement(world)


def test_attempts_that_left_no_record_are_shown_of_a_job_that_runs_again(world: HistoryWorld) -> None:
    run = submitted(world)
    first, _ = world.history.jobs
    world.cancel(run, [1])
    world.start(first, is_mute=True)
    world.pass_time(HOUR)
    world.lose(first)
    world.start(first)
    # The cancelled scan, whose end is looked up, must not hide what Batch has told of the other's attempts.
    ensure_agreement(world)
    views = [by_scan["sub-01"] for by_scan in Told(world, run).views().values() if "sub-01" in by_scan]
    assert {view.attempts for view in views} - {None} == {2}


def test_a_run_killed_between_submitjob_and_its_record_has_been_submitted(world: HistoryWorld) -> None:
    assert world.submit("killed before its record") is None
    (run,) = world.runs()
    for job in world.history.jobs:
        world.start(job)
    world.pass_time(10 * MINUTE)
    told = Told(world, run)
    assert told.never_submitted() == {verb: set() for verb in told.never_submitted()}
    assert told.counts() == {verb: {"DONE": 0, "FAILED": 0, "ACTIVE": 2} for verb in told.counts()}
    ensure_sums(world, run, sub01=1 / 6, sub02=1 / 6)
    assert told.spent(usd_per_scan=3.0) == Spending(usd=6.0, in_flight=2, reserved_usd=pytest.approx(6 - 1 / 3))
    ensure_agreement(world)
    # The next run finds them: nothing is submitted twice.
    assert world.submit() == run.run_id
    assert len(world.history.submitted) == 1


@pytest.mark.parametrize("typed", ["sub-01/", "/sub-01", "sub-01", "sub-0[1]", "sub-9", "", "sub"])
def test_a_scan_is_named_alike_to_every_verb(
    world: HistoryWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str
) -> None:
    submitted(world)
    opsctl = TypedOpsctl(world, monkeypatch, capsys)
    spoken = {
        "status": opsctl("status", "--scan", typed, "--json"),
        "why": opsctl("why", typed, "--json"),
        "logs": opsctl("logs", typed, "--json"),
        "cancel": opsctl("cancel", typed, "--yes", "--json"),
    }
    refused = {verb: said.err for verb, said in spoken.items() if said.code}
    assert not refused or refused == dict.fromkeys(spoken, refused["why"])


def test_the_local_server_killed_in_the_middle_of_a_run_costs_no_more(world: HistoryWorld) -> None:
    run = submitted(world)
    for job in world.history.jobs:
        world.start(job)
    world.pass_time(32 * MINUTE)
    world.lose_server()
    world.pass_time(HOUR)
    # Nobody saw the end: it came after the sign of life at 30 minutes and before the next.
    after_an_hour = Told(world, run).totals()
    ensure_agreement(world)
    world.pass_time(9 * HOUR)
    told = Told(world, run)
    assert told.totals() == after_an_hour
    assert after_an_hour == dict.fromkeys(after_an_hour, pytest.approx(2 * 35 / 60, abs=SOMEWHAT))
    assert all("estimate" in basis for basis in told.bases().values())

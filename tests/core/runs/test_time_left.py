"""How long a run has taken, and what is left: from its own finished scans, and nothing without a basis."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from support.view_examples import progress, result, run, status

from opsctl.core.runs.manifest import timestamp
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import RunStatus, State
from opsctl.core.runs.time_left import RunTimes, run_times

BEGUN = datetime.fromisoformat(run().created_at)
MINUTE = 60.0


def took(minutes: float) -> Result:
    return replace(result(), started_at=timestamp(BEGUN), stopped_at=timestamp(BEGUN + timedelta(minutes=minutes)))


def times(of: RunStatus, *finished: float, now: float = 100.0) -> RunTimes:
    return run_times(of, {}, [took(minutes) for minutes in finished], now=BEGUN + timedelta(minutes=now))


def running(minutes: float, *states: State, **changes: object) -> RunStatus:
    of = status(*states)
    seen = {
        index: progress(index, seconds=minutes * MINUTE) for index, state in enumerate(states) if state == "RUNNING"
    }
    return replace(of, progress=seen, **changes)  # type: ignore[arg-type]


def test_without_two_finished_scans_nothing_is_said_of_what_is_left() -> None:
    for finished in ((), (60.0,)):
        found = times(running(10, "RUNNING", "RUNNABLE"), *finished)
        assert (found.elapsed_seconds, found.shortest_left_seconds, found.longest_left_seconds) == (6000.0, None, None)


def test_where_nothing_runs_nobody_knows_when_the_rest_begins() -> None:
    assert times(status("DONE", "DONE", "RUNNABLE"), 60.0, 60.0).longest_left_seconds is None


def test_scans_that_wait_follow_those_that_run() -> None:
    found = times(running(10, "RUNNING", "RUNNING", "RUNNABLE", "PENDING", "RUNNABLE"), 60.0, 60.0)
    # Two at once: 50 minutes for those that run, then three in two rounds.
    assert (found.shortest_left_seconds, found.longest_left_seconds) == (170 * MINUTE, 170 * MINUTE)


def test_the_spread_of_the_finished_scans_is_the_spread_of_the_answer() -> None:
    found = times(running(10, "RUNNING"), *(float(minutes) for minutes in range(40, 51)))
    assert found.shortest_left_seconds == pytest.approx(31 * MINUTE)
    assert found.longest_left_seconds == pytest.approx(39 * MINUTE)
    assert found.finished == 11


def test_a_scan_that_takes_longer_than_all_others_leaves_nothing() -> None:
    assert times(running(90, "RUNNING"), 60.0, 61.0).longest_left_seconds == 0.0


def test_an_ended_run_took_until_its_last_job_ended() -> None:
    assert times(status("DONE", "DONE"), 30.0, 65.0).elapsed_seconds == 65 * MINUTE
    assert times(status("FAILED")).elapsed_seconds is None

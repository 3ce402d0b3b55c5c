"""One truth: what `cost` says was spent, `--max-spend` counts; what it reserves, the forecast's upper end has."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.core_examples import DOLLAR, MOMENT, run

from opsctl.commands.costs.budget import spending
from opsctl.commands.costs.cost import run_cost
from opsctl.core.costs.estimate import FinishedScan, Hours, hours_of
from opsctl.core.costs.forecast import forecast
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.attempt_merge import merge_attempts
from opsctl.core.runs.manifest import timestamp
from opsctl.core.runs.snapshot import Pricing, RunSnapshot
from opsctl.core.runs.status import BatchJob

NOW = MOMENT + timedelta(hours=40)
#: Short, middle and long: 1, 2 and 3 hours.
HOURS = Hours(
    per_scan=2.0,
    source="2 hours a scan",
    is_measured=True,
    finished=tuple(FinishedScan(0.0, 0.75 + 0.25 * quarter) for quarter in range(11)),
)
GUIDE = hours_of([], kind="dwi csd")


def at(hours: float) -> str:
    return timestamp(MOMENT + timedelta(hours=hours))


def snapshot(scans: list[tuple[str, list[float]]], **changes: Any) -> RunSnapshot:
    """A run whose scans' jobs have a status, and whose ended attempts took so many hours, an hour apart.

    A RUNNING job's last attempt has not ended.
    """
    the_run = run(len(scans), **changes)
    attempts, jobs = [], {}
    for index, (status, lengths) in enumerate(scans):
        jobs[index] = BatchJob(job_id=f"job:{index}", status=status, exit_code=0 if status == "SUCCEEDED" else None)
        start = 40 - sum(lengths) - len(lengths) + 1
        for number, length in enumerate(lengths, start=1):
            is_last = number == len(lengths)
            is_open = is_last and status == "RUNNING"
            code = 0 if is_last and status == "SUCCEEDED" else 75
            attempts.append(
                Attempt(
                    index=index,
                    number=number,
                    job_id=f"job:{index}",
                    started_at=at(start),
                    stopped_at=None if is_open else at(start + length),
                    exit_code=None if is_open else code,
                )
            )
            start += length + 1
    merged = merge_attempts(attempts, {}, jobs.items())
    return RunSnapshot(run=the_run, at=NOW, results={}, attempts=merged, jobs=jobs, indices=tuple(range(len(scans))))


a_length = st.floats(0.1, 4.0)
a_scan = st.one_of(
    st.tuples(st.sampled_from(["SUCCEEDED", "FAILED", "RUNNING"]), st.lists(a_length, min_size=1, max_size=4)),
    st.tuples(st.sampled_from(["RUNNABLE", "STARTING", "FAILED"]), st.lists(a_length, max_size=3)),
)


@given(st.lists(a_scan, min_size=1, max_size=6), st.floats(0, 5), st.sampled_from([1, 2]))
def test_max_spend_counts_what_cost_counts_and_reserves_the_rest(
    scans: list[tuple[str, list[float]]], hours: float, pack: int
) -> None:
    seen = snapshot(scans, scans_per_instance=pack)
    committed = spending([seen], rates_of=lambda _: DOLLAR, hours_per_scan=hours)
    own = run_cost(seen, Pricing(rates=DOLLAR, is_local=False)).own
    assert committed.spent_usd == pytest.approx(own.usd)
    # By hand: every ended attempt, and of the running one and each scan to come at least the reserve.
    ended = sum(sum(lengths[:-1] if status == "RUNNING" else lengths) for status, lengths in scans)
    running = sum(max(hours, lengths[-1]) for status, lengths in scans if status == "RUNNING")
    waiting = sum(hours for status, _ in scans if status in ("RUNNABLE", "STARTING"))
    assert committed.usd == pytest.approx((ended + running + waiting) * DOLLAR.shared_by(pack).usd_per_hour, abs=0.01)
    assert committed.in_flight == sum(status in ("RUNNING", "RUNNABLE", "STARTING") for status, _ in scans)


@given(st.lists(a_scan, min_size=1, max_size=6), st.sampled_from([HOURS, GUIDE]))
def test_a_forecasts_ends_are_the_bill_and_what_is_reserved(scans: list[tuple[str, list[float]]], hours: Hours) -> None:
    seen = snapshot(scans)
    told = forecast(seen, DOLLAR, hours)
    assert told.spent_usd <= told.low_usd <= told.usd <= told.high_usd
    committed = spending([seen], rates_of=lambda _: DOLLAR, hours_per_scan=hours.long)
    assert told.high_usd == pytest.approx(committed.usd)
    assert told.scans == len(scans)


def test_a_forecast_adds_the_rest_of_what_runs_and_all_of_what_waits() -> None:
    told = forecast(snapshot([("SUCCEEDED", [1.5]), ("RUNNING", [1.0, 0.5]), ("RUNNABLE", [])]), DOLLAR, HOURS)
    # 1.5 and 1 have ended, 0.5 of the running one is spent.
    assert told.spent_usd == pytest.approx(3.0)
    assert [told.low_usd, told.usd, told.high_usd] == pytest.approx([2.5 + 1 + 1, 2.5 + 2 + 2, 2.5 + 3 + 3])
    assert (told.ended, told.running, told.waiting) == (1, 1, 1)
    assert "60 minutes to 3 hours a scan (the first and the last tenth of the 11 scans)" in told.basis


def test_at_the_end_the_forecast_is_the_bill() -> None:
    told = forecast(snapshot([("SUCCEEDED", [1.5]), ("FAILED", [1.0, 1.0])]), DOLLAR, GUIDE)
    assert told.low_usd == told.usd == told.high_usd == told.spent_usd == pytest.approx(3.5)
    assert told.as_json(is_local=False)["usd_is"] == "estimated" and "all jobs of the run have ended" in told.basis

"""`--max-spend`: refused before, stopped in between, and what was spent already counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.run_world import PLATFORM, RunWorld, put_dataset

from opsctl.aws.s3.storage import Storage
from opsctl.commands.costs.budget import Budget, Spending, spending
from opsctl.core.costs.estimate import Estimate, Rates
from opsctl.core.costs.reserve import Reserve
from opsctl.core.errors import Problem

RATES = Rates(
    instance_usd_per_hour=0.99,
    disk_usd_per_gib_hour=0.0,
    address_usd_per_hour=0.01,
    root_volume_gib=100,
    source="the test",
    kind="on-demand",
    is_complete=True,
)
PER_SCAN = 1.0
#: A long scan takes an hour at RATES.
RESERVE = Reserve(hours=1.0, usd_per_hour=PER_SCAN, attempts=5, timeout_hours=6.0)


def budget(
    limit_usd: float, *answers: Spending, sleeps: list[float] | None = None, messages: list[str] | None = None
) -> Budget:
    remaining = list(answers)
    return Budget(
        limit_usd,
        estimate=Estimate(usd=0.0, usd_per_scan=PER_SCAN, wall_hours=1.0, basis=""),
        reserve=RESERVE,
        current_spending=lambda: remaining.pop(0) if len(remaining) > 1 else remaining[0],
        at_once=4,
        sleep=(sleeps if sleeps is not None else []).append,
        on_wait=(messages if messages is not None else []).append,
    )


@pytest.mark.parametrize(
    ("limit", "so_far", "count", "fits"), [(10.0, 0.0, 10, True), (10.0, 5.0, 5, True), (0.0, 0.0, 1, False)]
)
def test_what_fits_goes_through(limit: float, so_far: float, count: int, fits: bool) -> None:
    limited = budget(limit, Spending(so_far, 0))
    if fits:
        limited.ensure(count)
    else:
        with pytest.raises(Problem):
            limited.ensure(count)


def test_above_it_says_how_many_would_fit() -> None:
    with pytest.raises(Problem) as caught:
        budget(10.0, Spending(7.5, 0)).ensure(4)
    assert "$7.50 spent or committed, and 4 scans more at about $4.00: above --max-spend 10." in caught.value.what
    assert caught.value.hint == "About 2 scans fit (`--first 2`), or allow more."
    with pytest.raises(Problem) as caught:
        budget(10.0, Spending(8.5, 0)).ensure(2)
    assert caught.value.hint == "About 1 scan fits (`--first 1`), or allow more."


def test_a_run_that_costs_what_was_estimated_reaches_its_last_submission() -> None:
    long = Reserve(hours=1.5, usd_per_hour=PER_SCAN, attempts=5, timeout_hours=6.0)

    def limited(limit: float) -> Budget:
        estimate = Estimate(usd=0.0, usd_per_scan=PER_SCAN, wall_hours=1.0, basis="")
        return Budget(
            limit,
            estimate=estimate,
            reserve=long,
            current_spending=lambda: Spending(0.0, 0),
            at_once=4,
            sleep=lambda seconds: None,
            on_wait=lambda text: None,
        )

    limited(10.5).ensure_affordable(0.0, 10)
    with pytest.raises(Problem) as caught:
        limited(10.4).ensure_affordable(0.0, 10)
    reason = "10 scans at about $10.00, and $0.50 more reserved because the last 1 may take long"
    assert caught.value.what == f"{reason}: above --max-spend 10.4."
    assert caught.value.hint == "About 9 scans fit (`--first 9`), or allow more."


def test_without_a_price_there_is_no_budget() -> None:
    limited = Budget(
        1000.0,
        estimate=Estimate(usd=0.0, usd_per_scan=0.01, wall_hours=1.0, basis="", is_complete=False),
        reserve=RESERVE,
        current_spending=lambda: Spending(0.0, 0),
        at_once=4,
        sleep=lambda seconds: None,
        on_wait=lambda text: None,
    )
    with pytest.raises(Problem, match="price of this platform's instances is not known"):
        limited.ensure(1)


def test_it_waits_while_the_limit_does_not_cover_the_reserve_of_the_next_ones() -> None:
    sleeps: list[float] = []
    messages: list[str] = []
    answers = Spending(9.5, 2, 2.0), Spending(9.2, 1, 1.0), Spending(8.5, 1, 0.2)
    budget(10.0, *answers, sleeps=sleeps, messages=messages).ensure(1)
    assert len(sleeps) == 2
    assert messages[0] == "2 scans are in progress: the next 1 follow when those have ended, if the sum then allows it"
    with pytest.raises(Problem, match=r"\$9.50 spent or committed, and 1 scan more"):
        budget(10.0, Spending(9.5, 0)).ensure(1)


def test_a_submission_is_a_tenth_of_the_limit_at_most() -> None:
    assert (budget(1000.0, Spending(0, 0)).portion, budget(15.0, Spending(0, 0)).portion) == (2, 1)


def test_it_says_what_it_guarantees() -> None:
    partly = budget(100.0, Spending(7.0, 0)).guarantee(50)
    assert (partly.in_flight, partly.is_certain, partly.most_usd) == (4, False, 7 + 4 * 5 * 6)
    text = " ".join(partly.lines)
    assert "reserves $1.00 for each scan in flight (one attempt of 60 minutes, a long one" in text
    assert "5 attempts of 6 hours each" in text and "$127.00" in text
    assert "when it ends, or the computer sleeps, nothing more is submitted" in text
    certain = budget(100.0, Spending(10.0, 0)).guarantee(3)
    assert certain.is_certain and "whatever happens" in certain.lines[-1]
    assert not budget(99.0, Spending(10.0, 0)).guarantee(3).is_certain


def test_portions_leave_no_instance_idle_and_wait_for_room() -> None:
    sleeps: list[float] = []
    messages: list[str] = []
    limited = budget(100.0, Spending(0.0, 4), Spending(0.0, 3), Spending(0.0, 2), sleeps=sleeps, messages=messages)
    assert limited.portion == 2
    limited.ensure(2)
    assert len(sleeps) == 2
    assert "4 scans are in progress: the next 2 follow" in messages[0]


@pytest.fixture
def world(s3: Any, storage: Storage, tmp_path: Path) -> RunWorld:
    put_dataset(s3, *(f"sub-{number:02d}" for number in range(8)))
    return RunWorld(storage, tmp_path)


def current_spending(world: RunWorld, plan: Any) -> Spending:
    return spending(
        world.prior_runs(plan.request).snapshots(), rates_of=lambda run: RATES, hours_per_scan=RESERVE.hours
    )


def test_submission_stops_where_the_running_total_would_pass_it(world: RunWorld) -> None:
    plan = world.plan(max_spend_usd=4.5)
    # Scans turn out to cost more than was estimated: each ends at once, at one and a half times the price.
    run_id = plan.run_id

    def over(request: dict[str, Any]) -> None:
        index = len(world.batch.jobs) - 1
        world.batch.end(f"job-{index}", "SUCCEEDED")
        attempt = {
            "schema_version": 1, "run_id": run_id, "index": index, "scan": "", "job_id": f"job-{index}",
            "attempt": 1, "started_at": "2026-11-22T08:00:00Z", "stopped_at": "2026-11-22T09:30:00Z",
            "exit_code": 0, "cause": "", "log_stream": "",
        }  # fmt: skip
        world.storage.put_json("data", f"opsctl/runs/{run_id}/attempts/{index:05d}.1.abc.json", attempt)
        world.finish(run_id, index)

    world.batch.on_submit = over
    limited = Budget(
        4.5,
        estimate=Estimate(usd=0.0, usd_per_scan=PER_SCAN, wall_hours=1.0, basis=""),
        reserve=RESERVE,
        current_spending=lambda: current_spending(world, plan),
        at_once=4,
        sleep=world.sleeps.append,
        on_wait=world.messages.append,
    )
    with pytest.raises(Problem) as caught:
        world.carry_out(plan, budget=limited)
    # 4.5 dollars for the first three.
    assert "$4.50 spent or committed" in caught.value.what
    assert "3 of 8 scans were submitted, 5 were not" in caught.value.what
    submission_log = world.records.submission_log(run_id)
    assert [submission.state for submission in submission_log] == ["submitted"] * 3 + ["abandoned"] * 5
    assert {submission.note_code for submission in submission_log[3:]} == {"budget_reached"}
    assert "above --max-spend 4.5" in submission_log[3].note
    # Later and with more money the rest goes on.
    world.batch.on_submit = lambda request: None
    later = world.plan()
    assert (later.counts, len(later.to_submit())) == ({"done": 3, "new": 5}, 5)


def test_what_earlier_runs_into_the_place_have_spent_counts(world: RunWorld) -> None:
    first = world.run()
    plan = world.plan()
    # Eight on their way, at their estimate.
    assert current_spending(world, plan) == Spending(8.0, 8, reserved_usd=8.0)
    world.batch.end("job-0", "SUCCEEDED")
    world.finish(first.run_id, *range(8))
    # Each took five seconds, as its result says.
    assert current_spending(world, plan) == Spending(pytest.approx(8 * 5 / 3600), 0)
    assert PLATFORM.models["csa"].vcpus == 2

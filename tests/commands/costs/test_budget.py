"""`--max-spend`: refused before, stopped in between, and what was spent already counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.run_world import PLATFORM, RunWorld, put_dataset

from opsctl.aws.s3.storage import Storage
from opsctl.commands.costs.budget import Budget, Spending, spending
from opsctl.core.costs.estimate import Estimate, Rates
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


def budget(
    limit_usd: float, *answers: Spending, sleeps: list[float] | None = None, messages: list[str] | None = None
) -> Budget:
    remaining = list(answers)
    return Budget(
        limit_usd,
        estimate=Estimate(usd=0.0, usd_per_scan=PER_SCAN, wall_hours=1.0, basis=""),
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


def test_without_a_price_there_is_no_budget() -> None:
    limited = Budget(
        1000.0,
        estimate=Estimate(usd=0.0, usd_per_scan=0.01, wall_hours=1.0, basis="", is_complete=False),
        current_spending=lambda: Spending(0.0, 0),
        at_once=4,
        sleep=lambda seconds: None,
        on_wait=lambda text: None,
    )
    with pytest.raises(Problem, match="price of this platform's instances is not known"):
        limited.ensure(1)


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
    return spending(world.prior_runs(plan.request).snapshots(), rates=RATES, usd_per_scan=PER_SCAN)


def test_submission_stops_where_the_running_total_would_pass_it(world: RunWorld) -> None:
    plan = world.plan(max_spend_usd=4.5)
    # Scans turn out to cost more than was estimated: each portion ends at once, at twice the price.
    run_id = plan.run_id

    def over(request: dict[str, Any]) -> None:
        job_id = f"job-{len(world.batch.jobs) - 1}"
        world.batch.end(job_id, "SUCCEEDED")
        first = (len(world.batch.jobs) - 1) * 2
        for index in (first, first + 1):
            attempt = {
                "schema_version": 1, "run_id": run_id, "index": index, "scan": "",
                "job_id": f"{job_id}:{index - first}",
                "attempt": 1, "started_at": "2026-11-22T08:00:00Z", "stopped_at": "2026-11-22T09:30:00Z",
                "exit_code": 0, "cause": "", "log_stream": "",
            }  # fmt: skip
            world.storage.put_json("data", f"opsctl/runs/{run_id}/attempts/{index:05d}.1.abc.json", attempt)
        world.finish(run_id, first, first + 1)

    world.batch.on_submit = over
    limited = Budget(
        4.5,
        estimate=Estimate(usd=0.0, usd_per_scan=PER_SCAN, wall_hours=1.0, basis=""),
        current_spending=lambda: current_spending(world, plan),
        at_once=4,
        sleep=world.sleeps.append,
        on_wait=world.messages.append,
    )
    with pytest.raises(Problem) as caught:
        world.carry_out(plan, budget=limited)
    # 3 dollars for the first two; two more would be 5.
    assert "$3.00 spent or committed" in caught.value.what
    assert "2 of 8 scans were submitted, 6 were not" in caught.value.what
    submission_log = world.records.submission_log(run_id)
    assert [submission.state for submission in submission_log] == ["submitted", "abandoned", "abandoned", "abandoned"]
    assert {submission.note_code for submission in submission_log[1:]} == {"budget_reached"}
    assert "above --max-spend 4.5" in submission_log[1].note
    # Later and with more money the rest goes on.
    world.batch.on_submit = lambda request: None
    later = world.plan()
    assert (later.counts, len(later.to_submit())) == ({"done": 2, "new": 6}, 6)


def test_what_earlier_runs_into_the_place_have_spent_counts(world: RunWorld) -> None:
    first = world.run()
    plan = world.plan()
    # Eight on their way, at their estimate.
    assert current_spending(world, plan) == Spending(8.0, 8)
    world.batch.end("job-0", "SUCCEEDED")
    world.finish(first.run_id, *range(8))
    # Each took five seconds, as its result says.
    assert current_spending(world, plan) == Spending(pytest.approx(8 * 5 / 3600), 0)
    assert PLATFORM.models["csa"].vcpus == 2

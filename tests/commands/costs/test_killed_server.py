"""The local server is killed in the middle of a run, over real HTTP: what the run has cost does not grow any more."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.local_servers import alive, kill
from support.repository import ROOT
from support.run_views import PRICING
from support.waiting import until
from support.why_world import World

from opsctl.commands.costs.budget import spending
from opsctl.commands.costs.cost import run_cost
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.costs.bill import Bill
from opsctl.core.runs.manifest import Run
from opsctl.local import control

HOUR = timedelta(hours=1)
JOB = Path(__file__).parents[2] / "support" / "begun_job.py"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    if alive(world.server.pid):
        control.stop(world.server)


def snapshots(world: World, run: Run, later: timedelta) -> SnapshotReader:
    """A process of its own that reads the run so much later."""
    return SnapshotReader(run, records=world.records, batch=world.batch, now=lambda: datetime.now(UTC) + later)


def sums(world: World, run: Run, later: timedelta) -> dict[str, float]:
    """What each way of reading the run adds up to."""
    return {
        "cost": run_cost(snapshots(world, run, later).progress(), PRICING).own.usd,
        "status --json": bill_of(snapshots(world, run, later)).usd,
        "status --scan": snapshots(world, run, later).scans(range(len(run.scans))).bill(PRICING.rates).usd,
        "--max-spend": spending(
            [snapshots(world, run, later).whole()], rates_of=lambda run: PRICING.rates, hours_per_scan=0.0
        ).usd,
    }


def bill_of(reader: SnapshotReader) -> Bill:
    return reader.whole().bill(PRICING.rates)


def test_the_cost_stops_growing_when_the_server_is_killed(world: World) -> None:
    program = f"PYTHONPATH={shlex.quote(str(ROOT / 'container'))} exec {sys.executable} {shlex.quote(str(JOB))}"
    run = world.run(program, count=2)
    until(lambda: world.records.attempts(run.run_id) and "RUNNING" in world.statuses(run), seconds=30)
    # While it runs it costs more every hour.
    assert bill_of(snapshots(world, run, 3 * HOUR)).usd > bill_of(snapshots(world, run, 2 * HOUR)).usd + 0.9
    kill(world.server)
    world.restart()
    after_an_hour = sums(world, run, HOUR)
    assert len(set(after_an_hour.values())) == 1
    assert sums(world, run, 10 * HOUR) == after_an_hour
    # The attempt ended after its beginning and before its first sign of life; the other never began.
    assert after_an_hour["cost"] == pytest.approx(5 / 60)
    assert "1 attempt's end is not known and estimated" in bill_of(snapshots(world, run, HOUR)).basis
    assert [scan.state for scan in snapshots(world, run, HOUR).whole().status.scans] == ["FAILED", "FAILED"]

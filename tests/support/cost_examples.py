"""A run with its bill, for the tests of what is shown of costs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from opsctl.commands.costs.cost import RunCost
from opsctl.core.costs.bill import Bill, bill
from opsctl.core.costs.estimate import Rates
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.attempt_merge import merge_attempts
from opsctl.core.runs.manifest import Origin, Run

RATES = Rates(
    instance_usd_per_hour=1.0,
    disk_usd_per_gib_hour=0.0,
    address_usd_per_hour=0.0,
    root_volume_gib=100,
    source="opsctl's table of AWS's list prices, 2026-01",
    kind="on-demand",
)
RUN = Run(
    run_id="HNU1-20261122-120000-ab12",
    dataset="s3://data/HNU1",
    output="s3://data/out",
    m2g={},
    model="csa",
    image="i",
    platform="m2g",
    region="us-east-1",
    scans=("sub-01", "sub-02/ses-1", "sub-\x1b[31m03"),
    created_at="t",
    created_by="ada",
    command_line=(),
    opsctl_version="0.1.0",
    keys=("a", "b", "c"),
    sizes=(2,),
    adopted=(Origin("HNU1-20261121-120000-ab12", 0),),
    resources="csa",
    attempt_timeout_seconds=21_600,
)


def attempt(index: int, number: int, minutes: int, code: int) -> Attempt:
    return Attempt(
        index=index,
        number=number,
        job_id=f"j:{index}",
        started_at="2026-11-22T12:00:00Z",
        stopped_at=f"2026-11-22T12:{minutes:02d}:00Z",
        exit_code=code,
    )


def a_bill(*attempts: Attempt) -> Bill:
    merged = merge_attempts(attempts, {}, ())
    return bill(merged, {}, RATES, now=datetime(2026, 11, 22, 18, tzinfo=UTC), longest=timedelta(hours=6))


def a_cost(*, is_local: bool = False) -> RunCost:
    return RunCost(
        run=RUN,
        rates=RATES,
        own=a_bill(attempt(0, 1, 30, 75), attempt(0, 2, 45, 0), attempt(1, 1, 45, 0)),
        adopted=a_bill(attempt(2, 1, 15, 0)),
        is_local=is_local,
    )

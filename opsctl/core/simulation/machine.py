"""A run on one machine, such as the local platform's: its slots are there from the start, and nothing is charged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.core.costs.estimate import Rates
from opsctl.core.simulation.fleet import Fleet
from opsctl.core.simulation.reclaims import ReclaimRate
from opsctl.core.simulation.scan_times import ScanTime, ScanTimes
from opsctl.core.simulation.simulation import Setup

_FREE = Rates(
    instance_usd_per_hour=0.0,
    disk_usd_per_gib_hour=0.0,
    address_usd_per_hour=0.0,
    root_volume_gib=0,
    source="this machine",
    kind="on-demand",
)


@dataclass(frozen=True)
class TimedJob:
    """When a job began and ended, in hours after its run was submitted."""

    started: float
    stopped: float


def most_at_once(jobs: Sequence[TimedJob]) -> int:
    """The largest number of jobs that ran at the same time; where one ends another may begin."""
    changes = sorted([(job.started, 1) for job in jobs] + [(job.stopped, -1) for job in jobs])
    running = most = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return most


def machine_setup(jobs: Sequence[TimedJob], *, slots: int, scan_count: int) -> Setup:
    """The simulation of scans like some that were timed, on the same machine.

    All of it is measured by these jobs: how long each took, what passed before the first one began, and what passes in
    a slot between the end of a job and the start of the next one.

    Parameters
    ----------
    jobs
        At least one.
    slots
        How many jobs run at the same time.
    """
    starts, stops = sorted(job.started for job in jobs), sorted(job.stopped for job in jobs)
    # The first jobs wait for the submission; each later one takes the slot that becomes free.
    gaps = [max(0.0, start - stop) for start, stop in zip(starts[slots:], stops, strict=False)]
    gap = sum(gaps) / len(gaps) if gaps else 0.0
    fleet = Fleet(
        pack=slots,
        most_instances=1,
        start_hours=max(0.0, starts[0]),
        tail_hours=0.0,
        attempts=1,
        reclaims=ReclaimRate(per_hour=0.0, zones=1),
    )
    times = tuple(ScanTime(gap, job.stopped - job.started) for job in jobs)
    return Setup(scan_count=scan_count, fleet=fleet, times=ScanTimes(times), rates=_FREE)

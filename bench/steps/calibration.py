"""The simulation beside a real run: short scans on the local platform, and when the simulation says they are done.

A pilot run says how long scans take and what passes between two scans; the simulation plays the larger run from that.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.row import Row, ratio_row
from bench.steps.local_run import SLOTS, STEPS, local_platform, put_dataset, run_opsctl, write_command
from opsctl.aws.clients import Clients
from opsctl.core.costs.estimate import Rates
from opsctl.core.simulation.fleet import Fleet
from opsctl.core.simulation.reclaims import ReclaimRate
from opsctl.core.simulation.scan_times import ScanTime, ScanTimes
from opsctl.core.simulation.simulation import Setup, simulate
from opsctl.home import Home
from opsctl.local import control
from opsctl.local.files import Files

#: The goal: the median of the pairs within a tenth.
_BAR = 1.10
#: Scans of four lengths, from half of the usual number of steps to twice as many.
_VARYING_STEPS = f"int({STEPS} * (0.5, 0.8, 1.2, 2.0)[int(subject) % 4])"
_SEED = 1
#: Scans of the pilot and of the whole run, and how often both are run.
_QUICK, _FULL = (8, 20, 1), (40, 200, 3)
_MS_PER_HOUR = 3_600_000

_FREE = Rates(
    instance_usd_per_hour=0.0,
    disk_usd_per_gib_hour=0.0,
    address_usd_per_hour=0.0,
    root_volume_gib=0,
    source="this machine",
    kind="on-demand",
)


@dataclass(frozen=True)
class _TimedRun:
    """When a run's jobs began and ended, in milliseconds after its submission."""

    started: tuple[int, ...]
    stopped: tuple[int, ...]

    @property
    def hours(self) -> float:
        return max(self.stopped) / _MS_PER_HOUR

    def setup(self, scan_count: int) -> Setup:
        """The simulation of another number of such scans."""
        # The first scans wait for the queue; each later one for the slot that becomes free.
        starts, stops = sorted(self.started), sorted(self.stopped)
        gaps = [max(0, start - stop) for start, stop in zip(starts[SLOTS:], stops, strict=False)]
        gap_hours = sum(gaps) / len(gaps) / _MS_PER_HOUR
        times = tuple(
            ScanTime(gap_hours, (stop - start) / _MS_PER_HOUR)
            for start, stop in zip(self.started, self.stopped, strict=True)
        )
        fleet = Fleet(
            pack=SLOTS,
            most_instances=1,
            start_hours=starts[0] / _MS_PER_HOUR,
            tail_hours=0.0,
            attempts=1,
            reclaims=ReclaimRate(per_hour=0.0, zones=1),
        )
        return Setup(scan_count=scan_count, fleet=fleet, times=ScanTimes(times), rates=_FREE)


def measure(*, quick: bool) -> list[Row]:
    """Run a pilot and a larger run in turn, and simulate the larger one from the pilot."""
    pilot, scans, pairs = _QUICK if quick else _FULL
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        home = Path(folder) / "home"
        home.mkdir(mode=0o700)
        server = control.start(home, slots=SLOTS)
        try:
            write_command(Files(home).bin / "m2g", steps=_VARYING_STEPS)
            clients = Clients(endpoint_url=server.endpoint_url, local_key=server.credentials)
            platform = local_platform(clients, server.endpoint_url)
            Home(home).keep(platform)
            put_dataset(clients, scans)
            queue = platform.models["csa"].job_queue
            timed = []
            for number in range(pairs):
                small = _run(home, clients, queue, f"pilot{number}", "--first", str(pilot))
                setup = small.setup(scans)
                expected = simulate(setup, np.random.default_rng(_SEED)).finish_hours.p50
                timed.append((expected * 3600, _run(home, clients, queue, f"whole{number}").hours * 3600))
        finally:
            control.stop(home)
    simulated, real = zip(*timed, strict=True)
    note = (
        f"ours: as simulated from {pilot} scans of four lengths; plain: the real run of {scans}, {SLOTS} at once; the"
        " ratio is the larger of the two divided by the smaller"
    )
    row = ratio_row(
        f"finish of {scans} local scans, simulated",
        ours=[max(pair) for pair in timed],
        plain=[min(pair) for pair in timed],
        bar=_BAR,
        note=note,
    )
    return [replace(row, ours=float(np.median(simulated)), plain=float(np.median(real)))]


def _run(home: Path, clients: Clients, queue: str, modif: str, *options: str) -> _TimedRun:
    """Run scans into a folder of its own, and say when each job began and ended."""
    run_opsctl(home, "run", "HNU1", "--parcellation", "Desikan_", "--modif", modif, "--yes", *options)
    run_opsctl(home, "status", "--wait")
    parents = clients.batch.list_jobs(jobQueue=queue, jobStatus="SUCCEEDED")["jobSummaryList"]
    parent = max(parents, key=lambda job: job["createdAt"])
    count = clients.batch.describe_jobs(jobs=[parent["jobId"]])["jobs"][0]["arrayProperties"]["size"]
    children: list[Any] = []
    for first in range(0, count, 100):
        ids = [f"{parent['jobId']}:{index}" for index in range(first, min(count, first + 100))]
        children += clients.batch.describe_jobs(jobs=ids)["jobs"]
    begin = parent["createdAt"]
    return _TimedRun(
        started=tuple(child["startedAt"] - begin for child in children),
        stopped=tuple(child["stoppedAt"] - begin for child in children),
    )


if __name__ == "__main__":
    for row in measure(quick=False):
        print(
            f"{row.step}: {row.ours:.1f} s, real {row.plain:.1f} s, ratio {row.ratio:.3f}", row.ratio_min, row.ratio_max
        )

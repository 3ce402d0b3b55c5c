"""The simulation beside a real run: short scans on the local platform, and when the simulation says they are done.

A pilot run says how long scans take and what passes between two scans; the simulation plays the larger run from that.

python -m bench.steps.calibration --scans 60 --seconds 3 --slots 4
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.row import Row, ratio_row
from bench.steps.local_run import SLOTS, STEPS, local_platform, put_dataset, run_opsctl, write_command
from opsctl.aws.clients import Clients
from opsctl.core.simulation.machine import TimedJob, machine_setup
from opsctl.core.simulation.simulation import simulate
from opsctl.home import Home
from opsctl.local import control
from opsctl.local.files import Files

#: The goal: the median of the pairs within a tenth.
_BAR = 1.10
#: Scans of four lengths, from half of the usual number of steps to twice as many.
_LENGTHS = (0.5, 0.8, 1.2, 2.0)
_SEED = 1
_MS_PER_HOUR = 3_600_000


@dataclass(frozen=True, kw_only=True)
class _Size:
    """What is run.

    Attributes
    ----------
    pilot, scans
        Scans of the pilot and of the whole run.
    pairs
        How often both are run.
    steps
        How many steps a scan of the middle length computes.
    """

    pilot: int
    scans: int
    pairs: int
    steps: int = STEPS
    slots: int = SLOTS


_QUICK, _FULL = _Size(pilot=8, scans=20, pairs=1), _Size(pilot=40, scans=200, pairs=3)


@dataclass(frozen=True)
class _Pair:
    """The seconds of a whole run: as simulated from its pilot, from every fifth of its own scans, and as it was."""

    from_pilot: float
    from_own: float
    real: float


def measure(*, quick: bool) -> list[Row]:
    """Run a pilot and a larger run in turn, and simulate the larger one from the pilot."""
    size = _QUICK if quick else _FULL
    pairs = _pairs(size)
    note = (
        f"ours: as simulated from a pilot run of {size.pilot} scans of four lengths; plain: the real run of"
        f" {size.scans}, {size.slots} at once; the ratio is the larger of the two divided by the smaller"
    )
    row = ratio_row(
        f"finish of {size.scans} local scans, simulated",
        ours=[max(pair.from_pilot, pair.real) for pair in pairs],
        plain=[min(pair.from_pilot, pair.real) for pair in pairs],
        bar=_BAR,
        note=note,
    )
    simulated, real = np.median([pair.from_pilot for pair in pairs]), np.median([pair.real for pair in pairs])
    return [replace(row, ours=float(simulated), plain=float(real))]


def _pairs(size: _Size) -> list[_Pair]:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        home = Path(folder) / "home"
        home.mkdir(mode=0o700)
        server = control.start(home, slots=size.slots)
        try:
            lengths = f"({', '.join(map(str, _LENGTHS))})"
            write_command(
                Files(home).bin / "m2g", steps=f"int({size.steps} * {lengths}[int(subject) % {len(_LENGTHS)}])"
            )
            clients = Clients(endpoint_url=server.endpoint_url, local_key=server.credentials)
            platform = local_platform(clients, server.endpoint_url)
            Home(home).keep(platform)
            put_dataset(clients, size.scans)
            queue = platform.models["csa"].job_queue
            pairs = []
            for number in range(size.pairs):
                pilot = _run(home, clients, queue, f"pilot{number}", "--first", str(size.pilot))
                whole = _run(home, clients, queue, f"whole{number}")
                pairs.append(
                    _Pair(
                        from_pilot=_simulated_seconds(pilot, size),
                        # Each length has its share of them: five and four have no common factor.
                        from_own=_simulated_seconds(whole, size, every=5),
                        real=3600 * max(job.stopped for job in whole),
                    )
                )
        finally:
            control.stop(home)
    return pairs


def _simulated_seconds(jobs: list[TimedJob], size: _Size, *, every: int = 1) -> float:
    """When the whole run ends, simulated from these jobs' times, or from every so many of them."""
    setup = machine_setup(jobs, slots=size.slots, scan_count=size.scans)
    setup = replace(setup, times=replace(setup.times, times=setup.times.times[::every]))
    return 3600 * simulate(setup, np.random.default_rng(_SEED)).finish_hours.p50


def _run(home: Path, clients: Clients, queue: str, modif: str, *options: str) -> list[TimedJob]:
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
    return [
        TimedJob((child["startedAt"] - begin) / _MS_PER_HOUR, (child["stoppedAt"] - begin) / _MS_PER_HOUR)
        for child in children
    ]


def _steps_in(seconds: float) -> int:
    """How many steps a scan computes in so long, where nothing else runs."""
    started = time.perf_counter()
    total = 0
    for number in range(STEPS):
        total += number * number
    return round(STEPS * seconds / (time.perf_counter() - started))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=_FULL.scans)
    parser.add_argument("--pilot", type=int, default=_FULL.pilot)
    parser.add_argument("--pairs", type=int, default=_FULL.pairs)
    parser.add_argument("--slots", type=int, default=SLOTS)
    parser.add_argument("--seconds", type=float, help="how long a scan of the middle length computes")
    given = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    steps = STEPS if given.seconds is None else _steps_in(given.seconds)
    size = _Size(pilot=given.pilot, scans=given.scans, pairs=given.pairs, slots=given.slots, steps=steps)
    for pair in _pairs(size):
        pilot, own = pair.from_pilot / pair.real, pair.from_own / pair.real
        print(f"real {pair.real:.1f} s; simulated from the pilot {pair.from_pilot:.1f} s ({pilot:.3f}),", end=" ")
        print(f"from every fifth of its own scans {pair.from_own:.1f} s ({own:.3f})")


if __name__ == "__main__":
    main()

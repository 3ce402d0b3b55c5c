"""A process that is stopped (a closed laptop, Ctrl-Z) and goes on later: nothing is lost, doubled or misreported."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.small_platform import SmallPlatform
from two_machines import TwoMachines, wait_until_stopped

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it is seen in /proc that a process is stopped")

#: Instead of a minute, so that another process need not wait so long.
LEASE = {"LEASE_SECONDS": "8"}


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoMachines]:
    machines = TwoMachines(SmallPlatform(tmp_path_factory.mktemp("platform"), slots=3))
    try:
        yield machines
    finally:
        machines.close()


def test_a_run_that_was_stopped_before_its_submission_notices_that_it_lost_the_lease(machines: TwoMachines) -> None:
    first = machines.start("run", "HNU1", "--modif", "stopped", "--yes", stopped="before-submit", **LEASE)
    wait_until_stopped(first.pid)
    (run_id,) = machines.run_ids()
    second = machines.run(
        "run", "HNU1", "--modif", "stopped", "--yes", home=machines.laptop, stopped="never", **LEASE
    )
    assert second.code == 0, second.text
    os.kill(first.pid, signal.SIGCONT)
    ended = machines.end(first)
    assert ended.code == 1, ended.text
    assert "has taken over the submission" in ended.text.splitlines()[-1]
    machines.platform.finish_jobs()
    # The first one's job, which came after all, was ended; each scan has one attempt that counts.
    states = sorted((job["status"], job.get("statusReason")) for job in machines.jobs(run_id))
    assert [reason for _, reason in states].count("opsctl: submitted twice") == 1
    assert len(states) == 2
    assert machines.run_ids() == [run_id]
    status = machines.run("status", "--run", run_id, "--json")
    assert '"submitted twice"' not in status.text
    assert "submitted twice" not in status.text

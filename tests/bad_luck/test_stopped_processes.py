"""A process that is stopped (a closed laptop, Ctrl-Z) and goes on later: nothing is lost, doubled or misreported."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from support.waiting import until
from two_machines import TwoMachines, contents, wait_until_stopped

from opsctl.core.runs.manifest import run_moment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it is seen in /proc that a process is stopped")

#: Instead of a minute, so that another process need not wait so long.
LEASE = {"LEASE_SECONDS": "8"}


def test_a_run_that_was_stopped_before_its_submission_notices_that_it_lost_the_lease(machines: TwoMachines) -> None:
    first = machines.start("run", "HNU1", "--modif", "stopped", "--yes", stopped="before-submit", **LEASE)
    wait_until_stopped(first.pid)
    (run_id,) = machines.run_ids()
    second = machines.run("run", "HNU1", "--modif", "stopped", "--yes", home=machines.laptop, stopped="never", **LEASE)
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
    status = json.loads(machines.run("status", "--run", run_id, "--json").text)
    assert [scan["state"] for scan in status["scans"]].count("DONE") == 2
    assert all(len(scan["retried"]) == 0 for scan in status["scans"])


@pytest.mark.campaign
def test_a_run_that_was_stopped_before_it_recorded_its_job_ends_well(machines: TwoMachines) -> None:
    runs_before = len(machines.run_ids())
    first = machines.start("run", "HNU1", "--modif", "unrecorded", "--yes", stopped="after-submit", **LEASE)
    wait_until_stopped(first.pid)
    run_id = newest(machines)
    second = machines.run(
        "run", "HNU1", "--modif", "unrecorded", "--yes", home=machines.laptop, stopped="never", **LEASE
    )
    assert second.code == 0, second.text
    os.kill(first.pid, signal.SIGCONT)
    ended = machines.end(first)
    assert ended.code == 0, ended.text
    machines.platform.finish_jobs()
    assert len(machines.jobs(run_id)) == 1
    # The scan with an invalid gradient table may have failed before the second `run`, which then tried it again.
    assert len(machines.run_ids()) <= runs_before + 2


@pytest.mark.campaign
def test_watchers_that_were_stopped_end_with_the_run_and_show_each_line_once(machines: TwoMachines) -> None:
    machines.platform.gate.unlink()
    assert machines.run("run", "HNU1", "--modif", "watched", "--yes").code == 0
    run_id = newest(machines)
    watchers = {
        words[0]: machines.start(*words) for words in (("status", "--wait"), ("logs", "--follow", "--tail", "100"))
    }
    until(lambda: watchers["logs"].shown.count("registering") == 2, "the first lines", seconds=60)
    for watcher in watchers.values():
        os.kill(watcher.pid, signal.SIGSTOP)
        wait_until_stopped(watcher.pid)
    machines.platform.finish_jobs()
    for watcher in watchers.values():
        os.kill(watcher.pid, signal.SIGCONT)
    ended = {name: machines.end(watcher) for name, watcher in watchers.items()}
    # One scan has an invalid gradient table, so the run has failed.
    assert all(outcome.is_sentence for outcome in ended.values()), ended
    whole = machines.run("logs", "--run", run_id).text
    for scan in ("sub-01/ses-1", "sub-02/ses-1"):
        lines = [line for line in ended["logs"].text.splitlines() if scan in line and "tracking" in line]
        assert len(lines) == 1, (ended["logs"].text, whole)


@pytest.mark.campaign
def test_a_platform_that_is_stopped_is_not_taken_for_one_that_has_ended(machines: TwoMachines) -> None:
    server = machines.platform.server.pid
    os.kill(server, signal.SIGSTOP)
    wait_until_stopped(server)
    try:
        ended = machines.together(("status",), ("up", "--local", "--yes"), ("doctor",))
        # Not at once with `up`: one of them would only say that the other is at work.
        ended.append(machines.run("down", "--yes"))
    finally:
        os.kill(server, signal.SIGCONT)
    for outcome in ended:
        assert outcome.code == 1, outcome.text
        assert f"its process {server} is stopped or busy" in " ".join(outcome.text.split())
        assert f"kill -CONT {server}" in outcome.text
    # Nothing was forgotten, and what was advised helps.
    assert machines.run("runs").code == 0


@pytest.mark.campaign
def test_a_second_results_does_not_wait_for_one_that_is_stopped(machines: TwoMachines, tmp_path: Path) -> None:
    assert machines.run("run", "HNU1", "--modif", "fetched", "--yes").code == 0
    machines.platform.finish_jobs()
    folder, alone = tmp_path / "results", tmp_path / "alone"
    assert machines.run("results", str(alone)).code == 0
    first = machines.start("results", str(folder), stopped="in-download")
    wait_until_stopped(first.pid)
    second = machines.run("results", str(folder), home=machines.laptop)
    assert second.code == 0, second.text
    assert _files(folder).items() >= _files(alone).items()
    os.kill(first.pid, signal.SIGCONT)
    ended = machines.end(first)
    assert ended.code == 0, ended.text
    # opsctl's own note of its files names some of them twice.
    assert _files(folder) == _files(alone)


def _files(folder: Path) -> dict[str, str]:
    return {name: digest for name, digest in contents(folder).items() if not name.startswith(".opsctl-files")}


def newest(machines: TwoMachines) -> str:
    """The latest run."""
    return max(machines.run_ids(), key=run_moment)

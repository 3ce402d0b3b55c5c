"""Clocks that are an hour off, or are set while a command works: no run is lost, no line twice, no time negative."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.local_servers import Homes, Platform, waiting_for
from support.small_platform import SmallPlatform
from two_machines import TwoMachines

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
pytestmark = pytest.mark.skipif(not LIBRARIES, reason="libfaketime is not installed (Debian: apt install faketime)")

_SOUND = ("--participant-label", "01", "--participant-label", "02", "--yes")


def clock(file: Path) -> dict[str, str]:
    """The variables of a process whose wall clock is off by what the file says (`+3600`), now and whenever it changes.

    The monotonic clocks go on, as they do when somebody sets the time.
    """
    return {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoMachines]:
    machines = TwoMachines(SmallPlatform(tmp_path_factory.mktemp("platform"), slots=3))
    try:
        yield machines
    finally:
        machines.close()


@pytest.mark.campaign
@pytest.mark.parametrize("step", ["+3600", "-3600"])
def test_a_run_of_a_machine_whose_clock_is_an_hour_off(machines: TwoMachines, tmp_path: Path, step: str) -> None:
    (tmp_path / "clock").write_text(step)
    run = ("run", "HNU1", "--modif", f"by{step[0]}".replace("+", "p").replace("-", "m"), *_SOUND)
    assert machines.run(*run, **clock(tmp_path / "clock")).code == 0
    machines.platform.finish_jobs()
    # The run has the platform's time, so it is the latest one, and its lines are where they are looked for.
    status: dict[str, Any] = json.loads(machines.run("status", "--json").text)
    made_at = datetime.strptime(status["run_id"][-20:-5], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - made_at).total_seconds()) < 300
    assert [scan["state"] for scan in status["scans"]] == ["DONE", "DONE"]
    for variables in ({}, clock(tmp_path / "clock")):
        lines = machines.run("logs", **variables).text.splitlines()
        assert len([line for line in lines if "tracking" in line]) == 2, lines
    # The other machine, with the right clock, submits nothing of it again.
    again = machines.run(*run, home=machines.laptop)
    assert "done: nothing to submit" in again.text, again.text
    assert len(machines.jobs(status["run_id"])) == 1


@pytest.mark.long
def test_clocks_that_are_set_while_commands_watch_a_run(machines: TwoMachines, tmp_path: Path) -> None:
    file = tmp_path / "clock"
    file.write_text("+0")
    machines.platform.gate.unlink()
    assert machines.run("run", "HNU1", "--modif", "set", *_SOUND).code == 0
    watchers = [
        machines.start(*words, stopped="never", **clock(file))
        for words in (("logs", "--follow"), ("status", "--wait", "--json"))
    ]
    lines = [watchers[0].stdout.readline() for _ in range(3)]
    set_clock(file, "+3600")
    machines.run("status", **clock(file))
    set_clock(file, "-3600")
    machines.platform.finish_jobs()
    ended = [machines.end(watcher) for watcher in watchers]
    assert [outcome.code for outcome in ended] == [0, 0], ended
    shown = "".join(lines) + ended[0].text
    assert shown.count("tracking") == 2, shown
    # The clock is an hour behind what the jobs' records say.
    cost = machines.run("cost", "--json", **clock(file)).text
    assert "-" not in "".join(re.findall(r"(?:seconds|hours|usd)\S*: (-?)", cost)), cost


def set_clock(file: Path, offset: str) -> None:
    """Replace the offset at once: a reader never sees half of it."""
    new = file.with_name("new")
    new.write_text(offset)
    new.replace(file)


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[Homes]:
    homes = Homes(tmp_path / "homes")
    (tmp_path / "homes").mkdir()
    yield homes
    homes.close()


def test_the_local_platforms_jobs_while_its_clock_is_set_back(homes: Homes, tmp_path: Path) -> None:
    file = tmp_path / "clock"
    file.write_text("+0")
    server_program = ("env", *(f"{name}={value}" for name, value in clock(file).items()), sys.executable)
    home, server = homes.start(program=(*server_program, "-m", "opsctl.local.server"))
    platform = Platform(home, server)
    job_id = platform.submit(f"echo first; {waiting_for(tmp_path / 'gate')}; echo second")
    platform.wait(job_id, "RUNNING")
    set_clock(file, "-3600")
    (tmp_path / "gate").touch()
    job = platform.wait(job_id)
    assert job["status"] == "SUCCEEDED"
    (attempt,) = job["attempts"]
    assert job["createdAt"] <= attempt["startedAt"] <= attempt["stoppedAt"] <= job["stoppedAt"]
    assert platform.lines(job_id) == ["first", "second"]

"""Clocks that are off, or are set while a command works: no run is lost, no line twice, no time negative."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.local_servers import Homes, Platform, waiting_for
from support.small_platform import SmallPlatform
from support.waiting import until
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


def shifted(file: Path) -> dict[str, str]:
    """The same for a clock that is not set while the process runs: all its clocks are off, and `time.sleep` works.

    With the monotonic clocks left alone, libfaketime 0.9.10 makes `time.sleep` end with EINVAL.
    """
    return {name: value for name, value in clock(file).items() if name != "FAKETIME_DONT_FAKE_MONOTONIC"}


@pytest.mark.campaign
def test_clocks_that_are_four_minutes_off_are_no_matter(machines: TwoMachines, tmp_path: Path) -> None:
    clocks = {}
    for name, step in (("ahead", "+240"), ("behind", "-240")):
        (tmp_path / name).write_text(step)
        clocks[name] = clock(tmp_path / name)
    started = [machines.start("run", "HNU1", "--modif", name, *_SOUND, **clocks[name]) for name in clocks]
    assert [machines.end(process).code for process in started] == [0, 0]
    machines.platform.finish_jobs()
    # Runs have the platform's time, and their lines are where they are looked for.
    for run_id in machines.run_ids():
        made_at = datetime.strptime(run_id[-20:-5], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
        assert abs((datetime.now(UTC) - made_at).total_seconds()) < 150
        started = [
            machines.start("status", "--run", run_id, "--json", **clocks["ahead"]),
            machines.start("logs", "--run", run_id, **clocks["behind"]),
        ]
        status, log = [machines.end(process).text for process in started]
        assert [scan["state"] for scan in json.loads(status)["scans"]] == ["DONE", "DONE"]
        assert len([line for line in log.splitlines() if "tracking" in line]) == 2, log
    # The other machine, with the right clock, submits nothing of it again.
    again = machines.run("run", "HNU1", "--modif", "ahead", *_SOUND, home=machines.laptop)
    assert "done: nothing to submit" in again.text, again.text
    assert len(machines.jobs()) == 2


@pytest.mark.campaign
def test_a_clock_that_aws_refuses_is_one_sentence_of_each_command(machines: TwoMachines, tmp_path: Path) -> None:
    scan = tmp_path / "mine" / "sub-1" / "dwi" / "sub-1_dwi.nii.gz"
    scan.parent.mkdir(parents=True)
    scan.write_bytes(b"scan")
    (tmp_path / "mine" / "dataset_description.json").write_text('{"Name": "mine", "BIDSVersion": "1.9.0"}')
    commands = (
        ("run", "HNU1", "--modif", "refused", *_SOUND),
        *(("status",), ("logs",), ("results", str(tmp_path / "results")), ("up", "--local", "--yes")),
        ("upload", str(tmp_path / "mine"), "--name", "MINE"),
    )
    if not machines.run_ids():
        assert machines.run("run", "HNU1", "--modif", "before", *_SOUND).code == 0
    machines.platform.finish_jobs()
    jobs, runs = machines.jobs(), machines.run_ids()
    # S3 tolerates eight minutes, Batch does not: `run` is refused by its first call of Batch.
    for step, words, asked in (
        ("+3600", "is 60 minutes ahead of AWS's", commands),
        ("-480", "is 8 minutes behind AWS's", commands[:2]),
    ):
        file = tmp_path / "clock"
        file.write_text(step)
        ended = [machines.end(process) for process in [machines.start(*typed, **shifted(file)) for typed in asked]]
        for typed, outcome in zip(asked, ended, strict=True):
            assert outcome.code == 1, (typed, outcome.text)
            assert f"The clock of this machine {words}." in outcome.text, (typed, outcome.text)
            assert "sudo timedatectl set-ntp true" in outcome.text, (typed, outcome.text)
            assert outcome.text.count("The clock of this machine") == 1
    # No Terraform has run, nothing was sent, and no job begun.
    assert not list(machines.lab.glob("platforms/*/terraform/*/log/*"))
    assert not (tmp_path / "results").exists()
    assert machines.jobs() == jobs
    # The run of the clock that only Batch refuses has a record, with which the right clock goes on.
    assert machines.run("run", "HNU1", "--modif", "refused", *_SOUND).code == 0
    machines.platform.finish_jobs()
    assert len(machines.jobs()) == len(jobs) + 1
    assert len(machines.run_ids()) - len(runs) in (1, 2)


@pytest.mark.long
def test_a_machine_whose_clock_is_set_while_commands_watch_a_run(tmp_path: Path) -> None:
    """The local platform's clock is its machine's: server, jobs and commands step at once."""
    file = tmp_path / "clock"
    file.write_text("+0")
    (tmp_path / "platform").mkdir()
    platform = SmallPlatform(tmp_path / "platform", slots=3, variables=clock(file))
    machines = TwoMachines(platform)
    try:
        platform.gate.unlink()
        assert machines.run("run", "HNU1", "--modif", "set", *_SOUND, **clock(file)).code == 0
        watchers = [
            machines.start(*words, stopped="never", **clock(file))
            for words in (("logs", "--follow", "--tail", "100"), ("status", "--wait", "--json"))
        ]
        until(lambda: watchers[0].shown.count("registering") == 2, "the first lines", seconds=60)
        for step in ("+3600", "-3600"):
            set_clock(file, step)
            status = machines.run("status", **clock(file))
            assert status.code == 0, status.text
        platform.gate.touch()
        ended = [machines.end(watcher) for watcher in watchers]
        assert [outcome.code for outcome in ended] == [0, 0], ended[0].text + ended[1].text
        assert ended[0].text.count("tracking") == 2, ended[0].text
        cost = machines.run("cost", "--json", **clock(file)).text
        assert "-" not in "".join(re.findall(r"(?:seconds|hours|usd)\S*: (-?)", cost)), cost
    finally:
        set_clock(file, "+0")
        machines.close()


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
    # This process keeps the old clock, and is still understood.
    set_clock(file, "-240")
    (tmp_path / "gate").touch()
    job = platform.wait(job_id)
    assert job["status"] == "SUCCEEDED"
    (attempt,) = job["attempts"]
    assert job["createdAt"] <= attempt["startedAt"] <= attempt["stoppedAt"] <= job["stoppedAt"]
    assert platform.lines(job_id) == ["first", "second"]

"""`up` interrupted with the real Terraform, by Ctrl-C in a terminal and by a kill. The next `up` continues."""

from __future__ import annotations

import json
import re
import stat
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from interruption_world import CommandResult, Machine, end_of, is_running, kill, until

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1200)]


def ctrl_c(machine: Machine) -> dict[str, CommandResult]:
    terminal = machine.terminal("up", "--local", "--name", "stopped", "--yes", "--set", "csd_max_vcpus=64")
    machine.until_making("stopped", resource="aws_subnet", terminal=terminal)
    terminal.send("\x03")
    terminal.expect("Stopping: Terraform finishes what it has begun")
    results = {"interrupted": end_of(terminal)}
    results["state"] = CommandResult(0, json.dumps(machine.state("stopped")))
    results["again"] = machine.run("up", "--local", "--name", "stopped", "--yes")
    results["plan"] = machine.run("up", "--local", "--name", "stopped", "--plan")
    return results


def killed(machine: Machine) -> dict[str, CommandResult]:
    process = machine.start("up", "--local", "--name", "killed", "--yes")
    terraform = machine.until_making("killed")
    results = {"second": machine.run("up", "--local", "--name", "killed", "--yes")}
    kill(process.pid)
    process.communicate()
    results["survives"] = CommandResult(int(is_running(terraform)), str(process.pid))
    results["again"] = machine.run("up", "--local", "--name", "killed", "--yes")
    results["pid"] = CommandResult(terraform, "")
    results["plan"] = machine.run("up", "--local", "--name", "killed", "--plan")
    return results


@pytest.fixture(scope="module")
def stories(machine: Machine) -> dict[str, dict[str, CommandResult]]:
    with ThreadPoolExecutor() as pool:
        futures: dict[str, Future[dict[str, CommandResult]]] = {
            story.__name__: pool.submit(story, machine) for story in (ctrl_c, killed)
        }
    return {name: future.result() for name, future in futures.items()}


def test_ctrl_c_lets_terraform_finish_and_keeps_the_state(stories: dict[str, dict[str, CommandResult]]) -> None:
    results = stories["ctrl_c"]
    assert results["interrupted"].code == 130, results["interrupted"].text
    assert "Stopped. Terraform has saved what it had made." in results["interrupted"].text
    assert "opsctl up" in results["interrupted"].text and "opsctl down" in results["interrupted"].text
    assert len(json.loads(results["state"].text)["resources"]) > 3


def test_the_next_up_goes_on_with_the_same_options(stories: dict[str, dict[str, CommandResult]]) -> None:
    results = stories["ctrl_c"]
    assert results["again"].code == 0, results["again"].text
    assert "As before: --set csd_max_vcpus=64" in results["again"].text
    assert results["plan"].code == 0, results["plan"].text
    assert "nothing to do" in results["plan"].text


def test_terraform_outlives_a_killed_opsctl_and_the_next_one_waits_for_it(
    stories: dict[str, dict[str, CommandResult]],
) -> None:
    results = stories["killed"]
    assert results["survives"].code == 1
    assert results["again"].code == 0, results["again"].text
    assert re.search(r"Terraform \(process \d+\) of an earlier command has been at work on the", results["again"].text)
    assert "It has ended." in results["again"].text
    # It had made and saved everything: there was nothing left to do.
    assert "to create" not in results["again"].text
    assert results["plan"].code == 0, results["plan"].text


def test_a_second_up_at_the_same_time_says_who_is_at_work(stories: dict[str, dict[str, CommandResult]]) -> None:
    results = stories["killed"]
    assert results["second"].code == 1
    who = f"opsctl up (process {results['survives'].text}) has been at work on the platform killed since "
    assert who in results["second"].text


def test_what_is_kept_is_for_its_owner_only_and_holds_no_secret(
    machine: Machine, stories: dict[str, dict[str, CommandResult]]
) -> None:
    folder = machine.home / "platforms" / "stopped"
    for private in (machine.home, machine.home / "platforms", folder):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
    files = [path for path in folder.rglob("*") if path.is_file() and ".terraform" not in path.parts]
    assert [path for path in files if b"AWS_SECRET" in path.read_bytes()] == []
    logs = [path for path in files if path.parent.name == "log"]
    assert logs and all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in logs)


def test_nothing_is_left_running(machine: Machine, stories: dict[str, dict[str, CommandResult]]) -> None:
    for path in (machine.home / "platforms").rglob("terraform.lock"):
        pid = json.loads(Path(path).read_text())["pid"]
        until(lambda pid=pid: not is_running(pid), f"the end of {pid}")

"""`up` broken off, with the real Terraform: Ctrl-C in a terminal, and opsctl killed. The next `up` goes on."""

from __future__ import annotations

import json
import re
import stat
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from interruption_world import Life, Said, end_of, is_running, kill, until

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1200)]


def ctrl_c(life: Life) -> dict[str, Said]:
    terminal = life.terminal("up", "--local", "--name", "stopped", "--yes", "--set", "csd_max_vcpus=64")
    life.until_making("stopped", begun="aws_subnet", terminal=terminal)
    terminal.send("\x03")
    terminal.expect("Stopping: Terraform finishes what it has begun")
    said = {"interrupted": end_of(terminal)}
    said["state"] = Said(0, json.dumps(life.state("stopped")))
    said["again"] = life.type("up", "--local", "--name", "stopped", "--yes")
    said["plan"] = life.type("up", "--local", "--name", "stopped", "--plan")
    return said


def killed(life: Life) -> dict[str, Said]:
    process = life.start("up", "--local", "--name", "killed", "--yes")
    terraform = life.until_making("killed")
    said = {"second": life.type("up", "--local", "--name", "killed", "--yes")}
    kill(process.pid)
    process.communicate()
    said["survives"] = Said(int(is_running(terraform)), str(process.pid))
    said["again"] = life.type("up", "--local", "--name", "killed", "--yes")
    said["pid"] = Said(terraform, "")
    said["plan"] = life.type("up", "--local", "--name", "killed", "--plan")
    return said


@pytest.fixture(scope="module")
def stories(life: Life) -> dict[str, dict[str, Said]]:
    with ThreadPoolExecutor() as pool:
        told: dict[str, Future[dict[str, Said]]] = {
            story.__name__: pool.submit(story, life) for story in (ctrl_c, killed)
        }
    return {name: future.result() for name, future in told.items()}


def test_ctrl_c_lets_terraform_finish_and_keeps_the_state(stories: dict[str, dict[str, Said]]) -> None:
    said = stories["ctrl_c"]
    assert said["interrupted"].code == 130, said["interrupted"].text
    assert "Stopped. Terraform has saved what it had made." in said["interrupted"].text
    assert "opsctl up" in said["interrupted"].text and "opsctl down" in said["interrupted"].text
    assert len(json.loads(said["state"].text)["resources"]) > 3


def test_the_next_up_goes_on_with_the_same_options(stories: dict[str, dict[str, Said]]) -> None:
    said = stories["ctrl_c"]
    assert said["again"].code == 0, said["again"].text
    assert "As before: --set csd_max_vcpus=64" in said["again"].text
    assert said["plan"].code == 0, said["plan"].text
    assert "nothing to do" in said["plan"].text


def test_terraform_outlives_a_killed_opsctl_and_the_next_one_waits_for_it(stories: dict[str, dict[str, Said]]) -> None:
    said = stories["killed"]
    assert said["survives"].code == 1
    assert said["again"].code == 0, said["again"].text
    assert re.search(r"Terraform \(process \d+\) of an earlier command has been at work on the", said["again"].text)
    assert "It has ended." in said["again"].text
    # It had made and saved everything: there was nothing left to do.
    assert "to create" not in said["again"].text
    assert said["plan"].code == 0, said["plan"].text


def test_a_second_up_at_the_same_time_says_who_is_at_work(stories: dict[str, dict[str, Said]]) -> None:
    said = stories["killed"]
    assert said["second"].code == 1
    who = f"`opsctl up` (process {said['survives'].text}) has been at work on the platform killed since "
    assert who in said["second"].text


def test_what_is_kept_is_for_its_owner_only_and_holds_no_secret(
    life: Life, stories: dict[str, dict[str, Said]]
) -> None:
    folder = life.home / "platforms" / "stopped"
    for one in (life.home, life.home / "platforms", folder):
        assert stat.S_IMODE(one.stat().st_mode) == 0o700
    kept = [path for path in folder.rglob("*") if path.is_file() and ".terraform" not in path.parts]
    assert [path for path in kept if b"AWS_SECRET" in path.read_bytes()] == []
    logs = [path for path in kept if path.parent.name == "log"]
    assert logs and all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in logs)


def test_nothing_is_left_running(life: Life, stories: dict[str, dict[str, Said]]) -> None:
    for path in (life.home / "platforms").rglob("terraform.lock"):
        pid = json.loads(Path(path).read_text())["pid"]
        until(lambda pid=pid: not is_running(pid), f"the end of {pid}")

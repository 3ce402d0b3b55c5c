"""Faults during `up` and `down` with the real Terraform: reported, nothing lost, and the next command recovers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from interruption_world import CommandResult, Machine, end_of, is_running, kill, until
from support.aws_protocol import AwsError
from support.aws_refusals import ALWAYS, Refusal, refusing
from support.local_key import session_of

from opsctl.local import control

# The stories are told by the first test's fixture, all together: more platforms than any other file makes.
pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

NOT_VALID = "CLIENT_ERROR - Not valid: role arn:aws:iam::123456789012:role/opsctl-races-us-east-1-service"
RELATION = "Cannot delete, found existing JobQueue relationship"


@pytest.fixture(scope="module")
def server(machine: Machine) -> control.LocalServer:
    machine.home.mkdir(mode=0o700)
    return control.start(machine.home)


def up(machine: Machine, name: str, *arguments: str) -> CommandResult:
    return machine.run("up", "--local", "--name", name, "--yes", *arguments)


def down(machine: Machine, name: str) -> CommandResult:
    return machine.run("down", "--name", name, "--yes")


def refused(service: str, operation: str, code: str, message: str, *, status: int = 400, times: int = 1) -> Refusal:
    return Refusal(service, operation, times=times, error=AwsError(code, message, status))


Story = Callable[[Machine, int], dict[str, Any]]


def races(machine: Machine, port: int) -> dict[str, Any]:
    """A role and a profile that Batch does not see yet, and a queue that still uses its environment."""
    with refusing(
        port,
        refused("batch", "CreateComputeEnvironment", "ClientException", NOT_VALID),
        refused("batch", "CreateComputeEnvironment", "ClientException", "Invalid IamInstanceProfile: x"),
        refused("batch", "DeleteComputeEnvironment", "ClientException", RELATION, times=2),
    ) as proxy:
        faulty_machine = machine.through(proxy.url)
        return {"up": up(faulty_machine, "races"), "down": down(faulty_machine, "races"), "met": len(proxy.met)}


def endless(machine: Machine, port: int) -> dict[str, Any]:
    """A race that does not pass."""
    with refusing(
        port, refused("batch", "CreateComputeEnvironment", "ClientException", NOT_VALID, times=ALWAYS)
    ) as proxy:
        result = up(machine.through(proxy.url), "endless")
        return {"up": result, "met": len(proxy.met), "again": up(machine, "endless")}


def expired(machine: Machine, port: int) -> dict[str, Any]:
    """Credentials that end while the network is being made."""
    message = "The security token included in the request is expired"
    with refusing(port, refused("ssm", "PutParameter", "ExpiredTokenException", message, times=ALWAYS)) as proxy:
        result = up(machine.through(proxy.url), "expired")
    return {
        "up": result,
        "again": up(machine, "expired"),
        "plan": machine.run("up", "--local", "--name", "expired", "--plan"),
    }


def foreign(machine: Machine, port: int) -> dict[str, Any]:
    """A resource of the same name that somebody else made while the plan was shown."""
    message = "Role with name opsctl-foreign-us-east-1-job already exists."
    with refusing(
        port, refused("iam", "CreateRole", "EntityAlreadyExists", message, status=409, times=ALWAYS)
    ) as proxy:
        return {"up": up(machine.through(proxy.url), "foreign")}


def twice(machine: Machine, port: int) -> dict[str, Any]:
    """Ctrl-C, and again."""
    terminal = machine.terminal("up", "--local", "--name", "twice", "--yes")
    terraform = machine.until_making("twice", resource="aws_subnet", terminal=terminal)
    terminal.send("\x03")
    terminal.expect("Ctrl-C again stops at once")
    terminal.send("\x03")
    result = end_of(terminal)
    until(lambda: not is_running(terraform), "Terraform's end")
    return {"up": result, "again": up(machine, "twice")}


def terraform_killed(machine: Machine, port: int) -> dict[str, Any]:
    """kill -9 of Terraform, in the middle of `up`, then in the middle of `down`."""
    process = machine.start("up", "--local", "--name", "shot", "--yes")
    kill(machine.until_making("shot", resource="aws_subnet"))
    text, _ = process.communicate()
    results: dict[str, Any] = {"up": CommandResult(process.returncode, text), "again": up(machine, "shot")}
    process = machine.start("down", "--name", "shot", "--yes")
    kill(machine.until_making("shot", verb="destroy", resource="aws_batch_job_queue"))
    text, _ = process.communicate()
    return {**results, "down": CommandResult(process.returncode, text), "down again": down(machine, "shot")}


def down_stopped(machine: Machine, port: int) -> dict[str, Any]:
    """Ctrl-C in `down`, then opsctl killed in the next one."""
    results: dict[str, Any] = {"up": up(machine, "leaving")}
    terminal = machine.terminal("down", "--name", "leaving", "--yes")
    machine.until_making("leaving", verb="destroy", resource="aws_batch_job_queue", terminal=terminal)
    terminal.send("\x03")
    results["down"] = end_of(terminal)
    (machine.root("leaving") / "log" / "destroy.out").unlink()
    process = machine.start("down", "--name", "leaving", "--yes")
    machine.until_making("leaving", verb="destroy", resource="aws_")
    kill(process.pid)
    process.communicate()
    return {**results, "down again": down(machine, "leaving")}


def full(machine: Machine, port: int) -> dict[str, Any]:
    """A disk that runs full in the middle."""
    folder = machine.home / "platforms" / "full"
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m,mode=0700", "tmpfs", folder], check=False)
    if mounted.returncode:
        return {"skip": "this machine does not let a test mount a file system"}
    try:
        process = machine.start("up", "--local", "--name", "full", "--yes")
        machine.until_making("full", resource="aws_subnet")
        filler = folder / "filler"
        with filler.open("wb") as file:
            # At once: a slow writer would take what opsctl gives back for the state as well.
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(folder).free - (1 << 20))
        text, _ = process.communicate()
        state = json.loads((machine.root("full") / "terraform.tfstate").read_text())
        results: dict[str, Any] = {"up": CommandResult(process.returncode, text), "recorded": len(state["resources"])}
        filler.unlink()
        # As Terraform leaves it where it could not save its state.
        state["serial"] += 1
        (machine.root("full") / "errored.tfstate").write_text(json.dumps(state))
        (machine.root("full") / "terraform.tfstate").unlink()
        results["again"] = up(machine, "full")
        results["rescued"] = (machine.root("full") / "errored.tfstate").exists()
        return results
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


STORIES: tuple[Story, ...] = (
    races, endless, expired, foreign, twice, terraform_killed, down_stopped, full,
)  # fmt: skip


class Outcomes:
    """The outcome of each story; a story that fails breaks only its own test."""

    def __init__(self, stories: dict[str, Future[dict[str, Any]]], buckets: dict[str, dict[str, bool]]) -> None:
        self._stories = stories
        self.buckets = buckets

    def __getitem__(self, name: str) -> dict[str, Any]:
        return self._stories[name].result()


@pytest.fixture(scope="module")
def outcomes(machine: Machine, server: control.LocalServer) -> Outcomes:
    s3 = session_of(server.home).client("s3", endpoint_url=server.endpoint_url)
    with ThreadPoolExecutor(4) as pool:
        stories = {story.__name__: pool.submit(story, machine, server.port) for story in STORIES}
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    blocks = {name: s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] for name in names}
    return Outcomes(stories, blocks)


def test_documented_races_are_tried_again(outcomes: Outcomes) -> None:
    results = outcomes["races"]
    assert results["up"].code == 0, results["up"].text
    assert results["down"].code == 0, results["down"].text
    assert "left     0" in results["down"].text
    assert results["met"] == 4


def test_but_not_for_ever(outcomes: Outcomes) -> None:
    results = outcomes["endless"]
    assert results["up"].code == 1
    assert "Not valid: role" in results["up"].text
    assert "resources stand and are recorded" in results["up"].text
    # Two environments, once and twice more.
    assert results["met"] == 6
    assert results["again"].code == 0, results["again"].text


def test_credentials_that_end_half_way(outcomes: Outcomes) -> None:
    results = outcomes["expired"]
    assert results["up"].code == 1
    assert "Your AWS login ended half way. What was made is kept." in results["up"].text
    assert "aws sso login" in results["up"].text
    assert results["again"].code == 0, results["again"].text
    assert "1 to create: record 1" in results["again"].text
    assert results["plan"].code == 0


def test_a_resource_that_is_there_already_is_named(outcomes: Outcomes) -> None:
    result = outcomes["foreign"]["up"]
    assert result.code == 1
    assert "IAM Role opsctl-foreign-us-east-1-" in result.text and "exists already" in result.text
    assert "opsctl up --name OTHER" in result.text


def test_ctrl_c_twice_ends_at_once_and_the_next_up_heals(outcomes: Outcomes) -> None:
    results = outcomes["twice"]
    assert results["up"].code == 130, results["up"].text
    assert "Stopped at once. Terraform (process" in results["up"].text
    assert results["again"].code == 0, results["again"].text


def test_a_killed_terraform_is_told_and_the_next_command_heals(outcomes: Outcomes) -> None:
    results = outcomes["terraform_killed"]
    assert results["up"].code == 1
    assert "Terraform was ended from outside (signal 9)" in results["up"].text
    assert results["again"].code == 0, results["again"].text
    assert results["down"].code in (0, 1)
    assert results["down again"].code == 0, results["down again"].text


def test_down_can_be_stopped_and_killed_and_comes_to_its_end(outcomes: Outcomes) -> None:
    results = outcomes["down_stopped"]
    assert results["up"].code == 0, results["up"].text
    assert results["down"].code == 130, results["down"].text
    assert "Stopping: Terraform finishes what it has begun" in results["down"].text
    assert results["down again"].code == 0, results["down again"].text


def test_a_full_disk_loses_nothing(outcomes: Outcomes) -> None:
    results = outcomes["full"]
    if "skip" in results:
        pytest.skip(results["skip"])
    assert results["up"].code == 1
    assert "is full: Terraform was stopped." in results["up"].text
    assert results["recorded"] > 5
    assert results["again"].code == 0, results["again"].text
    assert not results["rescued"]


def test_the_buckets_are_as_private_as_before(outcomes: Outcomes) -> None:
    assert len(outcomes.buckets) >= len(STORIES) - 1
    assert all(all(block.values()) for block in outcomes.buckets.values())

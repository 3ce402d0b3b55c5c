"""What befalls a platform on its way up and down: told, nothing lost, and the next command heals; real Terraform."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from aws_faults import Fault, faulty
from interruption_world import Life, Said, end_of, is_running, kill, until

from opsctl.local import control

# The stories are told by the first test's fixture, all together.
pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1800)]

NOT_VALID = "CLIENT_ERROR - Not valid: role arn:aws:iam::123456789012:role/opsctl-races-us-east-1-service"
RELATION = "Cannot delete, found existing JobQueue relationship"


@pytest.fixture(scope="module")
def server(life: Life) -> control.LocalServer:
    life.home.mkdir(mode=0o700)
    return control.start(life.home)


def up(life: Life, name: str, *words: str) -> Said:
    return life.type("up", "--local", "--name", name, "--yes", *words)


def down(life: Life, name: str) -> Said:
    return life.type("down", "--name", name, "--yes")


Story = Callable[[Life, int], dict[str, Any]]


def races(life: Life, port: int) -> dict[str, Any]:
    """A role that Batch does not see yet, a profile too, and a queue that has not let go of its environment."""
    with faulty(
        port,
        Fault("batch", "CreateComputeEnvironment", "ClientException", NOT_VALID),
        Fault("batch", "CreateComputeEnvironment", "ClientException", "Invalid IamInstanceProfile: x"),
        Fault("batch", "DeleteComputeEnvironment", "ClientException", RELATION, times=2),
    ) as (endpoint, world):
        mine = life.through(endpoint)
        return {"up": up(mine, "races"), "down": down(mine, "races"), "met": len(world.met)}


def endless(life: Life, port: int) -> dict[str, Any]:
    """A race that does not pass."""
    with faulty(port, Fault("batch", "CreateComputeEnvironment", "ClientException", NOT_VALID, times=99)) as (
        endpoint,
        world,
    ):
        said = up(life.through(endpoint), "endless")
        return {"up": said, "met": len(world.met), "again": up(life, "endless")}


def expired(life: Life, port: int) -> dict[str, Any]:
    """Credentials that end while the network is being made."""
    words = "The security token included in the request is expired"
    with faulty(port, Fault("ssm", "PutParameter", "ExpiredTokenException", words, times=99)) as (endpoint, _):
        said = up(life.through(endpoint), "expired")
    return {"up": said, "again": up(life, "expired"), "plan": life.type("up", "--local", "--name", "expired", "--plan")}


def foreign(life: Life, port: int) -> dict[str, Any]:
    """A resource of the same name that somebody else made while the plan was shown."""
    words = "Role with name opsctl-foreign-us-east-1-job already exists."
    with faulty(port, Fault("iam", "CreateRole", "EntityAlreadyExists", words, status=409, times=99)) as (endpoint, _):
        return {"up": up(life.through(endpoint), "foreign")}


def twice(life: Life, port: int) -> dict[str, Any]:
    """Ctrl-C, and again."""
    terminal = life.terminal("up", "--local", "--name", "twice", "--yes")
    terraform = life.until_making("twice", begun="aws_subnet", terminal=terminal)
    terminal.send("\x03")
    terminal.expect("Ctrl-C again stops at once")
    terminal.send("\x03")
    said = end_of(terminal)
    until(lambda: not is_running(terraform), "Terraform's end")
    return {"up": said, "again": up(life, "twice")}


def terraform_killed(life: Life, port: int) -> dict[str, Any]:
    """kill -9 of Terraform, in the middle of `up`, then in the middle of `down`."""
    process = life.start("up", "--local", "--name", "shot", "--yes")
    kill(life.until_making("shot", begun="aws_subnet"))
    text, _ = process.communicate()
    told: dict[str, Any] = {"up": Said(process.returncode, text), "again": up(life, "shot")}
    process = life.start("down", "--name", "shot", "--yes")
    kill(life.until_making("shot", verb="destroy", begun="aws_batch_job_queue"))
    text, _ = process.communicate()
    return {**told, "down": Said(process.returncode, text), "down again": down(life, "shot")}


def down_stopped(life: Life, port: int) -> dict[str, Any]:
    """Ctrl-C in `down`, then opsctl killed in the next one."""
    told: dict[str, Any] = {"up": up(life, "leaving")}
    terminal = life.terminal("down", "--name", "leaving", "--yes")
    life.until_making("leaving", verb="destroy", begun="aws_batch_job_queue", terminal=terminal)
    terminal.send("\x03")
    told["down"] = end_of(terminal)
    (life.root("leaving") / "log" / "destroy.out").unlink()
    process = life.start("down", "--name", "leaving", "--yes")
    life.until_making("leaving", verb="destroy", begun="aws_")
    kill(process.pid)
    process.communicate()
    return {**told, "down again": down(life, "leaving")}


def full(life: Life, port: int) -> dict[str, Any]:
    """A disk that runs full in the middle."""
    folder = life.home / "platforms" / "full"
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m,mode=0700", "tmpfs", folder], check=False)
    if mounted.returncode:
        return {"skip": "this machine does not let a test mount a file system"}
    try:
        process = life.start("up", "--local", "--name", "full", "--yes")
        life.until_making("full", begun="aws_subnet")
        filler = folder / "filler"
        with filler.open("wb") as file:
            # At once: a slow writer would take what opsctl gives back for the state as well.
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(folder).free - (1 << 20))
        text, _ = process.communicate()
        state = json.loads((life.root("full") / "terraform.tfstate").read_text())
        told: dict[str, Any] = {"up": Said(process.returncode, text), "recorded": len(state["resources"])}
        filler.unlink()
        # As Terraform leaves it where it could not save its state.
        state["serial"] += 1
        (life.root("full") / "errored.tfstate").write_text(json.dumps(state))
        (life.root("full") / "terraform.tfstate").unlink()
        told["again"] = up(life, "full")
        told["rescued"] = (life.root("full") / "errored.tfstate").exists()
        return told
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


STORIES: tuple[Story, ...] = (
    races, endless, expired, foreign, twice, terraform_killed, down_stopped, full,
)  # fmt: skip


class Told:
    """What became of each story; one that broke off breaks its own test only."""

    def __init__(self, stories: dict[str, Future[dict[str, Any]]], buckets: dict[str, dict[str, bool]]) -> None:
        self._stories = stories
        self.buckets = buckets

    def __getitem__(self, name: str) -> dict[str, Any]:
        return self._stories[name].result()


@pytest.fixture(scope="module")
def told(life: Life, server: control.LocalServer) -> Told:
    s3 = boto3.Session("local", "local", region_name="us-east-1").client("s3", endpoint_url=server.endpoint_url)
    with ThreadPoolExecutor(4) as pool:
        stories = {story.__name__: pool.submit(story, life, server.port) for story in STORIES}
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    blocks = {name: s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] for name in names}
    return Told(stories, blocks)


def test_documented_races_are_tried_again(told: Told) -> None:
    said = told["races"]
    assert said["up"].code == 0, said["up"].text
    assert said["down"].code == 0, said["down"].text
    assert "left     0" in said["down"].text
    assert said["met"] == 4


def test_but_not_for_ever(told: Told) -> None:
    said = told["endless"]
    assert said["up"].code == 1
    assert "Not valid: role" in said["up"].text
    assert "resources stand and are recorded" in said["up"].text
    # Two environments, once and twice more.
    assert said["met"] == 6
    assert said["again"].code == 0, said["again"].text


def test_credentials_that_end_half_way(told: Told) -> None:
    said = told["expired"]
    assert said["up"].code == 1
    assert "Your AWS login ended half way. What was made is kept." in said["up"].text
    assert "aws sso login" in said["up"].text
    assert said["again"].code == 0, said["again"].text
    assert "1 to create: record 1" in said["again"].text
    assert said["plan"].code == 0


def test_a_resource_that_is_there_already_is_named(told: Told) -> None:
    said = told["foreign"]["up"]
    assert said.code == 1
    assert "IAM Role opsctl-foreign-us-east-1-" in said.text and "exists already" in said.text
    assert "opsctl up --name OTHER" in said.text


def test_ctrl_c_twice_ends_at_once_and_the_next_up_heals(told: Told) -> None:
    said = told["twice"]
    assert said["up"].code == 130, said["up"].text
    assert "Stopped at once. Terraform (process" in said["up"].text
    assert said["again"].code == 0, said["again"].text


def test_a_killed_terraform_is_told_and_the_next_command_heals(told: Told) -> None:
    said = told["terraform_killed"]
    assert said["up"].code == 1
    assert "Terraform was ended from outside (signal 9)" in said["up"].text
    assert said["again"].code == 0, said["again"].text
    assert said["down"].code in (0, 1)
    assert said["down again"].code == 0, said["down again"].text


def test_down_can_be_stopped_and_killed_and_comes_to_its_end(told: Told) -> None:
    said = told["down_stopped"]
    assert said["up"].code == 0, said["up"].text
    assert said["down"].code == 130, said["down"].text
    assert "Stopping: Terraform finishes what it has begun" in said["down"].text
    assert said["down again"].code == 0, said["down again"].text


def test_a_full_disk_loses_nothing(told: Told) -> None:
    said = told["full"]
    if "skip" in said:
        pytest.skip(said["skip"])
    assert said["up"].code == 1
    assert "is full: Terraform was stopped." in said["up"].text
    assert said["recorded"] > 5
    assert said["again"].code == 0, said["again"].text
    assert not said["rescued"]


def test_the_buckets_are_as_private_as_before(told: Told) -> None:
    assert len(told.buckets) >= len(STORIES) - 1
    assert all(all(block.values()) for block in told.buckets.values())

"""`down` after an `up` that was killed half-way: several platforms on one server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from recovery_program import CommandResult, Program
from recovery_world import make, remaining_resources

from opsctl.local import control

KILL_AT = {"early": 4, "late": 20}
#: Needs a real `up`, killed; the other tests make what is left without Terraform.
KILLED = pytest.mark.campaign


@dataclass(frozen=True)
class Observations:
    """The results of the commands, and the resources after each step."""

    killed: CommandResult
    half: list[str]
    downs: list[CommandResult]
    remaining: list[str]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    home = tmp_path_factory.mktemp("home")
    program = Program(home, tmp_path_factory.mktemp("elsewhere"), control.start(home, entrypoint=["env"]).endpoint_url)
    # The last `down` ends a server that holds nothing more.
    program.client("logs").create_log_group(logGroupName="/opsctl/anchor")
    yield program
    control.stop(home)


@pytest.fixture(scope="module")
def no_terraform(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH without Terraform."""
    folder = tmp_path_factory.mktemp("bin")
    for tool in ("sh", "env"):
        path = shutil.which(tool)
        assert path
        (folder / tool).symlink_to(path)
    return str(folder)


def lose(folder: Path) -> None:
    """Remove the platform's folder, as on another machine or after a disk failure."""
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def observed(program: Program, no_terraform: str) -> dict[str, Observations]:
    def observe(name: str) -> Observations:
        at = KILL_AT[name]
        arguments = ("up", "--local", "--name", name, "--yes")
        killed = program.kill(name, *arguments, when=lambda count: count >= at)
        half = remaining_resources(program.client, name)
        if name == "early":
            # With a state, but without Terraform.
            downs = [program.down(name, PATH=no_terraform)]
        else:
            lose(program.home / "platforms" / name)
            downs = [program.down(name)]
        remaining = remaining_resources(program.client, name)
        return Observations(killed, half, [*downs, program.down(name)], remaining)

    with ThreadPoolExecutor(2) as hands:
        return dict(zip(KILL_AT, hands.map(observe, KILL_AT), strict=True))


@KILLED
@pytest.mark.parametrize("name", KILL_AT)
def test_down_removes_what_a_killed_up_has_made(observed: dict[str, Observations], name: str) -> None:
    observation = observed[name]
    assert observation.killed.code == -9
    assert len(observation.half) >= KILL_AT[name]
    assert observation.downs[0].code == 0, observation.downs[0].err
    assert observation.remaining == []
    assert "left     0" in observation.downs[0].err


@KILLED
@pytest.mark.parametrize("name", KILL_AT)
def test_down_once_more_has_nothing_to_do(observed: dict[str, Observations], name: str) -> None:
    result = observed[name].downs[1]
    assert result.code == 0
    # Where Terraform was missing its state still speaks of what is gone, and is emptied now.
    assert ("left     0" if name == "early" else "nothing to remove") in result.err


@KILLED
def test_down_without_terraform_says_so(observed: dict[str, Observations]) -> None:
    assert "Terraform is not installed" in observed["early"].downs[0].err
    assert "could not be downloaded" in observed["early"].downs[0].err
    assert "What AWS shows is removed without it." in observed["early"].downs[0].err


@KILLED
def test_down_without_a_state_says_what_it_sees(observed: dict[str, Observations]) -> None:
    output = observed["late"].downs[0].err
    assert "This machine has no Terraform state of late; AWS shows" in output
    assert "1 VPC" in output


def test_nothing_is_up(program: Program, tmp_path: Path) -> None:
    elsewhere = Program(tmp_path / "none", tmp_path, "")
    result = elsewhere.run("down", "--yes")
    assert (result.code, result.err.strip()) == (0, "Nothing is up: nothing to remove.")
    result = elsewhere.run("down", "--local", "--yes")
    assert result.code == 0
    assert "nothing to remove" in result.err


def test_jobs_are_named_before_anything_is_touched(program: Program) -> None:
    """On a platform without a Terraform state; `--force` ends the jobs and removes everything."""
    platform = make(program.client, "busy")
    batch = program.client("batch")
    batch.submit_job(jobName="scan", jobQueue=platform["queue"], jobDefinition="opsctl-busy-csd")
    before = remaining_resources(program.client, "busy")
    result = program.down("busy")
    assert result.code == 1
    assert "1 scan is still active: scan" in result.err
    assert remaining_resources(program.client, "busy") == before
    result = program.down("busy", "--force", PATH=os.defpath)
    assert result.code == 0, result.err
    assert remaining_resources(program.client, "busy") == []


def test_what_is_left_is_named_and_down_can_be_typed_again(program: Program) -> None:
    make(program.client, "odd", tagged=False)
    result = program.down("odd", "--json")
    assert result.code == 1
    assert "job queue opsctl-odd-csd: it does not carry the platform's tag" in result.err
    assert '"left"' in result.out
    assert program.down("odd").code == 1

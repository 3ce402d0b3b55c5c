"""An `up` that was killed in its middle, and the ways down from there: platforms side by side on one server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from recovery_program import Said, Typist
from recovery_world import make, standing

from opsctl.local import control

KILL_AT = {"early": 4, "late": 20}


@dataclass(frozen=True)
class Seen:
    """What was said, and what there was, at each step of one platform."""

    killed: Said
    half: list[str]
    downs: list[Said]
    left: list[str]


@pytest.fixture(scope="module")
def typist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Typist]:
    home = tmp_path_factory.mktemp("home")
    made = Typist(home, tmp_path_factory.mktemp("elsewhere"), control.start(home, entrypoint=["env"]).endpoint_url)
    # The last `down` ends a server that holds nothing more.
    made.client("logs").create_log_group(logGroupName="/opsctl/anchor")
    yield made
    control.stop(home)


@pytest.fixture(scope="module")
def no_terraform(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH without Terraform."""
    folder = tmp_path_factory.mktemp("bin")
    for tool in ("sh", "env"):
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    return str(folder)


def lose(folder: Path) -> None:
    """The platform's folder is gone: another machine, or a broken disk."""
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def seen(typist: Typist, no_terraform: str) -> dict[str, Seen]:
    def one(name: str) -> Seen:
        at = KILL_AT[name]
        words = ("up", "--local", "--name", name, "--yes")
        killed = typist.kill(name, *words, when=lambda count: count >= at)
        half = standing(typist.client, name)
        if name == "early":
            # With a state, but without Terraform.
            downs = [typist.down(name, PATH=no_terraform)]
        else:
            lose(typist.home / "platforms" / name)
            downs = [typist.down(name)]
        left = standing(typist.client, name)
        return Seen(killed, half, [*downs, typist.down(name)], left)

    with ThreadPoolExecutor(2) as hands:
        return dict(zip(KILL_AT, hands.map(one, KILL_AT), strict=True))


@pytest.mark.parametrize("name", KILL_AT)
def test_down_removes_what_a_killed_up_has_made(seen: dict[str, Seen], name: str) -> None:
    one = seen[name]
    assert one.killed.code == -9
    assert len(one.half) >= KILL_AT[name]
    assert one.downs[0].code == 0, one.downs[0].err
    assert one.left == []
    assert "left     0" in one.downs[0].err


@pytest.mark.parametrize("name", KILL_AT)
def test_down_once_more_has_nothing_to_do(seen: dict[str, Seen], name: str) -> None:
    said = seen[name].downs[1]
    assert said.code == 0
    # Where Terraform was missing its state still speaks of what is gone, and is emptied now.
    assert ("left     0" if name == "early" else "nothing to remove") in said.err


def test_down_without_terraform_says_so(seen: dict[str, Seen]) -> None:
    assert "Terraform is not on the PATH" in seen["early"].downs[0].err
    assert "What AWS shows is removed without it." in seen["early"].downs[0].err


def test_down_without_a_state_says_what_it_sees(seen: dict[str, Seen]) -> None:
    said = seen["late"].downs[0].err
    assert "This machine has no Terraform state of late; AWS shows" in said
    assert "1 VPC" in said


def test_nothing_is_up(typist: Typist, tmp_path: Path) -> None:
    elsewhere = Typist(tmp_path / "none", tmp_path, "")
    said = elsewhere.type("down", "--yes")
    assert (said.code, said.err.strip()) == (0, "Nothing is up: nothing to remove.")
    said = elsewhere.type("down", "--local", "--yes")
    assert said.code == 0
    assert "nothing to remove" in said.err


def test_jobs_are_named_before_anything_is_touched(typist: Typist) -> None:
    """On a platform that only AWS knows; `--force` ends them, and all goes."""
    made = make(typist.client, "busy")
    batch = typist.client("batch")
    batch.submit_job(jobName="scan", jobQueue=made["queue"], jobDefinition="opsctl-busy-csd")
    before = standing(typist.client, "busy")
    said = typist.down("busy")
    assert said.code == 1
    assert "1 job is still active: scan" in said.err
    assert standing(typist.client, "busy") == before
    said = typist.down("busy", "--force", PATH=os.defpath)
    assert said.code == 0, said.err
    assert standing(typist.client, "busy") == []


def test_what_is_left_is_named_and_down_can_be_typed_again(typist: Typist) -> None:
    make(typist.client, "odd", tagged=False)
    said = typist.down("odd", "--json")
    assert said.code == 1
    assert "job queue opsctl-odd-csd: it does not carry the platform's tag" in said.err
    assert '"left"' in said.out
    assert typist.down("odd").code == 1

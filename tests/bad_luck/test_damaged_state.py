"""Terraform's files on this machine, cut, empty or random: a sentence with the file's name, and advice that works."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.small_disk import small_disk

from opsctl.commands.diagnosis.machine import damaged_states
from opsctl.core.errors import ErrorCode, Problem
from opsctl.home import Home
from opsctl.terraform.binary import find_binary
from opsctl.terraform.root import Root

CODE = 'resource "terraform_data" "scans" {\n  count = var.size\n  input = count.index\n}\nvariable "size" {}\n'
RANDOM = bytes(range(255, 128, -1)) * 4


def cut(state: bytes) -> bytes:
    return state[: len(state) // 2]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": cut,
    "random": lambda _: RANDOM,
    "a list": lambda _: b"[]",
    "null": lambda _: b"null",
    "deep": lambda _: b"[" * 100_000,
    "resources": lambda _: b'{"version": 4, "resources": 7}',
    "instances": lambda _: b'{"version": 4, "resources": [{"mode": "managed", "instances": {"a": 1}}]}',
    "outputs": lambda _: b'{"version": 4, "outputs": {"data_bucket": "x"}}',
    "blanks": lambda state: b" " * len(state),
}


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A root whose second apply has left a backup of the first one's state."""
    root = root_in(tmp_path_factory.mktemp("the state's") / "storage")
    root.folder.mkdir()
    (root.folder / "main.tf").write_text(CODE)
    root.set_variables({"size": 1})
    root.init(mirror=None)
    for size in (1, 3):
        root.set_variables({"size": size})
        root.plan()
        root.apply(lambda step: None)
    return root


@pytest.mark.parametrize("room", [0, 4096])
def test_a_state_that_a_full_disk_did_not_take_is_not_lost(tmp_path: Path, room: int) -> None:
    root = root_in(tmp_path / "storage")
    root.folder.mkdir()
    (root.folder / "main.tf").write_text(CODE)
    root.init(mirror=None)
    with small_disk(tmp_path / "disk", size_mb=1) as disk:
        root.set_variables({"size": 10})
        root.plan()
        root.apply(lambda step: None)
        # Only the state's own disk is full, so that Terraform itself writes `errored.tfstate` beside it.
        shutil.move(state_of(root), disk.path)
        state_of(root).symlink_to(disk.path / "terraform.tfstate")
        before = ids(root)
        root.set_variables({"size": 30})
        root.plan()
        disk.fill(but_bytes=room)
        with pytest.raises(Problem) as caught:
            root.apply(lambda step: None)
        assert caught.value.code is ErrorCode.DISK_FULL, caught.value
        assert "30 resources stand and are recorded" in caught.value.what
        disk.free()
        assert root.plan().changes == ()
        assert (len(ids(root)), before <= ids(root)) == (30, True)


def ids(root: Root) -> set[str]:
    (resource,) = root.state()["resources"]
    return {instance["attributes"]["id"] for instance in resource["instances"]}


def root_in(folder: Path) -> Root:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    return Root("storage", folder=folder, binary=find_binary(os.environ), environment=inherited)


@pytest.fixture
def root(applied: Root) -> Any:
    """The root, put right again after the test."""
    kept = {path: path.read_bytes() for path in applied.folder.glob("terraform.tfstate*")}
    yield applied
    for path in applied.folder.glob("*.tfstate*"):
        path.unlink()
    for path, content in kept.items():
        path.write_bytes(content)


def state_of(root: Root) -> Path:
    return root.folder / "terraform.tfstate"


def backup_of(root: Root) -> Path:
    return root.folder / "terraform.tfstate.backup"


def refusal(root: Root, path: Path) -> str:
    """The sentence of every reader, which all say the same; returns the command that it advises."""
    problems = []
    for read in (root.resource_count, root.outputs, root.state, root.plan, lambda: root.destroy(print)):
        with pytest.raises(Problem) as caught:
            read()
        problems.append((caught.value.code, caught.value.what, caught.value.hint))
    assert len(set(problems)) == 1, problems
    code, what, hint = problems[0]
    assert (code, str(path) in what) == (ErrorCode.STATE_UNUSABLE, True)
    return re.findall("`(.+?)`", hint)[0]


def follow(advice: str) -> None:
    subprocess.run(advice, shell=True, check=True, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("damage", [*DAMAGES, "empty"])
def test_a_damaged_state_is_brought_back_from_the_one_before(root: Root, damage: str) -> None:
    path = state_of(root)
    path.write_bytes(b"" if damage == "empty" else DAMAGES[damage](path.read_bytes()))
    follow(refusal(root, path))
    assert root.resource_count() == 1


@pytest.mark.parametrize("backup", [None, "cut", "random"])
def test_without_one_before_it_the_damaged_state_is_put_away(root: Root, backup: str | None) -> None:
    path = state_of(root)
    whole = path.read_bytes()
    path.write_bytes(cut(whole))
    backup_of(root).unlink()
    if backup:
        backup_of(root).write_bytes(DAMAGES[backup](whole))
    advice = refusal(root, path)
    assert "backup" not in advice
    follow(advice)
    assert (root.has_state, root.resource_count()) == (False, 0)
    # Kept, should somebody know more about it.
    assert Path(f"{path}.damaged").read_bytes() == cut(whole)


def test_the_advice_goes_on_to_a_plan(root: Root) -> None:
    state_of(root).write_bytes(b"")
    follow(refusal(root, state_of(root)))
    assert root.plan().counts() == {"create": 2}


@pytest.mark.parametrize("damage", ["cut", "random", "empty"])
def test_a_damaged_errored_state_is_put_away(root: Root, damage: str) -> None:
    whole = state_of(root).read_bytes()
    errored = root.folder / "errored.tfstate"
    errored.write_bytes(b"" if damage == "empty" else DAMAGES[damage](whole))
    with pytest.raises(Problem) as caught:
        root.plan()
    assert caught.value.code is ErrorCode.STATE_UNUSABLE
    assert caught.value.what.startswith(str(errored))
    assert "is damaged" in caught.value.what, caught.value.what
    follow(re.findall("`(.+?)`", caught.value.hint)[0])
    assert root.plan().changes == ()


@pytest.mark.parametrize("left", ["", "cut"])
def test_a_state_that_could_not_be_saved_takes_the_place_of_what_is_left_of_it(root: Root, left: str) -> None:
    whole = state_of(root).read_bytes()
    newer = json.loads(whole)
    newer["serial"] += 1
    (root.folder / "errored.tfstate").write_text(json.dumps(newer))
    state_of(root).write_bytes(cut(whole) if left else b"")
    assert root.resource_count() == 3
    assert root.plan().changes == ()
    assert not (root.folder / "errored.tfstate").exists()


def test_a_plan_and_a_lock_that_are_damaged_are_made_anew(root: Root) -> None:
    for name in ("opsctl.tfplan", "terraform.lock"):
        (root.folder / name).write_bytes(RANDOM)
    assert root.plan().changes == ()
    root.apply(lambda step: None)


def test_doctor_names_the_damaged_states(tmp_path: Path) -> None:
    home = Home(tmp_path)
    paths = [home.platform_dir("m2g") / "terraform" / root / "terraform.tfstate" for root in ("storage", "platform")]
    assert damaged_states(home, "m2g") == damaged_states(home, None) == ()
    for path in paths:
        home.write(path, "{")
    problems = damaged_states(home, "m2g")
    assert [str(path) in problem.what for path, problem in zip(paths, problems, strict=True)] == [True, True]

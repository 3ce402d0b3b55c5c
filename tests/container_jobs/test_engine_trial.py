"""What opsctl finds out of an engine before it makes anything: by a container, not by the engine's word."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from support.engine_world import BASE, BUILT, EngineWorld

from opsctl.commands.platform.containers import try_engine
from opsctl.core.errors import Problem
from opsctl.engine import Engine, find_engine
from opsctl.local.control import Containers

#: Podman with one thing wrong: `change` is Python that has the words of a `run` in `words`.
_WRONG = """#!{python} -IS
import os, sys
words = sys.argv[1:]
if words[:1] == ["run"]:
    {change}
os.execv({podman!r}, ["podman", *words])
"""


def wrong_engine(world: EngineWorld, folder: Path, change: str) -> Engine:
    """The same engine, but for what a machine or a setting takes from it."""
    script = folder / "podman"
    podman = shutil.which("podman")
    script.write_text(_WRONG.format(python=sys.executable, podman=podman, change=change))
    script.chmod(0o755)
    path = f"{folder}{os.pathsep}{world.environment['PATH']}"
    return find_engine({**world.environment, "PATH": path}, name="podman")


def refusing(*words: str) -> str:
    """The engine ends as it does where the kernel has no such control group."""
    return f"if set(words) & {set(words)!r}: sys.exit(125)"


@pytest.mark.parametrize(
    ("change", "limits"),
    [
        (refusing("--cpu-shares"), ("memory", "pids")),
        (refusing("--cpu-shares", "--pids-limit"), ("memory",)),
        (refusing("--cpu-shares", "--memory", "--pids-limit"), ()),
        # Docker warns, drops the limit and goes on.
        ('words = [w for w in words if w not in ("--memory", "--memory-swap", "512m")]', ("cpu", "pids")),
        ('words = [w for w in words if w not in ("--pids-limit", "4096")]', ("memory", "cpu")),
    ],
    ids=["no cpu", "no processes", "no control groups", "no memory without a word", "no processes without a word"],
)
def test_only_what_really_limits_is_used(
    engine_world: EngineWorld, containers: Containers, tmp_path: Path, change: str, limits: tuple[str, ...]
) -> None:
    found = try_engine(wrong_engine(engine_world, tmp_path, change), BUILT)
    assert set(found.limits) == set(limits) & set(containers.limits)
    assert found.command == str(tmp_path / "podman")


def test_an_engine_whose_containers_do_not_reach_this_machine_is_refused(
    engine_world: EngineWorld, tmp_path: Path
) -> None:
    elsewhere = wrong_engine(engine_world, tmp_path, 'words = ["none" if w == "host" else w for w in words]')
    with pytest.raises(Problem) as caught:
        try_engine(elsewhere, BUILT)
    assert "does not reach this machine's own addresses" in caught.value.what
    assert "host networking" in caught.value.hint


def test_an_engine_that_forgets_exit_codes_is_refused(engine_world: EngineWorld, tmp_path: Path) -> None:
    forgetful = f"import subprocess; subprocess.run([{shutil.which('podman')!r}, *words]); sys.exit(0)"
    with pytest.raises(Problem, match="does not pass on how a container ended"):
        try_engine(wrong_engine(engine_world, tmp_path, forgetful), BUILT)


def test_an_image_that_is_not_there_is_a_sentence(engine_world: EngineWorld) -> None:
    with pytest.raises(Problem) as caught:
        try_engine(engine_world.engine, "localhost/none:1")
    assert caught.value.what == "podman has no image localhost/none:1 on this machine."
    assert "`opsctl image build`" in caught.value.hint


def test_an_image_that_is_none_of_ours_is_a_sentence(engine_world: EngineWorld) -> None:
    with pytest.raises(Problem) as caught:
        try_engine(engine_world.engine, BASE)
    assert caught.value.what.startswith(f"podman cannot run {BASE} as a job's container: ")
    assert "`opsctl image build`" in caught.value.hint

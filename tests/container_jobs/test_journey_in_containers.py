"""The README's four commands with jobs in containers: real Terraform, a real engine, the image of the Dockerfile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine_world import BUILT, EngineWorld, opsctl

from opsctl.core.errors import Problem
from opsctl.local import control
from opsctl.local.jobs.container import label_of
from opsctl.terraform.provider import find_mirror

pytestmark = [pytest.mark.e2e, pytest.mark.campaign, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def person(engine_world: EngineWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Somebody's shell, with a home of its own."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    try:
        mirror = find_mirror(os.environ)
    except Problem:
        mirror = None
    home = tmp_path_factory.mktemp("road")
    shell = {**engine_world.environment, "OPSCTL_HOME": str(home / "home"), "COLUMNS": "160"}
    shell |= {"OPSCTL_PROVIDER_MIRROR": str(mirror)} if mirror is not None else {}
    yield shell
    control.stop(home / "home")


def left(world: EngineWorld, home: Path) -> list[str]:
    """The containers of a home, in any state."""
    return world.podman("ps", "--all", "--quiet", "--filter", f"label=org.opsctl.home={label_of(home)}").split()


def test_the_four_commands(person: dict[str, str], engine_world: EngineWorld, tmp_path: Path) -> None:
    def typed(*words: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        said = opsctl(person, *map(str, words))
        assert said.returncode == code, f"{words}\n{said.stdout}\n{said.stderr}"
        return said

    home = Path(person["OPSCTL_HOME"])
    typed("sample", tmp_path / "sample")
    up = typed("up", "--local", "--engine", "podman", "--image", BUILT, "--yes")
    assert f"Its jobs run in containers of podman: {BUILT}." in up.stderr
    # What was asked for once need not be typed again.
    again = typed("up", "--local")
    assert "nothing changed" in again.stderr
    assert "in containers of podman" in again.stderr
    assert "First `opsctl down --local`" in typed("up", "--local", "--engine", "default", code=1).stderr
    typed("upload", tmp_path / "sample", "--name", "HNU1")
    typed("run", "HNU1", "--sp", "native", "--yes")
    logs = typed("logs", "--follow", "--tail", "100000")
    assert "m2g is done" in logs.stdout
    assert f"image {BUILT}" in logs.stdout
    status = json.loads(typed("status", "--json").stdout)
    results = json.loads(typed("results", tmp_path / "out", "--json").stdout)
    done = {scan["scan"] for scan in results["connectomes"]}
    assert len(done) == status["counts"]["DONE"] == 4
    assert all((tmp_path / "out").rglob("*_connectome.csv"))
    assert left(engine_world, home) == []
    typed("down", "--yes")
    assert control.find(home) is None
    assert left(engine_world, home) == []

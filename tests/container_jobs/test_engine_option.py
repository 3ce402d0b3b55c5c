"""`up --local --engine`: what is wrong with it is said before anything is made."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.engine_world import BASE, EngineWorld, opsctl
from support.local_servers import Homes

from opsctl.local import control


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory):
    made = Homes(tmp_path_factory.mktemp("homes"))
    yield made
    made.close()


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """A shell of a machine with Terraform and without any engine."""
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("terraform is not installed")
    place = tmp_path / "bin"
    place.mkdir()
    (place / "terraform").symlink_to(terraform)
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OPSCTL_", "PYTHON", "TF_"))
    }
    return {**kept, "PATH": str(place), "OPSCTL_HOME": str(tmp_path / "home"), "COLUMNS": "200"}


def up(shell: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return opsctl(shell, "up", "--local", "--yes", *words)


def nothing_made(shell: dict[str, str]) -> bool:
    home = Path(shell["OPSCTL_HOME"])
    return control.find(home) is None and not (home / "local").exists()


def test_without_an_engine_nothing_is_started(shell: dict[str, str]) -> None:
    said = up(shell, "--engine", "podman")
    assert said.returncode == 1
    assert said.stderr.startswith("This needs podman, which is not on the PATH.")
    assert "https://podman.io" in said.stderr
    assert nothing_made(shell)


def test_without_the_image_nothing_is_started(shell: dict[str, str], engine_world: EngineWorld) -> None:
    path = os.pathsep.join((shell["PATH"], engine_world.environment["PATH"]))
    with_engine = {**shell, **engine_world.environment, "PATH": path}
    for words, what in (
        ((), "podman has no image opsctl-m2g:"),
        (("--image", BASE), f"podman cannot run {BASE} as a job's container"),
    ):
        said = up(with_engine, "--engine", "podman", *words)
        assert (said.returncode, said.stderr[: len(what)]) == (1, what)
        assert "`opsctl image build`" in said.stderr
        assert nothing_made(shell)


def test_a_platform_on_aws_has_no_engine_here(shell: dict[str, str]) -> None:
    said = opsctl(shell, "up", "--engine", "podman")
    assert said.returncode == 2
    assert "--engine is for the local platform only" in said.stderr


def test_a_server_that_runs_already_says_so(shell: dict[str, str], homes: Homes) -> None:
    home, running = homes.start()
    # No engine is on the PATH: the server's word comes first.
    said = up({**shell, "OPSCTL_HOME": str(home)}, "--engine", "podman")
    assert said.returncode == 1
    assert said.stderr.startswith("The local platform runs already, its jobs as processes.")
    assert "`opsctl up --local --engine podman`" in said.stderr
    assert control.find(home) == running

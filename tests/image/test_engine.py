"""Which engine is found, and the error when it does not answer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from opsctl.commands.platform.image import BuiltImage
from opsctl.commands.platform.image_push import push
from opsctl.core.errors import Problem
from opsctl.engine import find_engine

DOCKER = """#!/bin/sh
[ "$1" = --version ] && echo "Docker version 28.2.2, build e6534b4" && exit 0
{rest}
"""
PODMAN = """#!/bin/sh
[ "$1" = --version ] && echo "podman version 4.3.1" && exit 0
{rest}
"""
FINE = "echo 28.2.2"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def program(path: Path, name: str, kind: str, rest: str) -> None:
    (path / name).write_text(kind.replace("{rest}", rest))
    (path / name).chmod(0o755)


def fails(message: str) -> str:
    return f"echo '{message}' >&2; exit 1"


def engine(path: Path, **environment: str) -> Any:
    return find_engine({"PATH": str(path), **environment})


def test_docker_comes_before_podman(path: Path) -> None:
    program(path, "docker", DOCKER, FINE)
    program(path, "podman", PODMAN, FINE)
    assert (engine(path).name, engine(path).command) == ("docker", str(path / "docker"))
    assert engine(path, OPSCTL_ENGINE="podman").name == "podman"


def test_podman_is_taken_where_docker_does_not_answer(path: Path) -> None:
    program(path, "docker", DOCKER, fails("Cannot connect to the Docker daemon. Is the docker daemon running?"))
    program(path, "podman", PODMAN, FINE)
    assert engine(path).name == "podman"
    with pytest.raises(Problem, match="its daemon does not answer"):
        engine(path, OPSCTL_ENGINE="docker")


def test_podman_by_dockers_name_is_podman(path: Path) -> None:
    program(path, "docker", PODMAN, FINE)
    assert engine(path).name == "podman"


def test_a_path_may_be_named(path: Path, tmp_path: Path) -> None:
    program(path, "my-engine", PODMAN, FINE)
    assert find_engine({"PATH": "/nowhere", "OPSCTL_ENGINE": str(path / "my-engine")}).name == "podman"


SILENT = [
    (
        DOCKER,
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        "Docker is installed, but its daemon does not answer.",
        "Start Docker Desktop",
    ),
    (
        DOCKER,
        "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get",
        "Docker is installed, but you may not use it: no permission on its socket.",
        "usermod -aG docker",
    ),
    (
        DOCKER,
        "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock",
        "Docker is installed, but you may not use it: no permission on its socket.",
        "usermod -aG docker",
    ),
    (
        PODMAN,
        "Cannot connect to Podman. Please verify your connection to the Linux system using podman system connection",
        "Podman is installed, but its machine does not run.",
        "podman machine start",
    ),
    (PODMAN, "Error: cannot find newuidmap", "does not answer: cannot find newuidmap.", "OPSCTL_ENGINE"),
]


@pytest.mark.parametrize(("kind", "message", "what", "hint"), SILENT)
def test_an_engine_that_does_not_answer_gets_a_sentence_of_its_own(
    path: Path, kind: str, message: str, what: str, hint: str
) -> None:
    program(path, "docker" if kind is DOCKER else "podman", kind, fails(message))
    with pytest.raises(Problem) as caught:
        engine(path)
    assert what in caught.value.what
    assert hint in caught.value.hint


def test_without_any_it_says_what_to_install_and_who_else_can(path: Path) -> None:
    with pytest.raises(Problem) as caught:
        engine(path)
    assert "neither Docker nor Podman is on the PATH" in caught.value.what
    for word in ("docs.docker.com", "podman.io", "CI", "opsctl up --image"):
        assert word in caught.value.hint
    with pytest.raises(Problem, match="OPSCTL_ENGINE names nerdctl"):
        engine(path, OPSCTL_ENGINE="nerdctl")


class FakeRepository:
    """An ECR repository that holds nothing yet."""

    host, url = "1.dkr.ecr.us-east-1.amazonaws.com", "1.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g"

    def login(self) -> str:
        return "QVdTOnNlY3JldA=="

    def find(self, **_: Any) -> None:
        return None


def test_docker_gets_the_login_in_a_folder_that_goes_and_keeps_its_context(path: Path, tmp_path: Path) -> None:
    """Docker's own command line, in which another configuration folder would hide Docker Desktop's address."""
    program(
        *(path, "docker", DOCKER),
        f"""echo "$*" >> {tmp_path}/typed
case "$1" in
  version) echo 28.2.2 ;;
  context) echo unix:///home/me/.docker/desktop/docker.sock ;;
  push) /bin/cat "$DOCKER_CONFIG/config.json" > {tmp_path}/login; echo "$DOCKER_CONFIG $DOCKER_HOST" > {tmp_path}/place
        echo "0.1.0: digest: sha256:{"a" * 64} size: 1234" ;;
esac""",
    )
    built = BuiltImage(
        image="opsctl-m2g:0.1.0",
        image_id="b" * 64,
        base=None,
        base_digest=None,
        source=None,
        version=None,
        size_bytes=1,
    )
    repository: Any = FakeRepository()
    pushed = push(engine(path), repository, built, version="0.1.0", tag=None, on_line=lambda _: None)
    assert pushed.image == f"{FakeRepository.url}@sha256:{'a' * 64}"
    assert pushed.tag == f"0.1.0-{'b' * 12}"
    assert json.loads((tmp_path / "login").read_text()) == {
        "auths": {FakeRepository.host: {"auth": "QVdTOnNlY3JldA=="}}
    }
    folder, host = (tmp_path / "place").read_text().split()
    assert host == "unix:///home/me/.docker/desktop/docker.sock"
    assert not Path(folder).exists()
    assert not re.search("QVdT|secret", (tmp_path / "typed").read_text())

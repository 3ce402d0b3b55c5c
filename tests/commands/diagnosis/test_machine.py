"""`doctor` sees the container engine that `image build` would use."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsctl.commands.diagnosis import machine
from opsctl.core.diagnosis.doctor_facts import EngineVersion
from opsctl.core.errors import Problem

DOCKER, PODMAN = "Docker version 28.2.2, build e6534b4", "podman version 4.3.1"


def program(path: Path, name: str, kind: str, command: str = "echo 28.2.2") -> None:
    (path / name).write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "{kind}" && exit 0\n{command}\n')
    (path / name).chmod(0o755)


def engine(path: Path, **environment: str) -> EngineVersion | None:
    return machine.engine({"PATH": str(path), **environment})


def test_neither(tmp_path: Path) -> None:
    assert engine(tmp_path) is None


def test_docker_comes_first_unless_podman_is_named(tmp_path: Path) -> None:
    program(tmp_path, "docker", DOCKER)
    program(tmp_path, "podman", PODMAN, "echo 4.3.1")
    assert engine(tmp_path) == EngineVersion(name="Docker", version="28.2.2", path=f"{tmp_path}/docker")
    podman = EngineVersion(name="Podman", version="4.3.1", path=f"{tmp_path}/podman")
    assert engine(tmp_path, OPSCTL_ENGINE="podman") == podman


def test_podman_behind_a_docker_link_is_podman(tmp_path: Path) -> None:
    program(tmp_path, "docker", PODMAN, "echo 4.3.1")
    assert engine(tmp_path) == EngineVersion(name="Podman", version="4.3.1", path=f"{tmp_path}/docker")


def test_podman_as_a_link_says_dockers_name_in_small_letters(tmp_path: Path) -> None:
    program(tmp_path, "docker", "docker version 4.3.1", "echo 4.3.1")
    assert engine(tmp_path) == EngineVersion(name="Podman", version="4.3.1", path=f"{tmp_path}/docker")


@pytest.mark.parametrize(
    ("command", "silence"), [("exit 1", "does not answer: it said nothing"), ("/bin/sleep 60", "within 0.5 s")]
)
def test_one_that_does_not_answer_gives_way_to_one_that_does(
    tmp_path: Path, command: str, silence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_ENGINE_SECONDS", 0.5)
    program(tmp_path, "docker", DOCKER, command)
    silent = engine(tmp_path)
    assert silent is not None and (silent.name, silent.version) == ("Docker", "") and silence in silent.silence
    program(tmp_path, "podman", PODMAN, "echo 4.3.1")
    assert engine(tmp_path) == EngineVersion(name="Podman", version="4.3.1", path=f"{tmp_path}/podman")


@pytest.mark.parametrize(("command", "said"), [("true", "it says nothing"), ("echo hello; echo you", "says 'hello")])
def test_one_that_is_not_what_it_seems(tmp_path: Path, command: str, said: str) -> None:
    program(tmp_path, "docker", DOCKER, command)
    silent = engine(tmp_path)
    assert silent is not None and said in silent.silence and "Is it Docker?" in silent.silence


def test_one_that_everybody_may_replace_is_told(tmp_path: Path) -> None:
    program(tmp_path, "docker", DOCKER)
    (tmp_path / "docker").chmod(0o777)
    answer = engine(tmp_path)
    assert answer is not None
    assert answer.warning.startswith(f"Every user of this machine may replace {tmp_path}/docker")


def test_a_named_engine_that_is_not_installed_is_told(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="OPSCTL_ENGINE names nerdctl"):
        engine(tmp_path, OPSCTL_ENGINE="nerdctl")

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
    assert engine(tmp_path) == EngineVersion("Docker", "28.2.2")
    assert engine(tmp_path, OPSCTL_ENGINE="podman") == EngineVersion("Podman", "4.3.1")


def test_podman_behind_a_docker_link_is_podman(tmp_path: Path) -> None:
    program(tmp_path, "docker", PODMAN, "echo 4.3.1")
    assert engine(tmp_path) == EngineVersion("Podman", "4.3.1")


@pytest.mark.parametrize("command", ["exit 1", "exec /bin/sleep 60"])
def test_one_that_does_not_answer_gives_way_to_one_that_does(
    tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_ENGINE_SECONDS", 0.5)
    program(tmp_path, "docker", DOCKER, command)
    assert engine(tmp_path) == EngineVersion("Docker", "")
    program(tmp_path, "podman", PODMAN, "echo 4.3.1")
    assert engine(tmp_path) == EngineVersion("Podman", "4.3.1")


def test_a_named_engine_that_is_not_installed_is_told(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="OPSCTL_ENGINE names nerdctl"):
        engine(tmp_path, OPSCTL_ENGINE="nerdctl")

"""The base image cannot be fetched: the engine's failure keeps its code, and Ctrl-C stays Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opsctl.commands.image.known_bases import KnownBases
from opsctl.commands.platform.image import build
from opsctl.core.errors import ErrorCode, Interrupted, Problem
from opsctl.engine import Engine
from opsctl.home import Home


def built_with(engine: Any, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM scratch\n")
    build(
        engine,
        folder,
        version="1",
        base="registry.example/base:1",
        accept_base=False,
        find_archived=None,
        known_bases=KnownBases(Home(folder)),
        day="2026-11-29",
        tag=None,
        options=(),
        environment={},
        on_line=lambda _: None,
    )


def test_a_pull_that_fails(tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho 'Error: no such host'\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(Problem, match="could not be had: docker pull failed: no such host") as raised:
        built_with(Engine(str(program), "docker", "29.0", {}), tmp_path)
    assert raised.value.code is ErrorCode.ENGINE_FAILED


class InterruptedEngine:
    def follow(self, *_: str, **__: Any) -> None:
        raise Interrupted("Stopped: docker pull was ended.")


def test_ctrl_c_during_the_pull(tmp_path: Path) -> None:
    with pytest.raises(Interrupted, match="Stopped: docker pull was ended."):
        built_with(InterruptedEngine(), tmp_path)

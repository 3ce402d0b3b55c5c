"""A command line without a platform, without AWS, and with a home of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.printed_commands import ensure_readable

from opsctl.__main__ import main


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("OPSCTL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def opsctl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Type a command line; the boundary is the real one, in this process."""

    def typed(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["opsctl", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = Said(int(ended.value.code or 0), *capsys.readouterr())
        ensure_readable(f"{said.out}\n{said.err}")
        return said

    return typed

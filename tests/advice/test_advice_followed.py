"""Every command that a screen prints is typed in the situation that printed it: on the local platform, in this process.

What `tests/support/printed_commands.py` does not type, it lists with the reason.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest
from support.printed_commands import ensure_readable, follow
from support.small_platform import SmallPlatform

from opsctl.__main__ import main

_BUG = 3


@dataclass(frozen=True)
class Shell:
    """A person's shell in a folder of its own."""

    folder: Path
    environment: Mapping[str, str]

    def __call__(self, *words: str) -> tuple[int, str]:
        """Type a command; its exit code and all that it printed."""
        printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        with (
            patch.dict(os.environ, self.environment, clear=True),
            patch.object(sys, "argv", ["opsctl", *words]),
            patch.object(sys, "stdin", io.StringIO()),
            chdir(self.folder),
            redirect_stdout(printed),
            redirect_stderr(printed),
            pytest.raises(SystemExit) as end,
        ):
            main()
        printed.seek(0)
        return int(end.value.code or 0), printed.read()

    def follow_all(self, *lines: str) -> None:
        """Type each line, then every command that it prints."""
        for line in lines:
            code, shown = self(*line.split())
            assert code != _BUG, shown
            ensure_readable(shown)
            follow(shown, self)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPlatform]:
    """A local platform with a dataset of three scans, on which no job starts while the gate is closed."""
    platform = SmallPlatform(tmp_path_factory.mktemp("small"), slots=0)
    yield platform
    platform.gate.touch()
    platform.close()


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPlatform]:
    """A local platform whose jobs run to their end; one of the three scans fails."""
    platform = SmallPlatform(tmp_path_factory.mktemp("ended"), slots=2)
    yield platform
    platform.gate.touch()
    platform.close()


def shell(platform: SmallPlatform) -> Shell:
    return Shell(platform.folder, {**platform.environment, "TERM": "dumb", "COLUMNS": "120"})


@pytest.mark.parametrize("words", ["", "--platform nosuch "])
def test_before_up(tmp_path: Path, words: str) -> None:
    nobody = str(tmp_path / "none")
    typed = Shell(
        tmp_path,
        {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "OPSCTL_HOME": str(tmp_path / "home"),
            "AWS_CONFIG_FILE": nobody,
            "AWS_SHARED_CREDENTIALS_FILE": nobody,
            "AWS_EC2_METADATA_DISABLED": "true",
            "TERM": "dumb",
        },
    )
    typed.follow_all(*(f"{words}{line}" for line in ("status", "logs", "run HNU1", "doctor", "down", "audit HNU1")))


def test_before_the_first_run(small: SmallPlatform) -> None:
    shell(small).follow_all(
        *("status", "why", "logs", "cost", "runs", "datasets", "results out", "report page.html", "audit HNU1"),
        *("scans HNU1", "scans nosuch", "check HNU1", "check nosuch", "run HNU1 --dry-run", "run nosuch --dry-run"),
        *("run HNU1 --participant-label 99 --dry-run", "status --platform nosuch", "doctor"),
        *("--platform local status", "delete dataset nosuch --yes", "cancel --yes"),
    )


def test_while_scans_wait_and_after_they_are_cancelled(small: SmallPlatform) -> None:
    typed = shell(small)
    typed.follow_all(
        *("run HNU1 --yes", "status", "status -v", "why", "logs", "logs --failed", "cost", "runs", "audit HNU1"),
        *("run HNU1 --yes", "run HNU1 --seeds 1 --yes", "status nosuch", "logs nosuch", "status --run nosuch"),
        *("results out", "report page.html", "down --yes", "datasets", "doctor"),
    )
    typed.follow_all("cancel --yes", "status", "why", "audit HNU1", "runs", "results out", "run HNU1 --dry-run")


def test_after_scans_have_failed(ended: SmallPlatform) -> None:
    typed = shell(ended)
    code, shown = typed("run", "HNU1", "--yes", "--modif", "mine")
    assert code == 0, shown
    ended.finish_jobs()
    typed.follow_all(
        *("status", "why", "logs --failed", "logs", "cost", "audit HNU1 --modif mine", "audit HNU1", "runs"),
        *("results out", "results out", "report page.html", "check HNU1", "run HNU1 --modif mine --dry-run"),
        *("status --platform local", "why --platform local", "cancel --yes"),
    )

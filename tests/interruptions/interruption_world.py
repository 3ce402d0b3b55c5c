"""opsctl with a home of its own and the real Terraform, typed, interrupted and killed from outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pexpect
from support import waiting

from opsctl.local import control

_SECONDS = 900
_PASS_ON = """#!/bin/sh
export AWS_ENDPOINT_URL={endpoint}
exec {terraform} "$@"
"""


@dataclass(frozen=True)
class Said:
    """How a command ended, and all that it said."""

    code: int
    text: str


@dataclass
class Life:
    """One home; several platforms may live in it side by side."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_", "OPSCTL_"))}
        mirror = {key: os.environ[key] for key in ("OPSCTL_PROVIDER_MIRROR",) if key in os.environ}
        own = {"OPSCTL_HOME": str(self.home), "OPSCTL_CONFIG": os.devnull, "COLUMNS": "200"}
        return {**kept, **mirror, **own, "AWS_EC2_METADATA_DISABLED": "true", **self.variables}

    def through(self, endpoint: str) -> Life:
        """The same home, but Terraform's calls go elsewhere."""
        programs = self.folder / f"bin-{endpoint.rpartition(':')[2]}"
        programs.mkdir()
        program = programs / "terraform"
        program.write_text(_PASS_ON.format(endpoint=endpoint, terraform=shutil.which("terraform")))
        program.chmod(0o755)
        return Life(self.folder, {**self.variables, "PATH": f"{programs}:{os.environ['PATH']}"})

    def type(self, *words: str) -> Said:
        """Type a command and wait for its end."""
        done = subprocess.run(
            [sys.executable, "-m", "opsctl", *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return Said(done.returncode, done.stdout)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Begin a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "opsctl", *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def terminal(self, *words: str) -> pexpect.spawn:
        """Begin a command in a terminal of its own."""
        return pexpect.spawn(
            sys.executable,
            ["-m", "opsctl", *words],
            env=self.environment,
            dimensions=(40, 200),
            timeout=_SECONDS,
            encoding="utf-8",
        )

    def root(self, name: str, root: str = "platform") -> Path:
        return self.home / "platforms" / name / "terraform" / root

    def until_making(
        self, name: str, *, verb: str = "apply", begun: str = "aws_vpc", terminal: pexpect.spawn | None = None
    ) -> int:
        """Wait until Terraform has begun to make (or remove) a resource; gives its process."""
        log = self.root(name) / "log" / f"{verb}.out"

        def has_begun() -> bool:
            if terminal is not None:
                # A terminal that nobody reads runs full, and who writes to it waits.
                terminal.expect(pexpect.TIMEOUT, timeout=0)
            return log.exists() and any(
                '"apply_start"' in line and begun in line for line in log.read_text().splitlines()
            )

        until(has_begun, f"{begun} in {log}")
        return int(json.loads((self.root(name) / "terraform.lock").read_text())["pid"])

    def state(self, name: str) -> dict[str, Any]:
        text = (self.root(name) / "terraform.tfstate").read_text()
        return json.loads(text) if text else {}

    def close(self) -> None:
        control.stop(self.home)


#: Terraform may take minutes for a step.
until = partial(waiting.until, seconds=300.0)


def end_of(terminal: pexpect.spawn) -> Said:
    """Read a terminal to its end."""
    terminal.expect(pexpect.EOF)
    terminal.close()
    return Said(terminal.exitstatus if terminal.exitstatus is not None else -1, terminal.before)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    said = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return said.startswith("Z") or not said


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)

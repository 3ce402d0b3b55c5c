"""Run, interrupt and kill opsctl with its own home and the real Terraform."""

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
class CommandResult:
    """The exit code and the output of a command."""

    code: int
    text: str


@dataclass
class Machine:
    """One home, in which several platforms can be created in parallel."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def environment(self) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_", "OPSCTL_"))}
        mirror = {key: os.environ[key] for key in ("OPSCTL_PROVIDER_MIRROR",) if key in os.environ}
        own = {"OPSCTL_HOME": str(self.home), "OPSCTL_CONFIG": os.devnull, "COLUMNS": "200"}
        return {**inherited, **mirror, **own, "AWS_EC2_METADATA_DISABLED": "true", **self.variables}

    def through(self, endpoint: str) -> Machine:
        """The same home, with Terraform's calls going to another endpoint."""
        programs = self.folder / f"bin-{endpoint.rpartition(':')[2]}"
        programs.mkdir()
        program = programs / "terraform"
        program.write_text(_PASS_ON.format(endpoint=endpoint, terraform=shutil.which("terraform")))
        program.chmod(0o755)
        return Machine(self.folder, {**self.variables, "PATH": f"{programs}:{os.environ['PATH']}"})

    def run(self, *arguments: str) -> CommandResult:
        """Run a command to its end."""
        process = subprocess.run(
            [sys.executable, "-m", "opsctl", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return CommandResult(process.returncode, process.stdout)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "opsctl", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def terminal(self, *arguments: str) -> pexpect.spawn:
        """Start a command in its own terminal."""
        return pexpect.spawn(
            sys.executable,
            ["-m", "opsctl", *arguments],
            env=self.environment,
            dimensions=(40, 200),
            timeout=_SECONDS,
            encoding="utf-8",
        )

    def root(self, name: str, root: str = "platform") -> Path:
        return self.home / "platforms" / name / "terraform" / root

    def until_making(
        self, name: str, *, verb: str = "apply", resource: str = "aws_vpc", terminal: pexpect.spawn | None = None
    ) -> int:
        """Wait until Terraform begins to create (or remove) a resource; returns its process id."""
        log = self.root(name) / "log" / f"{verb}.out"

        def has_begun() -> bool:
            if terminal is not None:
                # A terminal that nobody reads runs full, and who writes to it waits.
                terminal.expect(pexpect.TIMEOUT, timeout=0)
            return log.exists() and any(
                '"apply_start"' in line and resource in line for line in log.read_text().splitlines()
            )

        until(has_begun, f"{resource} in {log}")
        return int(json.loads((self.root(name) / "terraform.lock").read_text())["pid"])

    def state(self, name: str) -> dict[str, Any]:
        text = (self.root(name) / "terraform.tfstate").read_text()
        return json.loads(text) if text else {}

    def close(self) -> None:
        control.stop(self.home)


#: Terraform may take minutes for a step.
until = partial(waiting.until, seconds=300.0)


def end_of(terminal: pexpect.spawn) -> CommandResult:
    """Read the rest of a terminal's output."""
    terminal.expect(pexpect.EOF)
    terminal.close()
    return CommandResult(terminal.exitstatus if terminal.exitstatus is not None else -1, terminal.before)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return state.startswith("Z") or not state


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)

"""A home whose commands have the real Terraform and its provider."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from support.repository import ROOT
from support.waiting import until
from two_machines import Ended

from opsctl.local import control

SECONDS = 600


class TerraformHome:
    """A home whose commands have the real Terraform.

    Attributes
    ----------
    path
        OPSCTL_HOME.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_", "OPSCTL_"))}
        mirror = {key: os.environ[key] for key in ("OPSCTL_PROVIDER_MIRROR",) if key in os.environ}
        own = {"OPSCTL_HOME": str(self.path), "OPSCTL_CONFIG": os.devnull, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
        self.environment = {**inherited, **mirror, **own, "AWS_EC2_METADATA_DISABLED": "true"}
        self.processes: list[subprocess.Popen[str]] = []

    @property
    def root(self) -> Path:
        """The folder of the platform's root."""
        return self.path / "platforms" / "local" / "terraform" / "platform"

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Type a command."""
        process = subprocess.Popen(
            [sys.executable, "-m", "opsctl", *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(process)
        return process

    def run(self, *words: str) -> Ended:
        """Type a command and wait for its end."""
        return end(self.start(*words))

    def terraform(self, verb: str) -> int:
        """Wait until Terraform works at the platform's root; its process id."""
        lock = self.root / "terraform.lock"
        log = self.root / "log" / f"{verb}.out"
        until(lambda: log.exists() and '"apply_start"' in log.read_text(), f"Terraform's {verb}", seconds=SECONDS)
        return int(json.loads(lock.read_text())["pid"])

    def close(self) -> None:
        """End every command and the server."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.communicate()
        control.stop(self.path)


def end(process: subprocess.Popen[str]) -> Ended:
    """Wait for the end of a command."""
    text, _ = process.communicate(timeout=SECONDS)
    return Ended(process.returncode, text)

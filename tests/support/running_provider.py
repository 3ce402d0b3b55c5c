"""Terraform's AWS provider as a process that stays, so that not every command of a test starts it anew.

Each start costs two to three seconds of a processor, and `terraform test` starts it dozens of times.
"""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# https://developer.hashicorp.com/terraform/plugin/debugging
_ADDRESS = re.compile(r"TF_REATTACH_PROVIDERS='(.+)'")


@dataclass(frozen=True)
class RunningProviders:
    """A provider for each folder: commands in two folders may run at the same time, with other settings."""

    _processes: dict[Path, subprocess.Popen[str]] = field(default_factory=dict)
    _addresses: dict[Path, str] = field(default_factory=dict)

    def variables(self, data_folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
        """Environment variables by which Terraform finds the provider that `init` has put into a data folder."""
        if data_folder not in self._addresses:
            self._start(data_folder, environment)
        return {"TF_REATTACH_PROVIDERS": self._addresses[data_folder]}

    def _start(self, data_folder: Path, environment: Mapping[str, str]) -> None:
        # With a mirror its folder is a link, which `rglob` does not follow.
        (binary,) = data_folder.glob("providers/*/hashicorp/aws/*/*/terraform-provider-aws*")
        process = subprocess.Popen(
            [binary, "-debug"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._processes[data_folder] = process
        assert process.stdout is not None
        found = next((match for line in process.stdout if (match := _ADDRESS.search(line))), None)
        assert found is not None, f"{binary} did not start"
        self._addresses[data_folder] = found[1]
        # What it goes on to print must not fill the pipe.
        threading.Thread(target=process.stdout.read, daemon=True).start()

    def close(self) -> None:
        """End all of them."""
        for process in self._processes.values():
            process.kill()
            process.wait()
        self._processes.clear()
        self._addresses.clear()

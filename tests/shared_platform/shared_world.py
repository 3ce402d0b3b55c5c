"""A server that answers like AWS, and people with a machine each."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.local_key import session_of

from opsctl.local import control

REGION = "us-east-1"
ACCOUNT = "123456789012"


@dataclass(frozen=True)
class Server:
    """A server with AWS's API."""

    url: str
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """A shell's environment, without the developer's own settings for AWS and Terraform."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_", "OPSCTL_"))}
        mirror = os.environ.get("OPSCTL_PROVIDER_MIRROR")
        return {
            **inherited,
            **({"OPSCTL_PROVIDER_MIRROR": mirror} if mirror else {}),
            "AWS_ENDPOINT_URL": self.url,
            **control.credentials(self.home),
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CHECKPOINT_DISABLE": "1",
        }

    def client(self, service: str, *, region: str = REGION) -> Any:
        return session_of(self.home, region=region).client(service, endpoint_url=self.url)


@dataclass(frozen=True)
class CommandResult:
    """Exit code and output of one command."""

    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """Standard error in one line, as if the terminal were wide."""
        return " ".join(self.err.split())


@dataclass
class Machine:
    """Somebody's machine: a home of its own, the lab's login."""

    who: str
    folder: Path
    server: Server
    path: str = os.environ["PATH"]

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def without_terraform(self) -> None:
        """Leave on the PATH only what holds no Terraform."""
        self.path = os.pathsep.join(
            folder for folder in self.path.split(os.pathsep) if not (Path(folder) / "terraform").exists()
        )

    def run(self, *arguments: str) -> CommandResult:
        self.folder.mkdir(exist_ok=True)
        own_settings = {"OPSCTL_HOME": str(self.home), "OPSCTL_CONFIG": os.devnull, "COLUMNS": "80", "PATH": self.path}
        # Where there is no Terraform, none can be downloaded: nobody listens there.
        own_settings["OPSCTL_TERRAFORM_RELEASES"] = "http://127.0.0.1:1"
        done = subprocess.run(
            [Path(sys.executable).with_name("opsctl"), *arguments],
            cwd=self.folder,
            env={**self.server.environment, **own_settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
        return CommandResult(done.returncode, done.stdout, done.stderr)

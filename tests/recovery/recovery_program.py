"""Run opsctl on a local platform, and kill it when the API shows a given number of resources."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recovery_world import ClientOf, client_of, remaining_resources

COMMAND_SECONDS = 900


@dataclass(frozen=True)
class CommandResult:
    """How one command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Program:
    """The program, run on one home and endpoint."""

    home: Path
    folder: Path
    endpoint_url: str

    @property
    def client(self) -> ClientOf:
        return client_of(self.home, self.endpoint_url)

    def environment(self, **more: str) -> dict[str, str]:
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "OPSCTL_", "TF_"))
        }
        own = {"OPSCTL_HOME": str(self.home), "OPSCTL_CONFIG": os.devnull, "COLUMNS": "100"}
        # Where there is no Terraform, none can be downloaded: nobody listens there.
        own["OPSCTL_TERRAFORM_RELEASES"] = "http://127.0.0.1:1"
        return {**environment, **own, "AWS_EC2_METADATA_DISABLED": "true", **more}

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "opsctl", *arguments],
            cwd=self.folder,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **more: str) -> CommandResult:
        process = self.start(*arguments, **more)
        try:
            out, err = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return CommandResult(process.returncode, out, err)

    def up(self, name: str, *arguments: str) -> CommandResult:
        return self.run("up", "--local", "--name", name, "--yes", *arguments)

    def down(self, name: str, *arguments: str, **more: str) -> CommandResult:
        return self.run("down", "--local", "--name", name, "--yes", *arguments, **more)

    def kill(
        self,
        name: str,
        *arguments: str,
        when: Callable[[int], bool],
        opsctl: bool = True,
        is_held: bool = False,
    ) -> CommandResult:
        """Run a command, and kill -9 its Terraform (and opsctl itself) once `when(count of resources)` is true.

        With `is_held` Terraform stands still while they are counted, so that a slow count does not miss the moment.
        Without it, it has gone on meanwhile, and has probably written its state.
        """
        process = self.start(*arguments)
        client, deadline = self.client, time.monotonic() + COMMAND_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            # While Terraform only plans, the server would do nothing but count for this.
            terraforms = _terraforms(self.home / "platforms" / name)
            if is_held:
                _signal(terraforms, signal.SIGSTOP)
            if terraforms and when(len(remaining_resources(client, name))):
                break
            if is_held:
                _signal(terraforms, signal.SIGCONT)
            time.sleep(0.1)
        if opsctl:
            process.kill()
        _signal(_terraforms(self.home / "platforms" / name), signal.SIGKILL)
        out, err = process.communicate(timeout=COMMAND_SECONDS)
        return CommandResult(process.returncode, out, err)

    def state_ids(self, name: str) -> set[str]:
        """The ids of the resources in the platform root's state."""
        path = self.home / "platforms" / name / "terraform" / "platform" / "terraform.tfstate"
        state: dict[str, Any] = json.loads(path.read_text())
        return {
            str(instance["attributes"]["id"])
            for resource in state["resources"]
            if resource["mode"] == "managed"
            for instance in resource["instances"]
        }

    def bucket(self, name: str) -> dict[str, Any]:
        """Everything of the storage that must not change."""
        s3, bucket = self.client("s3"), f"opsctl-{name}-123456789012-us-east-1"
        keys = [obj["Key"] for obj in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
        settings = (
            s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
            s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"],
            s3.get_bucket_versioning(Bucket=bucket)["Status"],
            json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]),
            s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"],
            s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"],
        )
        return {
            "objects": {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys},
            "versions": {
                (version["Key"], version["VersionId"])
                for version in s3.list_object_versions(Bucket=bucket).get("Versions", ())
            },
            "settings": settings,
            "repositories": [
                repository["repositoryName"]
                for repository in self.client("ecr").describe_repositories()["repositories"]
                if repository["repositoryName"] == f"opsctl-{name}"
            ],
        }


def _signal(terraforms: Iterable[int], number: int) -> None:
    """Signal Terraforms and their providers, which are in their groups."""
    for pid in terraforms:
        with suppress(ProcessLookupError):
            os.killpg(pid, number)


def _terraforms(folder: Path) -> list[int]:
    """The ids of the Terraform processes in a platform's folder; each leads its own session."""
    pids = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            working_folder = Path(os.readlink(entry / "cwd")) if command and command[0].endswith(b"terraform") else None
        except OSError:
            continue
        makes = b"apply" in command or b"destroy" in command
        if working_folder is not None and folder in working_folder.parents and makes:
            pids.append(int(entry.name))
    return pids

"""The real program on platforms of one home and one server, killed when the API shows so many of its resources."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recovery_world import ClientOf, client_of, standing

COMMAND_SECONDS = 900


@dataclass(frozen=True)
class Said:
    """What one command left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Typist:
    """Types commands."""

    home: Path
    folder: Path
    endpoint_url: str

    @property
    def client(self) -> ClientOf:
        return client_of(self.endpoint_url)

    def environment(self, **more: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "OPSCTL_", "TF_"))}
        own = {"OPSCTL_HOME": str(self.home), "OPSCTL_CONFIG": os.devnull, "COLUMNS": "100"}
        return {**kept, **own, "AWS_EC2_METADATA_DISABLED": "true", **more}

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "opsctl", *words],
            cwd=self.folder,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def type(self, *words: str, **more: str) -> Said:
        process = self.start(*words, **more)
        try:
            out, err = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return Said(process.returncode, out, err)

    def up(self, name: str, *words: str) -> Said:
        return self.type("up", "--local", "--name", name, "--yes", *words)

    def down(self, name: str, *words: str, **more: str) -> Said:
        return self.type("down", "--local", "--name", name, "--yes", *words, **more)

    def kill(self, name: str, *words: str, when: Callable[[int], bool], opsctl: bool = True) -> Said:
        """Type a command, and kill its Terraform (and opsctl itself) -9 once the count of resources is so."""
        process = self.start(*words)
        client, until = self.client, time.monotonic() + COMMAND_SECONDS
        while process.poll() is None and time.monotonic() < until:
            if when(len(standing(client, name))) and _terraforms(self.home / "platforms" / name):
                break
            time.sleep(0.1)
        if opsctl:
            process.kill()
        for pid in _terraforms(self.home / "platforms" / name):
            # Its provider is in its group.
            os.killpg(pid, signal.SIGKILL)
        out, err = process.communicate(timeout=COMMAND_SECONDS)
        return Said(process.returncode, out, err)

    def state_ids(self, name: str) -> set[str]:
        """What the platform root's state knows."""
        path = self.home / "platforms" / name / "terraform" / "platform" / "terraform.tfstate"
        state: dict[str, Any] = json.loads(path.read_text())
        return {
            str(instance["attributes"]["id"])
            for resource in state["resources"]
            if resource["mode"] == "managed"
            for instance in resource["instances"]
        }

    def bucket(self, name: str) -> dict[str, Any]:
        """Everything that must be the same, whatever becomes of the platform."""
        s3, found = self.client("s3"), f"opsctl-{name}-123456789012-us-east-1"
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=found).get("Contents", ())]
        settings = (
            s3.get_public_access_block(Bucket=found)["PublicAccessBlockConfiguration"],
            s3.get_bucket_encryption(Bucket=found)["ServerSideEncryptionConfiguration"],
            s3.get_bucket_versioning(Bucket=found)["Status"],
            json.loads(s3.get_bucket_policy(Bucket=found)["Policy"]),
            s3.get_bucket_ownership_controls(Bucket=found)["OwnershipControls"],
            s3.get_bucket_lifecycle_configuration(Bucket=found)["Rules"],
        )
        return {
            "objects": {key: s3.get_object(Bucket=found, Key=key)["Body"].read() for key in keys},
            "versions": {
                (one["Key"], one["VersionId"]) for one in s3.list_object_versions(Bucket=found).get("Versions", ())
            },
            "settings": settings,
            "repositories": [
                one["repositoryName"]
                for one in self.client("ecr").describe_repositories()["repositories"]
                if one["repositoryName"] == f"opsctl-{name}"
            ],
        }


def _terraforms(folder: Path) -> list[int]:
    """The Terraforms at work in a platform's folder; each leads a session of its own."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            here = Path(os.readlink(entry / "cwd")) if words and words[0].endswith(b"terraform") else None
        except OSError:
            continue
        if here is not None and folder in here.parents and b"apply" in words + [b"apply"] * (b"destroy" in words):
            found.append(int(entry.name))
    return found

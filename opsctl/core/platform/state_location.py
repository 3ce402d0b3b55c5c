"""Where Terraform's state is stored: on this machine, or on S3 for all users of the platform."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from opsctl.core.errors import Problem, UsageProblem
from opsctl.core.location import parse_uri

#: `--state local` moves the state to this machine.
LOCAL = "local"

#: The file beside a root's code that says where its state is. Without it, the state is in the same folder.
BACKEND_FILE = "backend.tf.json"

#: The two roots; each has its own state.
ROOTS = ("storage", "platform")

#: Terraform supports lock files on S3 since this version.
OLDEST_VERSION = (1, 10)

Step = Literal["begin", "join", "move"]


@dataclass(frozen=True)
class StatePlace:
    """A bucket and a prefix below which each platform has a folder.

    Attributes
    ----------
    region
        Region of both the bucket and the platform.
    """

    bucket: str
    prefix: str
    region: str

    @property
    def uri(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def key(self, name: str, root: str) -> str:
        """The object that holds the state of one root of the platform `name`."""
        return f"{self._folder(name)}/{root}.tfstate"

    def lock_key(self, name: str, root: str) -> str:
        """The object that is Terraform's lock on that state."""
        return f"{self.key(name, root)}.tflock"

    def note_key(self, name: str) -> str:
        """The note that says where a platform's state was moved to."""
        return f"{self._folder(name)}/moved.json"

    def backend(self, name: str, root: str, *, path_style: bool) -> dict[str, Any]:
        """Terraform's backend block as JSON, without credentials: Terraform's environment has them."""
        settings = {
            "bucket": self.bucket,
            "key": self.key(name, root),
            "region": self.region,
            "use_lockfile": True,
            "encrypt": True,
            **({"use_path_style": True} if path_style else {}),
        }
        return {"terraform": {"backend": {"s3": settings}}}

    def _folder(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name


def parse_place(typed: str, *, region: str) -> StatePlace | None:
    """Parse `--state`.

    Returns
    -------
    StatePlace or None
        None for this machine.

    Raises
    ------
    UsageProblem
        If it is neither `local` nor a valid S3 address.
    """
    if typed == LOCAL:
        return None
    if "://" not in typed:
        raise UsageProblem(f"--state {typed}: type an address such as s3://lab-states/opsctl, or local.")
    location = parse_uri(typed)
    if any(part in ("", ".", "..") for part in location.prefix.split("/")) and location.prefix:
        raise UsageProblem(f"--state {typed}: Terraform takes no empty part in a key.")
    return StatePlace(location.bucket, location.prefix, region)


def place_of_backend(block: Mapping[str, Any], *, name: str, root: str) -> StatePlace:
    """The location in a backend block that `StatePlace.backend` made."""
    settings = block["terraform"]["backend"]["s3"]
    prefix = settings["key"].removesuffix(f"{name}/{root}.tfstate").rstrip("/")
    return StatePlace(settings["bucket"], prefix, settings["region"])


def ensure_locks(version: str) -> None:
    """Check that Terraform can lock a state on S3.

    Raises
    ------
    Problem
        If the version is older than 1.10.
    """
    if tuple(int(part) for part in version.split("-")[0].split(".")[:2]) < OLDEST_VERSION:
        raise Problem(
            f"Terraform {version} cannot lock a state on S3: version 1.10 or later is needed for --state s3://….",
            "Install it from https://developer.hashicorp.com/terraform/install, then type the same command.",
        )


@dataclass(frozen=True)
class Snapshot:
    """A state file's content.

    Attributes
    ----------
    text
        The whole file.
    lineage
        The id that Terraform gave the state when it was created; copies share it.
    serial
        Increases with each change.
    resource_count
        Number of resources in the state.
    """

    text: str
    lineage: str
    serial: int
    resource_count: int

    @classmethod
    def of(cls, text: str, *, where: str) -> Snapshot | None:
        """Parse a state file; None for an empty one.

        Raises
        ------
        Problem
            If it is not a state.
        """
        if not text.strip():
            return None
        try:
            state = json.loads(text)
            managed = [resource for resource in state["resources"] if resource.get("mode") == "managed"]
            count = sum(len(resource.get("instances", ())) for resource in managed)
            return cls(text, str(state["lineage"]), int(state["serial"]), count)
        except (ValueError, KeyError, TypeError) as error:
            raise Problem(
                f"{where} is no Terraform state ({error}).",
                "Bring an earlier version of it back (`aws s3api list-object-versions`), or name another --state.",
            ) from error


def step_of(current: Snapshot | None, existing: Snapshot | None, *, source: str, target: str) -> Step:
    """Decide how to bring one root's state to its new location.

    Parameters
    ----------
    current, existing
        The state at the current location, and the one at the new location.
    source, target
        The two locations in words.

    Returns
    -------
    str
        `begin`: there is no state yet. `join`: use the one at the new location. `move`: copy the current one there.

    Raises
    ------
    Problem
        If the new location has the state of another platform.
    """
    if current is None:
        return "begin" if existing is None else "join"
    if existing is None:
        return "move"
    if current.lineage == existing.lineage:
        return "move" if current.serial > existing.serial else "join"
    if current.resource_count == 0:
        return "join"
    raise Problem(
        f"{target} holds the state of another platform ({existing.resource_count} resources); the one on {source} "
        f"has {current.resource_count} and would be lost.",
        "Name another place with --state, or bring up a platform of another name with --name.",
    )

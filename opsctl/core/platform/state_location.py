"""Where Terraform's state lies: on this machine, or on S3 for all who share the platform."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from opsctl.core.errors import Problem, UsageProblem
from opsctl.core.location import parse_uri

#: `--state local` takes the state back to this machine.
LOCAL = "local"

#: Beside a root's code: where its state lies. Without it, the state lies in the same folder.
BACKEND_FILE = "backend.tf.json"

#: The two roots, each with a state of its own.
ROOTS = ("storage", "platform")

#: Terraform's lock file on S3 came with 1.10.
OLDEST_VERSION = (1, 10)

Step = Literal["begin", "join", "move"]


@dataclass(frozen=True)
class StatePlace:
    """A bucket and a prefix, below which each platform has a folder of its own.

    Attributes
    ----------
    region
        The bucket's; the platform's as well.
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
        """Terraform's lock beside it."""
        return f"{self.key(name, root)}.tflock"

    def note_key(self, name: str) -> str:
        """The note that a platform's state lay here and where it went."""
        return f"{self._folder(name)}/moved.json"

    def backend(self, name: str, root: str, *, path_style: bool) -> dict[str, Any]:
        """Terraform's backend block as JSON. It names no credentials: those are in Terraform's environment."""
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
    """`--state` as typed; None is this machine.

    Raises
    ------
    UsageProblem
        Where it is neither `local` nor an S3 address.
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
    """The place that a backend block of ours names."""
    settings = block["terraform"]["backend"]["s3"]
    prefix = settings["key"].removesuffix(f"{name}/{root}.tfstate").rstrip("/")
    return StatePlace(settings["bucket"], prefix, settings["region"])


def ensure_locks(version: str) -> None:
    """Refuse a Terraform that cannot lock a state on S3.

    Raises
    ------
    Problem
        For a version before 1.10.
    """
    if tuple(int(part) for part in version.split("-")[0].split(".")[:2]) < OLDEST_VERSION:
        raise Problem(
            f"Terraform {version} cannot lock a state on S3: version 1.10 or later is needed for --state s3://….",
            "Install it from https://developer.hashicorp.com/terraform/install, then type the same command.",
        )


@dataclass(frozen=True)
class Snapshot:
    """A state as it was read.

    Attributes
    ----------
    text
        The file as it is.
    lineage
        What Terraform gave it at its birth; a copy keeps it.
    serial
        Rises with each change.
    resource_count
        How many resources it knows.
    """

    text: str
    lineage: str
    serial: int
    resource_count: int

    @classmethod
    def of(cls, text: str, *, where: str) -> Snapshot | None:
        """Read a state file; None for one that nothing was ever written to.

        Raises
        ------
        Problem
            Where it is no state.
        """
        if not text.strip():
            return None
        try:
            state = json.loads(text)
            managed = [one for one in state["resources"] if one.get("mode") == "managed"]
            count = sum(len(one.get("instances", ())) for one in managed)
            return cls(text, str(state["lineage"]), int(state["serial"]), count)
        except (ValueError, KeyError, TypeError) as error:
            raise Problem(
                f"{where} is no Terraform state ({error}).",
                "Bring an earlier version of it back (`aws s3api list-object-versions`), or name another --state.",
            ) from error


def step_of(mine: Snapshot | None, theirs: Snapshot | None, *, source: str, target: str) -> Step:
    """What brings one root's state to its new place.

    Parameters
    ----------
    mine, theirs
        What lies where it was until now, and at the new place.
    source, target
        Both in words.

    Raises
    ------
    Problem
        Where two different states would become one.
    """
    if mine is None:
        return "begin" if theirs is None else "join"
    if theirs is None:
        return "move"
    if mine.lineage == theirs.lineage:
        return "move" if mine.serial > theirs.serial else "join"
    if mine.resource_count == 0:
        return "join"
    raise Problem(
        f"{target} holds the state of another platform ({theirs.resource_count} resources); the one on {source} "
        f"has {mine.resource_count} and would be lost.",
        "Name another place with --state, or bring up a platform of another name with --name.",
    )

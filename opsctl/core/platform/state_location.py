"""The location of a platform's Terraform state: this machine, or an S3 address that a team shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from opsctl.core.errors import ErrorCode, Problem, UsageProblem
from opsctl.core.foreign_json import parse_object
from opsctl.core.location import parse_uri

#: `--state local` moves the state back to this machine.
LOCAL = "local"

#: Terraform's backend block, in a root's folder. Without this file the state lies in the same folder.
BACKEND_FILE = "backend.tf.json"

#: The two roots; each has its own state.
ROOTS = ("storage", "platform")

#: The first Terraform version that locks a state with an S3 object.
OLDEST_VERSION = (1, 10)

#: How one root gets its state at the target: `begin` without any state, `join` takes the state that lies there, `move`
#: copies the state from the source.
MoveAction = Literal["begin", "join", "move"]


@dataclass(frozen=True)
class StateLocation:
    """A bucket and a prefix; each platform has its own folder below the prefix.

    Attributes
    ----------
    region
        The region of the bucket and of the platform.
    """

    bucket: str
    prefix: str
    region: str

    @property
    def uri(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def key(self, name: str, root: str) -> str:
        """Return the key of the state of one root of the platform `name`."""
        return f"{self._folder(name)}/{root}.tfstate"

    def note_key(self, name: str) -> str:
        """Return the key of the note that says where the platform's state was moved to."""
        return f"{self._folder(name)}/moved.json"

    def backend(self, name: str, root: str, *, path_style: bool) -> dict[str, Any]:
        """Return Terraform's backend block. It holds no credentials: Terraform takes those from its environment."""
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


def location_label(location: StateLocation | None) -> str:
    """Return a location as messages name it; None is this machine."""
    return location.uri if location is not None else "this machine"


def parse_state_option(value: str, *, region: str) -> StateLocation | None:
    """Parse the value of `--state`; None is this machine.

    Raises
    ------
    UsageProblem
        When it is neither `local` nor an S3 address.
    """
    if value == LOCAL:
        return None
    if "://" not in value:
        raise UsageProblem(f"--state {value}: type an address such as s3://lab-states/opsctl, or local.")
    location = parse_uri(value)
    if any(part in ("", ".", "..") for part in location.prefix.split("/")) and location.prefix:
        raise UsageProblem(f"--state {value}: Terraform takes no empty part in a key.")
    return StateLocation(location.bucket, location.prefix, region)


def location_of_backend(block: Mapping[str, Any], *, name: str, root: str) -> StateLocation:
    """Return the location that a block made by `StateLocation.backend` names."""
    settings = block["terraform"]["backend"]["s3"]
    prefix = settings["key"].removesuffix(f"{name}/{root}.tfstate").rstrip("/")
    return StateLocation(settings["bucket"], prefix, settings["region"])


def ensure_s3_locking(version: str) -> None:
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
            code=ErrorCode.TERRAFORM_MISSING,
        )


@dataclass(frozen=True)
class StateSnapshot:
    """A state file's content.

    Attributes
    ----------
    text
        The whole file.
    lineage
        Terraform's id of the state; a copy has the same.
    serial
        Terraform's counter of changes.
    resource_count
        Number of managed resource instances.
    """

    text: str
    lineage: str
    serial: int
    resource_count: int

    @classmethod
    def parse(cls, text: str, *, where: str) -> StateSnapshot | None:
        """Parse a state file; None for an empty one.

        Parameters
        ----------
        where
            Path or URI of the file, for the error message.

        Raises
        ------
        Problem
            When the text is not a Terraform state.
        """
        if not text.strip():
            return None
        try:
            state = parse_object(text)
            managed = [resource for resource in state["resources"] if resource.get("mode") == "managed"]
            count = sum(len(resource.get("instances", ())) for resource in managed)
            return cls(text, str(state["lineage"]), int(state["serial"]), count)
        except (ValueError, OverflowError, KeyError, TypeError, AttributeError) as error:
            raise Problem(
                f"{where} is no Terraform state ({str(error)[:200]}).",
                "Bring an earlier version of it back (`aws s3api list-object-versions`), or name another --state.",
                code=ErrorCode.STATE_UNUSABLE,
            ) from error


def choose_action(
    source_state: StateSnapshot | None, target_state: StateSnapshot | None, *, source: str, target: str
) -> MoveAction:
    """Decide how one root gets its state at the target.

    Parameters
    ----------
    source_state, target_state
        The states that lie at the present location and at the new one.
    source, target
        Labels of both locations, for the error message.

    Raises
    ------
    Problem
        When the target holds a different state, and the source's would be lost.
    """
    if source_state is None:
        return "begin" if target_state is None else "join"
    if target_state is None:
        return "move"
    if source_state.lineage == target_state.lineage:
        return "move" if source_state.serial > target_state.serial else "join"
    if source_state.resource_count == 0:
        return "join"
    raise Problem(
        f"{target} holds the state of another platform ({target_state.resource_count} resources); the one on {source} "
        f"has {source_state.resource_count} and would be lost.",
        "Name another place with --state, or bring up a platform of another name with --name.",
        code=ErrorCode.STATE_UNUSABLE,
    )

"""A platform's folder on this machine: the code, variables and state of both Terraform roots."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.options import PlatformOptions
from opsctl.core.platform.provider_lock import LOCK_FILE, ProviderLock
from opsctl.core.platform.state_document import parse_state
from opsctl.core.platform.state_location import BACKEND_FILE
from opsctl.core.record import RecordReader
from opsctl.home import Home
from opsctl.terraform.binary import Binary
from opsctl.terraform.interrupts import Interrupts
from opsctl.terraform.provider import is_unpacked
from opsctl.terraform.root import Root
from opsctl.whole_file import write_whole

_MIN_FREE_BYTES = 100_000_000
#: The size of the unpacked AWS provider.
_PROVIDER_BYTES = 800_000_000

_PENDING_UP = RecordReader(dict[str, Any], hint="", version=None)


@dataclass(frozen=True)
class TerraformWorkspace:
    """The two Terraform roots of one platform.

    Attributes
    ----------
    storage
        The root that outlives the platform; only `down --everything` touches it.
    platform
        The root that `up` creates and `down` destroys.
    interrupts
        Counts Ctrl-C for both roots.
    """

    storage: Root
    platform: Root
    interrupts: Interrupts = field(default_factory=Interrupts)

    @property
    def roots(self) -> tuple[Root, Root]:
        """The storage root and the platform root."""
        return self.storage, self.platform


def open_workspace(
    home: Home, *, name: str, binary: Binary, environment: Mapping[str, str], interrupts: Interrupts | None = None
) -> TerraformWorkspace:
    """The roots in a platform's folder."""
    code = home.platform_dir(name) / "terraform"
    shared = interrupts or Interrupts()

    def root(root_name: str) -> Root:
        return Root(root_name, folder=code / root_name, binary=binary, environment=environment, interrupts=shared)

    return TerraformWorkspace(storage=root("storage"), platform=root("platform"), interrupts=shared)


def ensure_room(home: Home, *, mirror: Path | None) -> None:
    """Check that the state, and the provider if it must be unpacked, fit on the disk.

    Raises
    ------
    Problem
        When the disk lacks room.
    """
    is_linked = mirror is not None and is_unpacked(mirror)
    has_provider = any(home.path.glob("platforms/*/terraform/storage/.terraform/providers/*/*/aws/*/*"))
    needed = _MIN_FREE_BYTES + (0 if is_linked or has_provider else _PROVIDER_BYTES)
    free = shutil.disk_usage(home.path).free
    if free < needed:
        raise Problem(
            f"The disk that holds {home.path} has {free // 1_000_000} MB left, and {needed // 1_000_000} MB are needed "
            "for Terraform's state and provider.",
            "Free some space, or set OPSCTL_HOME to a folder on another disk.",
            code=ErrorCode.DISK_FULL,
        )


def save_pending_up(home: Home, options: PlatformOptions) -> None:
    """Save the options of an `up` until it has finished: the next `up` continues with them."""
    home.write(_pending_up(home, options.name), json.dumps(options.non_defaults))


def clear_pending_up(home: Home, *, name: str) -> None:
    """Remove the saved options, and the mark of an earlier `down`: the `up` has finished."""
    _pending_up(home, name).unlink(missing_ok=True)
    _pending_down(home, name).unlink(missing_ok=True)


def mark_pending_down(home: Home, *, name: str) -> None:
    """Mark that a `down` has begun; `Home.forget` removes the mark when nothing is left."""
    home.write(_pending_down(home, name), "")


def has_pending_down(home: Home, *, name: str) -> bool:
    """Whether a `down` has begun and has not come to its end."""
    return _pending_down(home, name).exists()


def has_pending_up(home: Home, *, name: str) -> bool:
    """Whether an `up` has begun and has not come to its end."""
    return _pending_up(home, name).exists()


def pending_up_options(home: Home, *, name: str) -> dict[str, Any] | None:
    """The options of an `up` that did not finish, or None."""
    path = _pending_up(home, name)
    with suppress(FileNotFoundError, Problem):
        return _PENDING_UP.decode(path.read_bytes(), str(path))
    return None


def _pending_up(home: Home, name: str) -> Path:
    return home.platform_dir(name) / "pending-up.json"


def _pending_down(home: Home, name: str) -> Path:
    return home.platform_dir(name) / "pending-down"


def lay_out_code(home: Home, *, name: str, source: Path) -> None:
    """Copy this version's Terraform code and locks into a platform's folder; states and installed providers are kept.

    Terraform writes beside its code, and the folder of an installed opsctl may be read-only.
    """
    target = home.make(home.platform_dir(name) / "terraform")
    for module in target.glob("modules/*"):
        shutil.rmtree(module)
    for old in target.glob("*/*.tf"):
        old.unlink()
    shutil.copytree(
        source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("tests", ".terraform*", "*.tfstate*", "*.md")
    )
    for lock in source.glob(f"*/{LOCK_FILE}"):
        _lay_out_lock(lock, target / lock.relative_to(source))


def _lay_out_lock(shipped: Path, target: Path) -> None:
    """Copy a root's lock file, unless the one that is there only has more checksums: this machine's own, of `init`."""
    lock = ProviderLock.parse(shipped.read_text())
    if not (target.exists() and ProviderLock.parse(target.read_text(errors="replace")).extends(lock)):
        write_whole(target, shipped.read_bytes())


def forget_platform_state(home: Home, *, name: str) -> None:
    """Delete the platform root's state: the local platform's process, which held the resources, has ended."""
    for state in (home.platform_dir(name) / "terraform" / "platform").glob("terraform.tfstate*"):
        state.unlink()


def forget_local_repository(home: Home, *, name: str) -> None:
    """Remove the image repository from the storage root's state: the local platform's process has ended, which held it.

    Terraform would find it gone, and `up` would report a change by hand.
    """
    path = home.platform_dir(name) / "terraform" / "storage" / "terraform.tfstate"
    try:
        state = parse_state(path.read_bytes())
    except (OSError, ValueError):
        # Not there, or damaged: whoever reads it says so.
        return
    resources = state.get("resources", [])
    kept = [resource for resource in resources if resource["type"] != "aws_ecr_repository"]
    if len(kept) < len(resources):
        write_whole(path, json.dumps({**state, "resources": kept, "serial": state.get("serial", 0) + 1}, indent=2))


def has_platform_state(home: Home, *, name: str) -> bool:
    """Whether the platform root has a state, on this machine or at the location that its backend file names."""
    folder = home.platform_dir(name) / "terraform" / "platform"
    return any((folder / file).exists() for file in ("terraform.tfstate", BACKEND_FILE))


def has_storage_state(home: Home, *, name: str) -> bool:
    """Whether the storage root has a state, on this machine or at the location that its backend file names."""
    folder = home.platform_dir(name) / "terraform" / "storage"
    return any((folder / file).exists() for file in ("terraform.tfstate", BACKEND_FILE))

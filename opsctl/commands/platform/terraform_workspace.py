"""A platform's folder on this machine: Terraform's code, variables and state, for both roots."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsctl.core.errors import Problem
from opsctl.core.platform.options import PlatformOptions
from opsctl.core.platform.state_location import BACKEND_FILE
from opsctl.home import Home
from opsctl.terraform.binary import Binary
from opsctl.terraform.interrupts import Interrupts
from opsctl.terraform.provider import is_unpacked
from opsctl.terraform.root import Root

_LEAST_FREE_BYTES = 100_000_000
#: The AWS provider, unpacked.
_PROVIDER_BYTES = 800_000_000


@dataclass(frozen=True)
class TerraformWorkspace:
    """The two roots of one platform.

    Attributes
    ----------
    storage
        Outlives the platform; `down` never touches it.
    platform
        Comes and goes.
    interrupts
        Counts Ctrl-C for both.
    """

    storage: Root
    platform: Root
    interrupts: Interrupts = field(default_factory=Interrupts)

    @property
    def roots(self) -> tuple[Root, Root]:
        """Both."""
        return self.storage, self.platform


def open_workspace(
    home: Home, *, name: str, binary: Binary, environment: Mapping[str, str], interrupts: Interrupts | None = None
) -> TerraformWorkspace:
    """The roots as they lie in a platform's folder."""
    code = home.platform_dir(name) / "terraform"
    shared = interrupts or Interrupts()

    def root(which: str) -> Root:
        return Root(which, folder=code / which, binary=binary, environment=environment, interrupts=shared)

    return TerraformWorkspace(storage=root("storage"), platform=root("platform"), interrupts=shared)


def ensure_room(home: Home, *, mirror: Path | None) -> None:
    """See that the state, and the provider where it must be unpacked, fit on the disk.

    Raises
    ------
    Problem
        Before anything is made.
    """
    is_linked = mirror is not None and is_unpacked(mirror)
    has_provider = any(home.path.glob("platforms/*/terraform/storage/.terraform/providers/*/*/aws/*/*"))
    needed = _LEAST_FREE_BYTES + (0 if is_linked or has_provider else _PROVIDER_BYTES)
    free = shutil.disk_usage(home.path).free
    if free < needed:
        raise Problem(
            f"The disk that holds {home.path} has {free // 1_000_000} MB left, and {needed // 1_000_000} MB are needed "
            "for Terraform's state and provider.",
            "Free some space, or set OPSCTL_HOME to a folder on another disk.",
        )


def save_pending_up(home: Home, options: PlatformOptions) -> None:
    """Remember what is being made until it is made: the next `up` goes on with the same options."""
    home.write(_pending_up(home, options.name), json.dumps(options.non_defaults))


def clear_pending_up(home: Home, *, name: str) -> None:
    """What was begun is made, or taken down."""
    _pending_up(home, name).unlink(missing_ok=True)


def pending_up_options(home: Home, *, name: str) -> dict[str, Any] | None:
    """The options of an `up` that has not come to its end, or None."""
    with suppress(FileNotFoundError, ValueError):
        options: dict[str, Any] = json.loads(_pending_up(home, name).read_text())
        return options
    return None


def _pending_up(home: Home, name: str) -> Path:
    return home.platform_dir(name) / "pending-up.json"


def lay_out_code(home: Home, *, name: str, source: Path) -> None:
    """Bring this version's Terraform code into a platform's folder; states and installed providers stay as they are.

    Terraform writes beside its code, which in an installed opsctl belongs to the system.
    """
    target = home.make(home.platform_dir(name) / "terraform")
    for module in target.glob("modules/*"):
        shutil.rmtree(module)
    for old in target.glob("*/*.tf"):
        old.unlink()
    shutil.copytree(
        source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("tests", ".terraform*", "*.tfstate*", "*.md")
    )


def forget_platform_state(home: Home, *, name: str) -> None:
    """Drop the platform root's state: it spoke of a local platform that has ended with all it held in memory."""
    for state in (home.platform_dir(name) / "terraform" / "platform").glob("terraform.tfstate*"):
        state.unlink()


def has_platform_state(home: Home, *, name: str) -> bool:
    """Whether an apply of the platform root has recorded anything, here or, as far as is known, elsewhere."""
    folder = home.platform_dir(name) / "terraform" / "platform"
    return any((folder / file).exists() for file in ("terraform.tfstate", BACKEND_FILE))

"""The platforms that this machine knows: from its own files, without a call to AWS."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from opsctl.commands.platform.remembered_platform import remember_platform
from opsctl.commands.platform.terraform_workspace import has_pending_down, has_platform_state, has_storage_state
from opsctl.commands.runs.completion_cache import CompletionReader
from opsctl.home import Home

SCHEMA_VERSION = 1

#: `up`: this machine brought it up and has not taken it down. `stopped`: a local platform whose process has ended.
#: `unfinished`: an `up` or `down` was interrupted. `down`: taken down, its data kept.
PlatformState = Literal["up", "stopped", "unfinished", "down"]


@dataclass(frozen=True, kw_only=True)
class KnownPlatform:
    """One platform.

    Attributes
    ----------
    region, account_id, data_bucket
        None where this machine does not know them.
    last_up
        When `opsctl up` of this machine last finished, ISO 8601, UTC; None where it is not up.
    last_run
        The newest run that a command of this machine has seen; None where it has seen none.
    is_current
        Whether commands use it that name no other.
    """

    name: str
    is_local: bool
    region: str | None
    account_id: str | None
    data_bucket: str | None
    state: PlatformState
    last_up: str | None
    last_run: str | None
    is_current: bool

    def as_json(self) -> dict[str, Any]:
        """An element of `platforms` in `platforms --json`."""
        return asdict(self)


def known_platforms(home: Home, *, current: str | None, is_server_running: Callable[[], bool]) -> list[KnownPlatform]:
    """List the platforms with a record or a Terraform state on this machine, by name.

    Parameters
    ----------
    current
        The name of the platform that commands use.
    is_server_running
        Tells whether the local platforms' process runs.
    """
    folders = (folder.name for folder in home.path.glob("platforms/*"))
    names = sorted({*home.known(), *(name for name in folders if _has_state(home, name))})
    return [_known(home, name, is_current=name == current, is_server_running=is_server_running) for name in names]


def _known(home: Home, name: str, *, is_current: bool, is_server_running: Callable[[], bool]) -> KnownPlatform:
    remembered = remember_platform(home, name)
    last_up = None
    with suppress(OSError):
        seconds = (home.platform_dir(name) / "record.json").stat().st_mtime
        last_up = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    state: PlatformState
    if has_pending_down(home, name=name):
        # The record stays until everything is removed.
        state = "unfinished"
    elif last_up is None:
        # The state of a platform that is down stays, without resources.
        state = "unfinished" if (home.platform_dir(name) / "pending-up.json").exists() else "down"
    else:
        state = "stopped" if remembered.is_local and not is_server_running() else "up"
    bucket = remembered.data_bucket
    runs = CompletionReader(home.cache, bucket).runs() if bucket else []
    return KnownPlatform(
        name=name,
        is_local=remembered.is_local,
        region=remembered.region,
        account_id=remembered.account_id,
        data_bucket=bucket,
        state=state,
        last_up=last_up,
        last_run=runs[-1] if runs else None,
        is_current=is_current,
    )


def _has_state(home: Home, name: str) -> bool:
    return has_platform_state(home, name=name) or has_storage_state(home, name=name)

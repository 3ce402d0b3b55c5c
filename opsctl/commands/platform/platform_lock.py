"""The lock that lets one opsctl at a time change a platform, and the wait for a Terraform of an earlier one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from opsctl.core.errors import ErrorCode, Interrupted, Problem
from opsctl.core.foreign_json import parse
from opsctl.home import Home
from opsctl.lock_file import LockFile, LockOwner
from opsctl.terraform.process import running_terraform
from opsctl.whole_file import write_whole

_POLL_SECONDS = 0.5


@contextmanager
def platform_lock(
    home: Home, name: str, *, verb: str, say: Callable[[str], None], sleep: Callable[[float], None]
) -> Iterator[None]:
    """Hold the lock on a platform's folder while the block runs.

    Parameters
    ----------
    verb
        The verb that holds the lock, such as `up`.
    say
        Called with a sentence for the user about what it waits for.

    Raises
    ------
    Problem
        When another opsctl holds the lock: which, and since when.
    Interrupted
        After Ctrl-C during the wait for a Terraform that an earlier opsctl has left running.
    """
    lock = LockFile(home.make(home.platform_dir(name)) / "lock.json")
    if not lock.acquire():
        raise _busy(name, lock.read_owner())
    try:
        lock.write_owner(LockOwner.now(os.getpid(), verb))
        for root in ("storage", "platform"):
            folder = home.platform_dir(name) / "terraform" / root
            _wait_for_terraform(folder, say=say, sleep=sleep)
            _restore_backup(folder, say=say)
        yield
    finally:
        lock.release()


def _wait_for_terraform(folder: Path, *, say: Callable[[str], None], sleep: Callable[[float], None]) -> None:
    owner = running_terraform(folder)
    if owner is None:
        return
    process = "" if owner.pid is None else f" (process {owner.pid})"
    say(
        f"Terraform{process} of an earlier command has been at work on the {folder.name} "
        f"since {owner.began}: waiting until it has ended. Ctrl-C stops waiting."
    )
    is_told = False
    try:
        while running_terraform(folder) is not None:
            if owner.is_stopped and not is_told:
                is_told = True
                say(f"It is stopped. In another window, let it go on: kill -CONT {owner.pid}")
            sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped waiting. Terraform{process} goes on and saves its state.",
            "Type the same command once it has ended.",
        ) from None
    say("It has ended.")


def _restore_backup(folder: Path, *, say: Callable[[str], None]) -> None:
    """Restore the state's backup if Terraform was killed while it wrote the state, which it empties first."""
    state, backup = folder / "terraform.tfstate", folder / "terraform.tfstate.backup"
    if not state.exists() or _is_complete(state) or not _is_complete(backup):
        return
    write_whole(state, backup.read_bytes())
    say("Terraform was killed while it saved its state: the one before it is taken.")


def _is_complete(state: Path) -> bool:
    try:
        return bool(parse(state.read_text()))
    except (OSError, ValueError):
        return False


def _busy(name: str, owner: LockOwner | None) -> Problem:
    if owner is None:
        return Problem(
            f"Another opsctl is at work on the platform {name}.",
            "Wait until it has ended.",
            code=ErrorCode.PLATFORM_BUSY,
        )
    if owner.is_stopped:
        return Problem(
            f"opsctl {owner.verb} (process {owner.pid}), at work on the platform {name} since {owner.began}, is"
            " stopped.",
            f"Let it go on (`fg` in its window, or `kill -CONT {owner.pid}`), and wait until it has ended.",
            code=ErrorCode.PLATFORM_BUSY,
        )
    return Problem(
        f"opsctl {owner.verb} (process {owner.pid}) has been at work on the platform {name} since {owner.began}.",
        "Wait until it has ended, or stop it with Ctrl-C in its window; then type the same command.",
        code=ErrorCode.PLATFORM_BUSY,
    )

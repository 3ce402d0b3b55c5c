"""One piece of work on a platform at a time: who else is at it, and what an earlier one has left running."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from opsctl.core.errors import Interrupted, Problem
from opsctl.home import Home
from opsctl.lock_file import LockFile, LockOwner
from opsctl.terraform.process import running_terraform
from opsctl.whole_file import write_whole

_LOOK_SECONDS = 0.5


@contextmanager
def platform_lock(
    home: Home, name: str, *, verb: str, say: Callable[[str], None], sleep: Callable[[float], None]
) -> Iterator[None]:
    """Have a platform's folder to oneself while the block lasts.

    Parameters
    ----------
    say
        Tells the person what is waited for.

    Raises
    ------
    Problem
        Where another opsctl is at work on it: who, and since when.
    Interrupted
        After Ctrl-C while it waits for a Terraform that an earlier opsctl has left.
    """
    lock = LockFile(home.make(home.platform_dir(name)) / "lock.json")
    if not lock.take():
        raise _busy(name, lock.holder())
    try:
        lock.sign(LockOwner.now(os.getpid(), verb))
        for root in ("storage", "platform"):
            _wait(home, name, root, say=say, sleep=sleep)
            _restore_backup(home.platform_dir(name) / "terraform" / root, say=say)
        yield
    finally:
        lock.let_go()


def _wait(home: Home, name: str, root: str, *, say: Callable[[str], None], sleep: Callable[[float], None]) -> None:
    folder = home.platform_dir(name) / "terraform" / root
    worker = running_terraform(folder)
    if worker is None:
        return
    say(
        f"Terraform (process {worker.pid}) of an earlier command has been at work on the {root} since {worker.began}: "
        "waiting until it has ended. Ctrl-C stops waiting."
    )
    try:
        while running_terraform(folder) is not None:
            sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped waiting. Terraform (process {worker.pid}) goes on and saves its state.",
            "Type the same command once it has ended.",
        ) from None
    say("It has ended.")


def _restore_backup(folder: Path, *, say: Callable[[str], None]) -> None:
    """Take the state before the last one where Terraform was killed while it wrote: it empties the file first."""
    state, backup = folder / "terraform.tfstate", folder / "terraform.tfstate.backup"
    if not state.exists() or _is_whole(state) or not _is_whole(backup):
        return
    write_whole(state, backup.read_bytes())
    say("Terraform was killed while it saved its state: the one before it is taken.")


def _is_whole(state: Path) -> bool:
    try:
        return bool(json.loads(state.read_text()))
    except (OSError, ValueError):
        return False


def _busy(name: str, worker: LockOwner | None) -> Problem:
    if worker is None:
        return Problem(f"Another opsctl is at work on the platform {name}.", "Wait until it has ended.")
    return Problem(
        f"`opsctl {worker.verb}` (process {worker.pid}) has been at work on the platform {name} since {worker.began}.",
        "Wait until it has ended, or stop it with Ctrl-C in its window; then type the same command.",
    )

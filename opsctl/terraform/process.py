"""Run Terraform as a process that finishes and saves its state even when opsctl is killed.

It runs in a session of its own, where the terminal's Ctrl-C does not reach it, and writes its output to files, so that
it does not need a reader. When opsctl is killed, Terraform goes on, and the next opsctl waits for it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from opsctl.core.errors import Interrupted, PlatformBusy, Problem, StillRunning, write_error_code
from opsctl.lock_file import LockFile, LockOwner
from opsctl.terraform.interrupts import Interrupts

_LOCK = "terraform.lock"
_POLL_SECONDS = 0.1
#: Reserved on the disk during an apply or destroy, and freed when the disk runs full, so that the state can be saved.
#: Terraform's state of a platform has some 100 kB, and it is written twice.
_RESERVE_BYTES = 8_000_000
_MIN_FREE_BYTES = 2_000_000

#: Between fork and exec a child holds every file of this process, also the lock of the other root. Released at that
#: moment, that lock would still seem taken.
_FORKING = threading.Lock()

_STOPPING = (
    "Stopping: Terraform finishes what it has begun and saves its state (up to a minute). Ctrl-C again stops at once."
)
#: Commands that write nothing which another one needs: they are ended at once. Each else finishes what it has begun.
_HARMLESS = ("init", "plan", "show")
_GRACE_SECONDS = 0.5


@dataclass(frozen=True)
class CommandResult:
    """The result of a command.

    Attributes
    ----------
    code
        The exit code; negative when a signal ended the process.
    log
        The file with its output; its standard error is in a file beside it.
    ran_full
        Whether it was stopped because the disk ran full.
    """

    code: int
    log: Path
    disk_was_full: bool = False

    @property
    def output(self) -> str:
        """Its standard output."""
        return self.log.read_text(errors="replace")

    @property
    def errors(self) -> str:
        """Its standard error."""
        return self.log.with_suffix(".err").read_text(errors="replace")


class TerraformProcess:
    """Runs the Terraform commands of one root, one at a time.

    Parameters
    ----------
    folder
        The root's folder; the output of the commands is kept in `log/` there.
    interrupts
        Shared by roots that run in parallel.
    """

    def __init__(self, folder: Path, *, environment: Mapping[str, str], interrupts: Interrupts) -> None:
        self._folder = folder
        self._environment = dict(environment)
        self._interrupts = interrupts

    def log(self, verb: str) -> Path:
        """The file with the output of the last command of this verb."""
        return self._folder / "log" / f"{verb}.out"

    def run(
        self,
        command: Sequence[str],
        *,
        on_line: Callable[[str], None] = lambda _: None,
        makes: bool = False,
        holds_no_lock: bool = False,
    ) -> CommandResult:
        """Run a command to its end.

        Parameters
        ----------
        on_line
            Called with each line of the output while the command runs.
        makes
            Whether it creates or removes resources: then it must save its state.
        holds_no_lock
            Whether the state is locked by no file that the command alone removes: then a plan ends within a second.

        Raises
        ------
        Interrupted
            After Ctrl-C, once Terraform has ended, or has been left running.
        PlatformBusy
            When another Terraform works in this folder.
        Problem
            When Terraform cannot be started.
        """
        if self._interrupts.count:
            raise self._stopped_before()
        self._interrupts.has_changed |= makes
        lock = LockFile(self._folder / _LOCK)
        can_kill = holds_no_lock and command[1] in _HARMLESS
        try:
            self.log(command[1]).parent.mkdir(exist_ok=True, mode=0o700)
            if not lock.acquire():
                raise _busy(lock.read_owner())
            with _ReservedSpace(self._folder, is_reserved=makes) as reserve, self._interrupts.counting():
                # If opsctl is killed before it knows the number, the file must not name the last Terraform's.
                lock.write_owner(LockOwner.now(None, command[1]))
                process = self._start(command, lock)
                lock.write_owner(LockOwner.now(process.pid, command[1]))
                self._follow(process, self.log(command[1]), on_line, reserve, can_kill=can_kill)
        except OSError as error:
            raise Problem(
                f"Terraform cannot work in {self._folder} ({error.strerror}).",
                "Is the disk full, or not writable?",
                code=write_error_code(error),
            ) from error
        finally:
            with _FORKING:
                lock.release()
        if self._interrupts.count:
            raise _stopped(process, command[1]) if makes else self._stopped_before()
        return CommandResult(process.returncode, self.log(command[1]), reserve.is_freed)

    def _stopped_before(self) -> Interrupted:
        """The interruption of a command that changes nothing, or that had not begun."""
        if self._interrupts.has_changed:
            return Interrupted("Stopped.", "Type the same command: it goes on from there.")
        return Interrupted("Stopped. Nothing was changed.")

    def _start(self, command: Sequence[str], lock: LockFile) -> subprocess.Popen[bytes]:
        log = self.log(command[1])
        with _private_file(log) as output, _private_file(log.with_suffix(".err")) as errors, _FORKING:
            return subprocess.Popen(
                command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
                # Its state and plans hold what is private, and it would create them with the user's umask.
                umask=0o077,
                pass_fds=[lock.descriptor],
            )

    def _follow(
        self,
        process: subprocess.Popen[bytes],
        log: Path,
        on_line: Callable[[str], None],
        reserve: _ReservedSpace,
        *,
        can_kill: bool,
    ) -> None:
        """Pass on each line, and one Ctrl-C to the process, until it ends or a second Ctrl-C leaves it running."""
        interrupted_at: float | None = None
        with log.open("rb") as output:
            pending = b""
            while True:
                has_ended = process.poll() is not None
                *lines, pending = (pending + output.read()).split(b"\n")
                for line in lines:
                    on_line(line.decode(errors="replace"))
                if has_ended or self._interrupts.count > 1:
                    # A second signal would end Terraform while it writes its state, so it gets none.
                    return
                if reserve.is_needed:
                    reserve.free()
                    process.send_signal(signal.SIGINT)
                if can_kill and interrupted_at is not None and time.monotonic() > interrupted_at + _GRACE_SECONDS:
                    # Its providers are in its session, and Terraform itself takes seconds to stop them.
                    os.killpg(process.pid, signal.SIGKILL)
                if self._interrupts.count and interrupted_at is None:
                    interrupted_at = time.monotonic()
                    process.send_signal(signal.SIGINT)
                    self._interrupts.tell(_STOPPING if reserve.is_reserved else "Stopping.")
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL_SECONDS)


def running_terraform(folder: Path) -> LockOwner | None:
    """The Terraform that still runs in a root's folder after its opsctl has ended, or None.

    If Terraform itself was killed, the provider that it left running is killed too.
    """
    lock = LockFile(folder / _LOCK)
    if not (folder / _LOCK).exists():
        return None
    if lock.acquire():
        lock.release()
        return None
    owner = lock.read_owner()
    if owner is not None and owner.pid is not None and not owner.is_alive:
        # The lock is held, so a process of its session still runs, and the session's number is not reused.
        with suppress(ProcessLookupError):
            os.killpg(owner.pid, signal.SIGKILL)
    return owner


class _ReservedSpace:
    """A file that is deleted when the disk runs full, so that Terraform can still save its state."""

    def __init__(self, folder: Path, *, is_reserved: bool) -> None:
        self.is_reserved = is_reserved
        self.is_freed = False
        self._path = folder / "reserve"

    def __enter__(self) -> _ReservedSpace:
        if self.is_reserved:
            self._path.write_bytes(bytes(_RESERVE_BYTES))
        return self

    def __exit__(self, *_: object) -> None:
        self._path.unlink(missing_ok=True)

    @property
    def is_needed(self) -> bool:
        """Whether the disk is about to run full."""
        if not self.is_reserved or self.is_freed:
            return False
        return shutil.disk_usage(self._path.parent).free < _MIN_FREE_BYTES

    def free(self) -> None:
        """Delete the file."""
        self._path.unlink(missing_ok=True)
        self.is_freed = True


def _private_file(path: Path) -> IO[bytes]:
    """An empty file that only its owner can read, opened for writing."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb")


def _busy(owner: LockOwner | None) -> PlatformBusy:
    process = f"process {owner.pid}, " if owner and owner.pid is not None else ""
    who = f" ({process}`terraform {owner.verb}`) since {owner.began}" if owner else ""
    return PlatformBusy(f"Terraform is already at work on this platform{who}.", "Wait until it has ended.")


def _stopped(process: subprocess.Popen[bytes], verb: str) -> Interrupted:
    if process.returncode is None:
        return StillRunning(
            f"Stopped at once. Terraform (process {process.pid}) still ends what it has begun and saves its state.",
            "The next `opsctl up` or `opsctl down` waits for it.",
        )
    if verb == "destroy":
        return Interrupted("Stopped. Terraform has saved what is left.", "`opsctl down` goes on from there.")
    return Interrupted(
        "Stopped. Terraform has saved what it had made.",
        "`opsctl up` goes on from there; `opsctl down` removes it.",
    )

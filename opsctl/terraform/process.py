"""Terraform as a process that opsctl follows, but does not hold: it comes to its end and saves its state in any case.

It runs in a session of its own, where the terminal's Ctrl-C does not reach it, and writes to files, which take its
words though nobody reads them any more. When opsctl is killed Terraform goes on; the next opsctl meets it here.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from opsctl.lock_file import LockOwner, LockFile
from opsctl.core.errors import PlatformBusy, Interrupted, Problem, StillRunning
from opsctl.terraform.interrupts import Interrupts

_LOCK = "terraform.lock"
_LOOK_SECONDS = 0.1
#: Kept on the disk while something is being made, and given back when the disk runs full, so that the state can be
#: saved. Terraform's state of a platform has some 100 kB, and it is written twice.
_RESERVE_BYTES = 8_000_000
_LEAST_FREE_BYTES = 2_000_000

#: A child that has been forked and is not Terraform yet holds every file of this process, also the lock of the root
#: that works beside its own: let go meanwhile, that lock would still seem taken.
_FORKING = threading.Lock()

_STOPPING = (
    "Stopping: Terraform finishes what it has begun and saves its state (up to a minute). Ctrl-C again stops at once."
)
_GO_ON = "`opsctl up` goes on from there; `opsctl down` removes it."


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes
    ----------
    log
        What it said; its standard error lies beside it.
    ran_full
        Whether it was stopped because the disk ran full.
    """

    code: int
    log: Path
    ran_full: bool = False

    @property
    def output(self) -> str:
        """What it said."""
        return self.log.read_text(errors="replace")

    @property
    def errors(self) -> str:
        """What it said on standard error."""
        return self.log.with_suffix(".err").read_text(errors="replace")


class TerraformProcess:
    """Runs one root's commands, one at a time.

    Parameters
    ----------
    folder
        The root's; what Terraform says stays in `log/` there.
    interrupts
        Shared by roots that work side by side.
    """

    def __init__(self, folder: Path, *, environment: Mapping[str, str], interrupts: Interrupts) -> None:
        self._folder = folder
        self._environment = dict(environment)
        self._interrupts = interrupts

    def log(self, verb: str) -> Path:
        """What the last command of this verb printed."""
        return self._folder / "log" / f"{verb}.out"

    def run(
        self, command: Sequence[str], *, on_line: Callable[[str], None] = lambda _: None, makes: bool = False
    ) -> Ended:
        """Run a command to its end.

        Parameters
        ----------
        on_line
            Told each line while it runs.
        makes
            Whether it makes or removes anything, so that its end matters.

        Raises
        ------
        Interrupted
            After Ctrl-C, once Terraform has ended, or is left to itself.
        Problem
            Where it cannot be started, or another one is at work here.
        """
        lock = LockFile(self._folder / _LOCK)
        try:
            self.log(command[1]).parent.mkdir(exist_ok=True, mode=0o700)
            if not lock.take():
                raise _busy(lock.holder())
            with _ReservedSpace(self._folder, is_kept=makes) as reserve, self._interrupts.counting():
                process = self._started(command, lock)
                lock.sign(LockOwner.now(process.pid, command[1]))
                self._follow(process, self.log(command[1]), on_line, reserve)
        except OSError as error:
            raise Problem(
                f"Terraform cannot work in {self._folder} ({error.strerror}).", "Is the disk full, or not writable?"
            ) from error
        finally:
            with _FORKING:
                lock.let_go()
        if self._interrupts.count:
            raise _stopped(process, makes=makes)
        return Ended(process.returncode, self.log(command[1]), reserve.is_gone)

    def _started(self, command: Sequence[str], lock: LockFile) -> subprocess.Popen[bytes]:
        log = self.log(command[1])
        with _private(log) as output, _private(log.with_suffix(".err")) as errors, _FORKING:
            return subprocess.Popen(
                command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
                pass_fds=[lock.descriptor],
            )

    def _follow(
        self, process: subprocess.Popen[bytes], log: Path, on_line: Callable[[str], None], reserve: _ReservedSpace
    ) -> None:
        """Hand each line on as it comes, and each Ctrl-C to the process, until it ends or is left to itself."""
        is_told = False
        with log.open("rb") as written:
            pending = b""
            while True:
                has_ended = process.poll() is not None
                *lines, pending = (pending + written.read()).split(b"\n")
                for line in lines:
                    on_line(line.decode(errors="replace"))
                if has_ended or self._interrupts.count > 1:
                    # A second signal would end Terraform in the middle of a line of its state: it ends by itself.
                    return
                if reserve.is_needed:
                    reserve.give_back()
                    process.send_signal(signal.SIGINT)
                if self._interrupts.count and not is_told:
                    is_told = True
                    process.send_signal(signal.SIGINT)
                    self._interrupts.tell(_STOPPING if reserve.is_kept else "Stopping.")
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_SECONDS)


def running_terraform(folder: Path) -> LockOwner | None:
    """A Terraform that has outlived the opsctl which started it and is still at work in a root's folder.

    What a killed Terraform has left running (its provider) does no more good, and is ended.
    """
    lock = LockFile(folder / _LOCK)
    if not (folder / _LOCK).exists():
        return None
    if lock.take():
        lock.let_go()
        return None
    worker = lock.holder()
    if worker is not None and not worker.is_alive:
        # Its session keeps its number as long as anything runs in it, and something does: the lock is held.
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
    return worker


class _ReservedSpace:
    """A file that is given back when the disk runs full, so that Terraform can still save its state."""

    def __init__(self, folder: Path, *, is_kept: bool) -> None:
        self.is_kept = is_kept
        self.is_gone = False
        self._path = folder / "reserve"

    def __enter__(self) -> _ReservedSpace:
        if self.is_kept:
            self._path.write_bytes(bytes(_RESERVE_BYTES))
        return self

    def __exit__(self, *_: object) -> None:
        self._path.unlink(missing_ok=True)

    @property
    def is_needed(self) -> bool:
        """Whether the disk is about to run full."""
        if not self.is_kept or self.is_gone:
            return False
        return shutil.disk_usage(self._path.parent).free < _LEAST_FREE_BYTES

    def give_back(self) -> None:
        """Make room."""
        self._path.unlink(missing_ok=True)
        self.is_gone = True


def _private(path: Path) -> IO[bytes]:
    """A file for its owner only, empty."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb")


def _busy(worker: LockOwner | None) -> PlatformBusy:
    who = f" (process {worker.pid}, `terraform {worker.verb}`) since {worker.began}" if worker else ""
    return PlatformBusy(f"Terraform is already at work on this platform{who}.", "Wait until it has ended.")


def _stopped(process: subprocess.Popen[bytes], *, makes: bool) -> Interrupted:
    if not makes:
        return Interrupted("Stopped. Nothing was changed.")
    if process.returncode is None:
        return StillRunning(
            f"Stopped at once. Terraform (process {process.pid}) still ends what it has begun and saves its state.",
            "The next `opsctl up` or `opsctl down` waits for it.",
        )
    return Interrupted("Stopped. Terraform has saved what it had made.", _GO_ON)

"""A user's machine: runs commands, which are killed at chosen instants."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sightings import Instant, Sightings

from opsctl.local.control import python_path

_MOST_SECONDS = 300.0
_INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR")


@dataclass(frozen=True)
class Typed:
    """The outcome of a command.

    Attributes
    ----------
    code
        Its exit code; -9 when it was killed.
    """

    args: tuple[str, ...]
    code: int
    out: str
    err: str
    seconds: float

    @property
    def is_killed(self) -> bool:
        """Whether it was killed."""
        return self.code == -signal.SIGKILL

    @property
    def is_bug(self) -> bool:
        """Whether it ended with a traceback or an unexpected exit code, or did not end."""
        return self.code not in (0, 1, -signal.SIGKILL) or "Traceback" in self.err


class Laptop:
    """An OPSCTL_HOME and the program, through the proxy.

    Parameters
    ----------
    sightings
        Tells when an instant has come.
    """

    def __init__(self, name: str, home: Path, *, sightings: Sightings) -> None:
        self.name = name
        self.home = home
        self.history: list[Typed] = []
        self._sightings = sightings
        self._running: set[subprocess.Popen[bytes]] = set()
        self._count = 0

    def type(self, *args: str, kill_at: Instant | float | None = None) -> Typed:
        """Run a command to its end, or kill it.

        Parameters
        ----------
        args
            The arguments of `opsctl`.
        kill_at
            An instant, or seconds after the start. The command may end before.
        """
        self._count += 1
        paths = [self.home / f"{self._count:04d}-{threading.get_ident()}.{end}" for end in ("out", "err")]
        with paths[0].open("wb") as out, paths[1].open("wb") as err:
            started = time.monotonic()
            process = subprocess.Popen(
                [sys.executable, "-m", "opsctl", *args],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=self.home,
                env=self._environment(),
                start_new_session=True,
            )
            self._running.add(process)
            try:
                code = self._wait(process, kill_at)
            finally:
                self._kill(process)
                process.wait()
                self._running.discard(process)
            seconds = time.monotonic() - started
        texts = [path.read_text(errors="replace") for path in paths]
        for path in paths:
            path.unlink()
        typed = Typed(args, code, texts[0], texts[1], seconds)
        self.history.append(typed)
        return typed

    def _wait(self, process: subprocess.Popen[bytes], kill_at: Instant | float | None) -> int:
        timer = None
        if isinstance(kill_at, Instant):
            self._sightings.at(kill_at, lambda _: self._kill(process))
        elif kill_at is not None:
            timer = threading.Timer(kill_at, self._kill, (process,))
            timer.start()
        try:
            return process.wait(_MOST_SECONDS)
        except subprocess.TimeoutExpired:
            return 124
        finally:
            if timer is not None:
                timer.cancel()
                timer.join()
            if isinstance(kill_at, Instant):
                self._sightings.forget(kill_at)

    @staticmethod
    def _kill(process: subprocess.Popen[bytes]) -> None:
        # It has not been waited for, so no other process can have its id.
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _environment(self) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        own = {
            "OPSCTL_HOME": str(self.home),
            "HOME": str(self.home.parent),
            "NO_COLOR": "1",
            "PYTHONPATH": python_path(),
        }
        own["OPSCTL_CONFIG"] = os.devnull
        return {**inherited, **own}

    def end(self) -> None:
        """Kill the commands that still run."""
        for process in list(self._running):
            self._kill(process)

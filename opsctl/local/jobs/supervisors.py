"""The processes that run attempts for the server: a supervisor of its own for one attempt, or a preloaded one."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol, cast

from opsctl.local.batch.scheduler import CannotStart


class Supervisor(Protocol):
    """What runs one attempt. One thread calls `wait`; any thread may call `stop`.

    Attributes
    ----------
    output
        The job's standard output and error; it ends when the job has ended.
    """

    output: IO[bytes]

    def stop(self) -> None:
        """Send SIGTERM to the job's process group."""

    def kill(self) -> None:
        """Kill all processes of the job, also where somebody has stopped the supervisor."""

    def has_ended(self) -> bool:
        """Whether the job has ended; its output may still be open on another process."""

    def wait(self) -> int:
        """Wait until the job has ended, and return its exit code, -N after signal N."""


class OwnSupervisor:
    """A supervisor that is started for one attempt; closing its standard input, the lifeline, ends the job.

    Parameters
    ----------
    program
        The supervisor's file and its arguments.
    folder
        The attempt's existing folder.

    Raises
    ------
    opsctl.local.batch.scheduler.CannotStart
        When the supervisor cannot be started.
    """

    def __init__(self, program: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", *program],
                stdin=lifeline,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            os.close(self._lifeline)
            # ValueError: a NUL in an argument or a variable.
            raise _cannot_start(error) from error
        finally:
            os.close(lifeline)
        self.output = cast("IO[bytes]", self._process.stdout)

    def stop(self) -> None:
        """Send SIGTERM, which the supervisor passes on."""
        # Its id cannot belong to another process before `wait` has reaped it.
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Close the lifeline: the supervisor then kills every process of the job."""
        self._close_lifeline()
        # A supervisor that somebody has stopped would not see it.
        self._process.send_signal(signal.SIGCONT)

    def has_ended(self) -> bool:
        """Whether the supervisor has ended, and the job with it."""
        return self._process.poll() is not None

    def wait(self) -> int:
        """Wait for the supervisor, whose exit code is the job's."""
        code = self._process.wait()
        self._close_lifeline()
        self.output.close()
        return code

    def _close_lifeline(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1


class PreloadedSupervisors:
    """Supervisors that have imported the job runner already (`preloaded_supervisor`), one for each attempt at a time.

    The import takes ten times as long as everything else that starting a job takes.

    Parameters
    ----------
    environment
        Of the supervisors themselves; each job gets its own.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._idle: list[_Preloaded] = []
        # They would end by themselves, but after the server.
        atexit.register(self._close)

    def start(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Supervisor:
        """Start an attempt.

        Parameters
        ----------
        arguments
            Of the job runner.
        folder
            The attempt's existing folder.
        environment
            All variables of the job.

        Raises
        ------
        opsctl.local.batch.scheduler.CannotStart
            When no supervisor can be started, or a variable cannot be one.
        """
        try:
            _check(arguments, environment)
            order = json.dumps({"arguments": list(arguments), "folder": str(folder), "environment": dict(environment)})
            return self._begin(order.encode())
        except (OSError, ValueError) as error:
            raise _cannot_start(error) from error

    def _begin(self, order: bytes) -> Supervisor:
        while True:
            idle = self._take()
            supervisor = idle or _Preloaded(self._environment)
            try:
                return _PreloadedAttempt(self, supervisor, order)
            except OSError:
                # One that was killed meanwhile has closed its end.
                supervisor.close()
                if idle is None:
                    raise

    def _take(self) -> _Preloaded | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def give_back(self, supervisor: _Preloaded) -> None:
        """Keep a supervisor whose job has ended for the next one."""
        with self._lock:
            self._idle.append(supervisor)

    def _close(self) -> None:
        while (idle := self._take()) is not None:
            idle.close()


class _Preloaded:
    """A running supervisor, and this end of its standard input. It ends when this end is closed."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.connection, supervisor_end = socket.socketpair()
        try:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-P", "-m", "opsctl.local.jobs.preloaded_supervisor"],
                stdin=supervisor_end.fileno(),
                stdout=subprocess.DEVNULL,
                cwd="/",
                env=environment,
                start_new_session=True,
            )
        except OSError:
            self.connection.close()
            raise
        finally:
            supervisor_end.close()

    def close(self) -> int:
        """End it, and return its exit code."""
        self.connection.close()
        return self.process.wait()


class _PreloadedAttempt:
    """One attempt in a preloaded supervisor. `OSError`: the supervisor has ended."""

    def __init__(self, supervisors: PreloadedSupervisors, supervisor: _Preloaded, order: bytes) -> None:
        self._supervisors, self._supervisor = supervisors, supervisor
        self._lock = threading.Lock()
        self._is_over = False
        read_end, write_end = os.pipe()
        self.output: IO[bytes] = open(read_end, "rb", buffering=0)  # noqa: PTH123, SIM115  closed by `wait`
        try:
            connection = supervisor.connection
            socket.send_fds(connection, [b"J"], [write_end])
            connection.sendall(len(order).to_bytes(8, "big") + order)
        except OSError:
            self.output.close()
            raise
        finally:
            os.close(write_end)

    def stop(self) -> None:
        """Ask the supervisor to send SIGTERM."""
        # After the end of this attempt the supervisor may have another one.
        with self._lock, suppress(OSError):
            if not self._is_over:
                self._supervisor.connection.sendall(b"T")

    def kill(self) -> None:
        """End the supervisor, which then kills every process of the job."""
        with suppress(OSError):
            self._supervisor.connection.shutdown(socket.SHUT_WR)
        self._supervisor.process.send_signal(signal.SIGCONT)

    def has_ended(self) -> bool:
        """Whether the supervisor has sent the exit code, or has ended itself."""
        return bool(select.select([self._supervisor.connection], [], [], 0)[0])

    def wait(self) -> int:
        """Wait for the exit code, and keep the supervisor for the next attempt."""
        reply = b""
        with suppress(ConnectionError):
            reply = self._supervisor.connection.recv(1)
        with self._lock:
            self._is_over = True
        self.output.close()
        if not reply:
            return self._supervisor.close()
        self._supervisors.give_back(self._supervisor)
        return reply[0]


def _check(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Refuse what `subprocess` refuses."""
    if any("\0" in text for text in (*arguments, *environment, *environment.values())):
        raise ValueError("embedded null byte")
    if any("=" in name or not name for name in environment):
        raise ValueError("illegal environment variable name")


def _cannot_start(error: Exception) -> CannotStart:
    reason = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
    return CannotStart(f"CannotStartContainerError: {reason}")

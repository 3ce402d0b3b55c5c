"""Start, find and stop the local platform's server. Every command calls this, so neither moto nor flask is imported."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import site
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from opsctl.core.errors import ErrorCode, Problem, write_error_code
from opsctl.core.foreign_json import parse_object
from opsctl.local.files import Files as Files
from opsctl.local.identity import is_server
from opsctl.local.key import make_key, read_key
from opsctl.loopback import ensure_loopback

#: The setting `notify` as a variable.
NOTIFY_VARIABLE = "OPSCTL_NOTIFY"
_START_SECONDS = 60.0
_POLL_SECONDS = 0.05
_DYING_SECONDS = 2.0
_PIDS = range(1, 2**31)
_PORTS = range(1, 2**16)
_LOG_BYTES = 5_000_000
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Containers:
    """The container engine that runs the jobs.

    Parameters
    ----------
    name
        `docker` or `podman`.
    command
        The path of its program.
    limits
        What it can limit on this machine: `memory`, `cpu`, `pids`.
    """

    name: str
    command: str
    limits: tuple[str, ...] = ()

    @classmethod
    def parse(cls, fields: Mapping[str, Any]) -> Containers:
        """Read the dictionary that `asdict` makes."""
        return cls(fields["name"], fields["command"], tuple(fields["limits"]))


@dataclass(frozen=True)
class LocalServer:
    """A running server.

    Parameters
    ----------
    pid
        Its process id.
    port
        Its port on 127.0.0.1.
    endpoint_url
        The value for AWS_ENDPOINT_URL.
    started_at
        ISO 8601, UTC.
    home
        OPSCTL_HOME.
    token
        Proves that it is this server (`opsctl.local.identity`).
    containers
        The engine that runs its jobs; None: jobs are processes of this machine.
    """

    pid: int
    port: int
    endpoint_url: str
    started_at: str
    home: Path
    token: str = field(repr=False)
    containers: Containers | None = None

    @property
    def credentials(self) -> dict[str, str]:
        """The key that its requests must carry."""
        return credentials(self.home)


def python_path() -> str:
    """Return the PYTHONPATH that `python -m opsctl…` needs: empty if opsctl is installed, else the checkout."""
    installed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), site.getusersitepackages()}
    return "" if str(_PACKAGE_ROOT) in {str(Path(path).resolve()) for path in installed} else str(_PACKAGE_ROOT)


def start(
    home: Path,
    *,
    slots: int | None = None,
    entrypoint: Sequence[str] | None = None,
    stop_grace_seconds: float | None = None,
    containers: Containers | None = None,
    program: Sequence[str] = (sys.executable, "-m", "opsctl.local.server"),
) -> LocalServer:
    """Start the server, or return the running one. It keeps running when this process and its terminal have ended.

    Parameters
    ----------
    home
        OPSCTL_HOME.
    slots
        How many jobs run at once; the number of cores by default. A running server keeps its number.
    entrypoint
        Comes before each job's `command`; the job runner by default.
    stop_grace_seconds
        Between SIGTERM and SIGKILL of a job; 30 by default.
    containers
        The engine that runs the jobs; None: processes of this machine.
    program
        The server's command, which takes the options of `opsctl.local.server`.

    Raises
    ------
    Problem
        When the extra `local` is not installed, the server did not start (with the last line of its log), or the
        running one uses another engine.
    """
    # Here, as it reads the metadata of packages, which most commands need not.
    from opsctl.installation import ensure_extra

    ensure_extra("local")
    files = Files(home.expanduser().resolve())
    try:
        for folder in (files.home, files.folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.folder.chmod(0o700)
        make_key(files.key)
    except OSError as error:
        raise Problem(
            f"{files.folder} cannot be made: {error.strerror}.",
            "Set OPSCTL_HOME to a folder of yours.",
            code=write_error_code(error),
        ) from None
    with _locked(files.lock("start")):
        running = find(home)
        if running is not None:
            if containers is not None:
                refuse_other_engine(running, containers.name)
            return running
        command = [*program, "--home", str(files.home)]
        for option, value in (("--slots", slots), ("--stop-grace-seconds", stop_grace_seconds)):
            command += [option, str(value)] if value is not None else []
        command += ["--entrypoint", json.dumps(list(entrypoint))] if entrypoint is not None else []
        command += ["--containers", json.dumps(asdict(containers))] if containers is not None else []
        ensure_loopback()
        return _spawn(files, command)


def credentials(home: Path) -> dict[str, str]:
    """Return the key of a home's local platform, as the environment variables of the AWS SDKs.

    Raises
    ------
    Problem
        When there is no key, or it is not this user's alone.
    """
    try:
        return read_key(Files(home.expanduser().resolve()).key)
    except OSError as error:
        raise Problem(
            f"{error.filename}, the local platform's key, cannot be read ({error.strerror}).",
            "`opsctl up --local` makes one if it is gone.",
            code=ErrorCode.FILE_UNREADABLE,
        ) from error


def refuse_other_engine(running: LocalServer, engine: str | None) -> None:
    """Refuse another engine than the running server's.

    Parameters
    ----------
    engine
        The requested engine's name, or None for processes.

    Raises
    ------
    Problem
        When the server's is another.
    """
    current = running.containers.name if running.containers is not None else None
    if current != engine:
        how = f"in containers of {current}" if current else "as processes"
        raise Problem(
            f"The local platform runs already, its jobs {how}.",
            f"First `opsctl down` (the data stays), then `opsctl up --local --engine {engine or 'default'}`.",
            code=ErrorCode.PLATFORM_EXISTS,
        )


def find(home: Path) -> LocalServer | None:
    """Return the running server, or None. Its token tells it from a process that has its id or its port.

    Raises
    ------
    Problem
        When its process runs and does not answer: it still has the data, so it must not pass for ended.
    """
    files = Files(home.expanduser().resolve())
    server = _answering(files)
    if server is None and (pid := _silent_pid(files)) is not None:
        raise Problem(
            f"The local platform does not answer: its process {pid} is stopped or busy.",
            f"Let it go on (`kill -CONT {pid}`), or end it (`kill -KILL {pid}`): then `opsctl up --local` brings it "
            "back, with its data.",
            code=ErrorCode.PLATFORM_BUSY,
        )
    return server


def _silent_pid(files: Files) -> int | None:
    """The process of a server that holds the server's lock and does not answer, or None."""
    # A process that was killed holds its lock until its last thread has ended.
    deadline = time.monotonic() + _DYING_SECONDS
    while True:
        try:
            pid = int(parse_object(files.record.read_text())["pid"])
            with files.lock("server").open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
        except BlockingIOError:
            if pid not in _PIDS or not _alive(pid):
                return None
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return None
        if time.monotonic() >= deadline:
            return pid
        time.sleep(_POLL_SECONDS)


def _answering(files: Files) -> LocalServer | None:
    try:
        record = parse_object(files.record.read_text())
        server = LocalServer(
            pid=record["pid"],
            port=record["port"],
            endpoint_url=f"http://127.0.0.1:{record['port']}",
            started_at=record["started_at"],
            home=files.home,
            token=record["token"],
            containers=Containers.parse(record["containers"]) if record.get("containers") else None,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None
    # Signals to 0 and negative numbers reach whole groups of processes.
    are_numbers = type(server.pid) is int and type(server.port) is int
    if not are_numbers or server.pid not in _PIDS or server.port not in _PORTS:
        return None
    return server if _runs(server) else None


def stop(server_or_home: LocalServer | Path, *, timeout_seconds: float = 60.0) -> None:
    """Stop the server and all running jobs, and wait until it has ended. If none runs, do nothing.

    Raises
    ------
    Problem
        When it has not ended in time.
    """
    server = find(server_or_home) if isinstance(server_or_home, Path) else server_or_home
    # Another process may have its id meanwhile: only a process that answers as this server gets the signal.
    if server is None or not _runs(server):
        return
    os.kill(server.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_seconds
    while _alive(server.pid):
        if time.monotonic() > deadline:
            raise Problem(
                f"The local platform (process {server.pid}) has not ended after {timeout_seconds:g} s.",
                "Its jobs may still be stopping: try again, or end the process yourself.",
                code=ErrorCode.PLATFORM_BUSY,
            )
        time.sleep(_POLL_SECONDS)


def _spawn(files: Files, command: Sequence[str]) -> LocalServer:
    if files.log.exists() and files.log.stat().st_size > _LOG_BYTES:
        files.log.replace(files.log.with_suffix(".log.old"))
    environment = dict(os.environ)
    # An address of messages is a secret of the shell's, which neither the server nor its jobs need.
    environment.pop(NOTIFY_VARIABLE, None)
    if root := python_path():
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH"))))
    with open(files.log, "ab", opener=_private) as log:
        log_start = log.tell()
        # A session of its own: neither Ctrl-C nor the end of the terminal reaches it.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=environment, start_new_session=True
        )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        server = _answering(files)
        if server is not None and server.pid == process.pid:
            return server
        time.sleep(_POLL_SECONDS)
    why = "it did not answer in time" if process.poll() is None else f"it ended with exit code {process.returncode}"
    if process.poll() is None:
        process.kill()
        process.wait()
    with files.log.open("rb") as log:
        log.seek(log_start)
        last_line = log.read().decode(errors="replace").strip().splitlines()[-1:]
    raise Problem(
        f"The local platform did not start: {why}. {''.join(last_line)}".strip(),
        f"See {files.log}",
        code=ErrorCode.PLATFORM_NOT_RUNNING,
    )


def _runs(server: LocalServer) -> bool:
    return _alive(server.pid) and is_server(server.port, server.token)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _alive(pid: int) -> bool:
    try:
        # An ended child of this process stays a zombie until it is waited for.
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with open(path, "w", opener=_private) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

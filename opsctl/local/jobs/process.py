"""One attempt of a job as processes of this machine: its folder, environment, log lines and outcome."""

from __future__ import annotations

import os
import select
import selectors
import shutil
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from opsctl.local.batch.job import Job, JobAttempt, now_ms
from opsctl.local.batch.retry import AttemptOutcome
from opsctl.local.batch.scheduler import CannotStart
from opsctl.local.jobs.log_lines import LineSplitter
from opsctl.local.jobs.supervisors import OwnSupervisor, PreloadedSupervisors, Supervisor
from opsctl.local.jobs.variables import batch_variables, log_refused_variables, memory_variable

if TYPE_CHECKING:
    from opsctl.local.logs import JobLog

_FLUSH_SECONDS = 0.1
#: A job may write each of its lines by itself. So many seconds of them are read at once, and have one time.
_GATHER_SECONDS = 0.01
_READ_BYTES = 65_536
_LAST_LINES = 4
_EXITED = "Essential container in task exited"
_SUPERVISOR = Path(__file__).with_name("process_supervisor.py")
# As in a container, a job sees little of this machine. TMPDIR and the certificates are what a site must set.
_INHERITED = (
    "PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE",
)  # fmt: skip
# Jobs already run in parallel, one a core: a library that used all cores in each would only slow them down.
ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
        "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
    ),
    "1",
)  # fmt: skip


@dataclass(frozen=True)
class ProcessSettings:
    """How jobs run as processes.

    Parameters
    ----------
    entrypoint
        Comes before each job's `command`, as an image's ENTRYPOINT does.
    jobs_dir
        Each attempt gets a folder in it, which is removed when the attempt ends.
    environment
        Variables that every job gets and no job definition can change (endpoint, search paths).
    stop_grace_seconds
        Between SIGTERM and SIGKILL; 30 on ECS.
    preloaded
        Supervisors that run the job runner in place of `entrypoint`; None: a supervisor for each attempt.
    """

    entrypoint: tuple[str, ...]
    jobs_dir: Path
    environment: Mapping[str, str]
    stop_grace_seconds: float = 30.0
    preloaded: PreloadedSupervisors | None = None


def start(
    job: Job, attempt: JobAttempt, log: JobLog | None, *, settings: ProcessSettings, credentials: Mapping[str, str]
) -> Process:
    """Start an attempt's process.

    Parameters
    ----------
    credentials
        Variables of this attempt only, which no job definition can change.

    Raises
    ------
    opsctl.local.batch.scheduler.CannotStart
        When its folder or its process cannot be created.
    """
    folder = work_dir(job, attempt, settings.jobs_dir)
    variables = {**batch_variables(job, attempt), **memory_variable(job), "OPSCTL_WORK_DIR": str(folder)}
    environment = {**inherited_variables(), **ONE_THREAD, **variables, **settings.environment, **credentials}
    log_refused_variables(job, environment, log)
    try:
        for name in ("input", "output"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"CannotStartContainerError: {error.strerror}: {error.filename}") from error
    arguments = list(command_arguments(job))
    if settings.preloaded is not None:
        supervisor = settings.preloaded.start(arguments, folder, environment)
    else:
        supervisor = OwnSupervisor([str(_SUPERVISOR), *settings.entrypoint, *arguments], folder, environment)
    return Process(supervisor, folder, log, job.request.timeout_seconds, settings.stop_grace_seconds)


def inherited_variables() -> dict[str, str]:
    """The variables of the server that every job has."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def work_dir(job: Job, attempt: JobAttempt, jobs_dir: Path) -> Path:
    """Return the attempt's folder on this machine."""
    # A child's id holds a colon, the separator of variables such as PATH.
    return jobs_dir / job.job_id.replace(":", "_") / f"attempt-{attempt.number}"


def command_arguments(job: Job) -> Iterator[str]:
    """Yield what follows the entrypoint: the job's command with its parameters filled in."""
    for argument in job.request.container.get("command") or ():
        for name, value in job.request.parameters.items():
            argument = argument.replace(f"Ref::{name}", value)
        yield argument


class Process:
    """A running attempt. One thread calls `wait`; any thread may call `stop` and `kill`."""

    def __init__(
        self,
        supervisor: Supervisor,
        work_dir: Path,
        log: JobLog | None,
        timeout_seconds: int | None,
        grace_seconds: float,
    ) -> None:
        self._supervisor = supervisor
        self._work_dir = work_dir
        self._log = log
        self._deadline = time.monotonic() + timeout_seconds if timeout_seconds is not None else None
        self._grace_seconds = grace_seconds
        self._kill_at: float | None = None
        self._timed_out = False
        self._last_lines: deque[str] = deque(maxlen=_LAST_LINES)

    @classmethod
    def launch(
        cls,
        program: Sequence[str],
        folder: Path,
        *,
        environment: Mapping[str, str],
        log: JobLog | None,
        timeout_seconds: int | None,
        grace_seconds: float,
    ) -> Self:
        """Start a supervisor of this package, for one attempt.

        Parameters
        ----------
        program
            The supervisor's file and its arguments.
        folder
            The attempt's existing folder; removed when the attempt ends.

        Raises
        ------
        opsctl.local.batch.scheduler.CannotStart
            When the supervisor cannot be started.
        """
        return cls(OwnSupervisor(program, folder, environment), folder, log, timeout_seconds, grace_seconds)

    def stop(self) -> None:
        """Send SIGTERM to the job's process group, and SIGKILL after the grace period."""
        if self._kill_at is None:
            self._kill_at = time.monotonic() + self._grace_seconds
            self._supervisor.stop()

    def kill(self) -> None:
        """Kill all its processes without SIGTERM, as the kernel or a lost host does. Returns before they have ended."""
        # Only noted here: the thread in `wait` does it.
        self._kill_at = time.monotonic()

    def wait(self) -> AttemptOutcome:
        """Write the lines to the log until the process has ended, and return the outcome."""
        splitter = LineSplitter()
        pending: list[tuple[int, str]] = []
        flushed_at = time.monotonic()
        output = self._supervisor.output.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while True:
                ready = selector.select(_FLUSH_SECONDS)
                data = os.read(output, _READ_BYTES) if ready else b""
                arrived_ms = now_ms()
                pending.extend((arrived_ms, line) for line in splitter.feed(data))
                now = time.monotonic()
                if now - flushed_at >= _FLUSH_SECONDS or (ready and not data):
                    self._write(pending)
                    flushed_at, pending = now, []
                self._enforce_limits(now)
                # The second condition: a process that has left the job may hold its output open.
                if (ready and not data) or (not ready and self._supervisor.has_ended()):
                    break
                if 0 < len(data) < _READ_BYTES:
                    # `time.sleep` ends with an error under the library with which tests set the clock.
                    select.select((), (), (), _GATHER_SECONDS)
        self._write([*pending, *((now_ms(), line) for line in splitter.rest())])
        return self._outcome()

    def _write(self, lines: list[tuple[int, str]]) -> None:
        self._last_lines.extend(line for _, line in lines[-_LAST_LINES:])
        if self._log is not None and lines:
            self._log.write(lines)

    def _enforce_limits(self, now: float) -> None:
        if self._deadline is not None and now >= self._deadline and self._kill_at is None:
            self._timed_out = True
            self.stop()
        if self._kill_at is not None and now >= self._kill_at:
            self._supervisor.kill()

    def _outcome(self) -> AttemptOutcome:
        code = self._supervisor.wait()
        shutil.rmtree(self._work_dir, ignore_errors=True)
        with suppress(OSError):
            self._work_dir.parent.rmdir()
        return AttemptOutcome(
            exit_code=code if code >= 0 else 128 - code,
            reason=None,
            status_reason="Job attempt duration exceeded timeout" if self._timed_out else _EXITED,
            timed_out=self._timed_out,
            stopped=self._kill_at is not None,
        )


def remove_leftovers(jobs_dir: Path) -> int:
    """Remove the job folders that a killed server has left, and return their number."""
    folders = list(jobs_dir.iterdir()) if jobs_dir.is_dir() else []
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return len(folders)

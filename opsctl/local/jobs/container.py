"""One attempt of a job as a confined container of Docker or Podman, removed when the attempt ends."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsctl.local.batch.job import Job, JobAttempt
from opsctl.local.batch.retry import AttemptOutcome
from opsctl.local.batch.scheduler import CannotStart
from opsctl.local.control import Containers
from opsctl.local.jobs.process import ONE_THREAD, Process, command_arguments, work_dir
from opsctl.local.jobs.variables import batch_variables, log_refused_variables

if TYPE_CHECKING:
    from opsctl.local.logs import JobLog

_SUPERVISOR = Path(__file__).with_name("container_supervisor.py")
_LABEL = "org.opsctl.home"
#: A proxy cannot reach this machine's 127.0.0.1. HOME is not set: as on ECS, the engine takes it from the image's user.
_VARIABLES = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
#: The engine's exit codes if the container could not be started. The job runner does not use them.
_NOT_STARTED = (125, 126, 127)
#: What Podman and Docker print about an image that this machine does not have.
_NO_IMAGE = re.compile(r"image not known|[Nn]o such image")
#: What Docker prints below its error.
_USAGE = re.compile(r"(Run|See) 'docker run --help'")
_LEFTOVERS_SECONDS = 60

#: The capabilities that Docker and Podman give to root by default, but for DAC_OVERRIDE: in Podman's containers `/` is
#: mode 0555, also for root, and m2g writes to `/`. They are dropped by name: with `--cap-add`, Podman would give the
#: capability to a user who is not root too, which ECS does not.
_DROPPED = (
    *("AUDIT_WRITE", "CHOWN", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID"),
    *("SETPCAP", "SETUID", "SYS_CHROOT"),
)
#: Options that confine every container. The user, the working directory and the root file system are the image's own,
#: as on AWS (terraform/modules/batch/job_definition.tf): m2g writes to paths outside its output folder that only root
#: may write to. So nothing of this machine is mounted, and nobody in the container can gain a capability.
#: `--network host`: the local platform listens on 127.0.0.1 only. No log driver: log lines name subjects, and the
#: engine's log would keep them.
CONFINED = (
    *("--rm", "--pull", "never", "--network", "host", "--log-driver", "none", "--security-opt", "no-new-privileges"),
    *(word for name in _DROPPED for word in ("--cap-drop", name)),
)
#: Processes and threads of one container; a program that starts them without end must not stop this machine.
PIDS_LIMIT = 4096


@dataclass(frozen=True)
class ContainerSettings:
    """How jobs run in containers.

    Parameters
    ----------
    containers
        The engine.
    home
        OPSCTL_HOME. Each container is labelled with its hash, so that the next server finds leftovers.
    jobs_dir
        Each attempt gets a folder in it, which is removed when the attempt ends.
    environment
        Variables that every job gets and no job definition can change (endpoint).
    stop_grace_seconds
        Between SIGTERM and SIGKILL; 30 on ECS.
    """

    containers: Containers
    home: Path
    jobs_dir: Path
    environment: Mapping[str, str]
    stop_grace_seconds: float = 30.0


class Container(Process):
    """A running container."""

    def wait(self) -> AttemptOutcome:
        """Write its lines to the log until it has ended, and return the outcome."""
        outcome = super().wait()
        if outcome.exit_code in _NOT_STARTED and not outcome.stopped:
            # ECS has pulled the image before it starts the container: an image that is missing is a failed pull.
            message = self._error()
            error = "CannotPullContainerError" if _NO_IMAGE.search(message) else "CannotStartContainerError"
            return AttemptOutcome.not_started(f"{error}: {message}")
        return outcome

    def _error(self) -> str:
        """The engine's error: its last line, without the hints below it."""
        lines = (line for line in reversed(self._last_lines) if line.strip() and not _USAGE.match(line))
        return next(lines, "")


def start(
    job: Job, attempt: JobAttempt, log: JobLog | None, *, settings: ContainerSettings, credentials: Mapping[str, str]
) -> Container:
    """Start an attempt's container.

    Parameters
    ----------
    credentials
        Variables of this attempt only, which no job definition can change.

    Raises
    ------
    opsctl.local.batch.scheduler.CannotStart
        When its variables cannot be passed on, or the engine cannot be started.
    """
    folder = work_dir(job, attempt, settings.jobs_dir)
    label = label_of(settings.home)
    name = f"opsctl-{label[:8]}-{job.job_id.replace(':', '-')}-{attempt.number}"
    defined = {**ONE_THREAD, **_VARIABLES, **batch_variables(job, attempt)}
    variables = {**defined, **settings.environment, **credentials}
    log_refused_variables(job, variables, log)
    arguments = [
        *("--name", name, "--label", f"{_LABEL}={label}", *CONFINED),
        *user_arguments(job.request.container),
        *limit_arguments(job.request.container.get("resourceRequirements") or (), settings.containers.limits),
        # Variables are not passed as arguments, which every user of this machine can read, and not in the engine's
        # environment, whose HOME and PATH are the engine's own.
        *("--env-file", str(_write_variables(folder, variables))),
        job.request.container["image"],
        *command_arguments(job),
    ]
    return Container.launch(
        [str(_SUPERVISOR), settings.containers.command, name, *arguments],
        folder,
        environment=os.environ,
        log=log,
        timeout_seconds=job.request.timeout_seconds,
        grace_seconds=settings.stop_grace_seconds,
    )


def user_arguments(container: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the engine's option for the user that a job definition names; without one the image's user is taken."""
    user = container.get("user")
    return ("--user", user) if user else ()


def limit_arguments(requirements: Sequence[Mapping[str, str]], limits: Sequence[str]) -> Iterator[str]:
    """Yield the engine's options for a job's limits: memory without swap and a share of the CPU, as ECS sets them, and
    the number of processes.

    Parameters
    ----------
    requirements
        The job's `resourceRequirements`.
    limits
        Which of `memory`, `cpu` and `pids` the engine can limit.
    """
    if "pids" in limits:
        yield from ("--pids-limit", str(PIDS_LIMIT))
    for need in requirements:
        if need["type"] == "MEMORY" and "memory" in limits:
            yield from ("--memory", f"{need['value']}m", "--memory-swap", f"{need['value']}m")
        elif need["type"] == "VCPU" and "cpu" in limits:
            yield from ("--cpu-shares", str(round(float(need["value"]) * 1024)))


def _write_variables(folder: Path, variables: Mapping[str, str]) -> Path:
    multiline = [name for name, value in variables.items() if "\n" in value or "\r" in value]
    if multiline:
        raise CannotStart(f"CannotStartContainerError: the value of {multiline[0]} has several lines")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "environment"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    except OSError as error:
        raise CannotStart(f"CannotStartContainerError: {error.strerror}: {error.filename}") from error
    return file


def label_of(home: Path) -> str:
    """Return the label of the containers of a home's servers: a hash, since the path may hold a person's name."""
    return hashlib.sha256(os.fsencode(home)).hexdigest()[:16]


def remove_leftovers(command: str, home: Path) -> int:
    """Remove the containers that a killed server of this home has left, and return their number.

    Raises
    ------
    OSError, subprocess.SubprocessError
        When the engine cannot be run, or does not answer.
    """

    def run(*arguments: str, check: bool) -> str:
        return subprocess.run(
            [command, *arguments], capture_output=True, text=True, timeout=_LEFTOVERS_SECONDS, check=check
        ).stdout

    containers = run("ps", "--all", "--quiet", "--filter", f"label={_LABEL}={label_of(home)}", check=True).split()
    for container in containers:
        run("kill", container, check=False)
        run("rm", "--force", "--volumes", container, check=False)
    return len(containers)

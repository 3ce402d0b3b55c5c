"""One attempt of a job as a container of Docker or Podman: of the job's image, closed in, and gone afterwards."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from opsctl.local.batch.job import Job, JobAttempt
from opsctl.local.batch.queue import CannotStart
from opsctl.local.batch.retry import AttemptOutcome
from opsctl.local.control import Containers
from opsctl.local.jobs.process import ONE_THREAD, Process, batch_variables, command_words, work_dir

if TYPE_CHECKING:
    from opsctl.local.logs import JobLog

_PROGRAM = Path(__file__).with_name("contain.py")
_LABEL = "org.opsctl.home"
#: Nobody of this machine, and not root: nothing of this machine is mounted, so it needs to own nothing either.
USER = "1000:1000"
#: The root is read-only and this user has no home in the image. A proxy never leads to this machine.
_VARIABLES = {"HOME": "/tmp", "USER": "m2g", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}  # noqa: S108
#: What the engine says with where it could not run the container at all. The job runner never does.
_NOT_STARTED = (125, 126, 127)
_LEFTOVERS_SECONDS = 60

#: What a container may, whatever it runs. `--network host`: the local platform listens on 127.0.0.1 alone. Volumes, not
#: tmpfs: m2g writes gigabytes, and memory is limited; without names they go with the container. No log of the engine's
#: own: lines name subjects, and a journal would keep them.
CONFINED = (
    *("--rm", "--pull", "never", "--network", "host", "--log-driver", "none"),
    *("--read-only", "--volume", "/tmp", "--volume", "/input", "--volume", "/output"),  # noqa: S108
    *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
)


@dataclass(frozen=True)
class ContainerSettings:
    """Where and how jobs run in containers.

    Parameters
    ----------
    containers
        The engine.
    home
        OPSCTL_HOME: each container is labelled with it, so that the next server finds what this one left.
    jobs_dir
        Each attempt gets a folder below it, removed at its end.
    environment
        Variables that every job sees and no definition changes (endpoint, credentials).
    stop_grace_seconds
        Between SIGTERM and SIGKILL; ECS waits 30.
    """

    containers: Containers
    home: Path
    jobs_dir: Path
    environment: Mapping[str, str]
    stop_grace_seconds: float = 30.0


class Container(Process):
    """A running container."""

    def wait(self) -> AttemptOutcome:
        """Carry its lines to the log until it has ended, and give how it did."""
        outcome = super().wait()
        if outcome.exit_code in _NOT_STARTED and not outcome.stopped:
            return AttemptOutcome(None, f"CannotStartContainerError: {self._last_line}", "Task failed to start")
        return outcome


def start(job: Job, attempt: JobAttempt, log: JobLog | None, *, place: ContainerSettings) -> Container:
    """Start an attempt's container.

    Raises
    ------
    opsctl.local.batch.queue.CannotStart
        When its variables cannot be handed over, or the engine cannot be run.
    """
    folder = work_dir(job, attempt, place.jobs_dir)
    label = label_of(place.home)
    name = f"opsctl-{label[:8]}-{job.job_id.replace(':', '-')}-{attempt.number}"
    variables = {**ONE_THREAD, **_VARIABLES, **batch_variables(job, attempt), **place.environment}
    words = [
        *("--name", name, "--label", f"{_LABEL}={label}", *CONFINED),
        *("--user", job.submission.container.get("user") or USER),
        *limit_words(job.submission.container.get("resourceRequirements") or (), place.containers.limits),
        # Neither in the arguments, which every user of this machine can read, nor in the engine's own environment,
        # where a job's HOME or PATH would be taken for the engine's.
        *("--env-file", str(_write_variables(folder, variables))),
        job.submission.container["image"],
        *command_words(job),
    ]
    return Container.launch(
        [str(_PROGRAM), place.containers.command, name, *words],
        folder,
        environment=os.environ,
        log=log,
        timeout_seconds=job.submission.timeout_seconds,
        grace_seconds=place.stop_grace_seconds,
    )


def limit_words(requirements: Sequence[Mapping[str, str]], limits: Sequence[str]) -> Iterator[str]:
    """The engine's words for what a job gets, as ECS gives it: memory to its last MiB without swap, CPU as a share.

    Parameters
    ----------
    requirements
        The job's `resourceRequirements`.
    limits
        Which of `memory` and `cpu` the engine can limit.
    """
    for need in requirements:
        if need["type"] == "MEMORY" and "memory" in limits:
            yield from ("--memory", f"{need['value']}m", "--memory-swap", f"{need['value']}m")
        elif need["type"] == "VCPU" and "cpu" in limits:
            yield from ("--cpu-shares", str(round(float(need["value"]) * 1024)))


def _write_variables(folder: Path, variables: Mapping[str, str]) -> Path:
    broken = [name for name, value in variables.items() if "\n" in value]
    if broken:
        raise CannotStart(f"CannotStartContainerError: the value of {broken[0]} has several lines")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "environment"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    except OSError as error:
        raise CannotStart(f"CannotStartContainerError: {error.strerror}: {error.filename}") from error
    return file


def label_of(home: Path) -> str:
    """What the containers of a home's servers are labelled with: paths may hold a person's name."""
    return hashlib.sha256(os.fsencode(home)).hexdigest()[:16]


def leftovers(command: str, home: Path) -> int:
    """Remove the containers that an earlier server of this home has left, and count them.

    Raises
    ------
    OSError, subprocess.SubprocessError
        When the engine is no longer there, or does not answer.
    """

    def ask(*words: str, check: bool) -> str:
        done = subprocess.run(
            [command, *words], capture_output=True, text=True, timeout=_LEFTOVERS_SECONDS, check=check
        )  # fmt: skip
        return done.stdout

    found = ask("ps", "--all", "--quiet", "--filter", f"label={_LABEL}={label_of(home)}", check=True).split()
    for one in found:
        ask("kill", one, check=False)
        ask("rm", "--force", "--volumes", one, check=False)
    return len(found)

"""How a server starts its jobs: as processes with the preview as their `m2g`, or in containers of their image."""

from __future__ import annotations

import json
import logging
import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from opsctl.assets import container_dir
from opsctl.core.platform.platform_name import LOCAL_REGION
from opsctl.local.batch.job import Job, JobAttempt
from opsctl.local.batch.retry import AttemptOutcome
from opsctl.local.batch.scheduler import Running
from opsctl.local.control import Containers, Files, python_path
from opsctl.local.jobs import container, process
from opsctl.local.jobs.supervisors import PreloadedSupervisors

if TYPE_CHECKING:
    from opsctl.local.logs import JobLog
    from opsctl.local.rights.attempt_rights import AttemptRights, RightsOfAttempts

_LOG = logging.getLogger("opsctl.local")
#: The user's AWS configuration must not reach a job: it may name endpoints, profiles or roles.
_AWS = {
    "AWS_DEFAULT_REGION": LOCAL_REGION,
    "AWS_REGION": LOCAL_REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


class Attempt:
    """A running attempt, whose rights end with it."""

    def __init__(self, running: Running, rights: AttemptRights, end: Callable[[AttemptRights], None]) -> None:
        self._running = running
        self._rights = rights
        self._end = end

    def wait(self) -> AttemptOutcome:
        """Wait until the attempt has ended, take its rights back, and return the outcome."""
        try:
            return self._running.wait()
        finally:
            self._end(self._rights)

    def stop(self) -> None:
        """Send SIGTERM, and SIGKILL after the grace period."""
        self._running.stop()

    def kill(self) -> None:
        """Kill all its processes without SIGTERM."""
        self._running.kill()


def attempt_starter(
    files: Files,
    *,
    endpoint_url: str,
    rights: RightsOfAttempts,
    stop_grace_seconds: float,
    containers: Containers | None = None,
    entrypoint: Sequence[str] | None = None,
) -> Callable[[Job, JobAttempt, JobLog | None], Running]:
    """Return the function that starts an attempt.

    Parameters
    ----------
    endpoint_url
        Where jobs find S3.
    rights
        Gives each attempt its keys.
    stop_grace_seconds
        Between SIGTERM and SIGKILL.
    containers
        The engine; None: processes of this machine.
    entrypoint
        Comes before the `command` of a job that is a process; the job runner by default. Ignored for containers.
    """
    environment = {**_AWS, "AWS_ENDPOINT_URL": endpoint_url}
    start_program: Callable[..., Running]
    if containers is not None:
        settings = container.ContainerSettings(containers, files.home, files.jobs, environment, stop_grace_seconds)
        start_program = partial(container.start, settings=settings)
    else:
        of_processes = _process_settings(files, environment, entrypoint, stop_grace_seconds)
        start_program = partial(process.start, settings=of_processes)

    def start(job: Job, attempt: JobAttempt, log: JobLog | None) -> Running:
        attempt_rights = rights.begin(job, attempt)
        try:
            running = start_program(job, attempt, log, credentials=attempt_rights.variables(endpoint_url))
        except BaseException:
            rights.end(attempt_rights)
            raise
        return Attempt(running, attempt_rights, rights.end)

    return start


def remove_leftovers(files: Files) -> int:
    """Remove the folders and containers that a killed server has left of its jobs, and return their number."""
    count = process.remove_leftovers(files.jobs)
    try:
        # Only a killed server leaves its record, which names the engine.
        engine = Containers.parse(json.loads(files.record.read_text())["containers"])
    except (OSError, ValueError, KeyError, TypeError):
        return count
    try:
        return count + container.remove_leftovers(engine.command, files.home)
    except (OSError, subprocess.SubprocessError) as error:
        _LOG.warning("the containers of the last server may be left: %s", error)
        return count


def _process_settings(
    files: Files, environment: Mapping[str, str], entrypoint: Sequence[str] | None, stop_grace_seconds: float
) -> process.ProcessSettings:
    _write_preview_command(files.bin)
    path = os.pathsep.join((str(files.bin), os.environ.get("PATH", os.defpath)))
    if entrypoint is not None:
        return process.ProcessSettings(tuple(entrypoint), files.jobs, {**environment, "PATH": path}, stop_grace_seconds)
    runner = {"PATH": path, "PYTHONPATH": str(container_dir())}
    command = (sys.executable, "-m", "m2g_job")
    packages = os.pathsep.join(filter(None, (python_path(), str(container_dir()))))
    preloaded = PreloadedSupervisors({**process.inherited_variables(), **environment, "PYTHONPATH": packages})
    return process.ProcessSettings(command, files.jobs, {**environment, **runner}, stop_grace_seconds, preloaded)


def _write_preview_command(folder: Path) -> None:
    """Write the `m2g` that comes first on the jobs' PATH: the preview, run by this Python."""
    folder.mkdir(exist_ok=True, mode=0o700)
    script = folder / "m2g"
    path = f"PYTHONPATH={shlex.quote(root)} " if (root := python_path()) else ""
    script.write_text(f'#!/bin/sh\n{path}exec {shlex.quote(sys.executable)} -m opsctl.local.preview "$@"\n')
    script.chmod(stat.S_IRWXU)

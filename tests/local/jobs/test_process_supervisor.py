"""No process of a job outlives the job or its supervisor, by the supervisor as the server really starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.local_servers import alive
from support.waiting import until

from opsctl.local.jobs import process_supervisor

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")

#: Writes its number into a file, which is complete as soon as it exists, and never ends.
WAIT = 'echo $$ > "$0.part"; mv "$0.part" "$0"; exec sleep 600'
#: Leaves the job's process group and its session, and loses its parent: what a daemon does.
DAEMON = f"import os; os.setsid(); os.fork() and os._exit(0); os.execv('/bin/sh', ['sh', '-c', {WAIT!r}, 'process'])"


class Job:
    """A supervisor with a job, which runs in a folder of its own."""

    def __init__(self, folder: Path, *command: str) -> None:
        self.file = folder / "process"
        self.supervisor = subprocess.Popen(
            [sys.executable, "-I", "-S", process_supervisor.__file__, *command],
            stdin=subprocess.PIPE,
            cwd=folder,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process that is to end, once it runs."""
        until(self.file.exists)
        return int(self.file.read_text())

    def close(self) -> None:
        """End what a broken supervisor has left."""
        for pid in (self.supervisor.pid, int(self.file.read_text()) if self.file.exists() else 0):
            with suppress(ProcessLookupError):
                if pid:
                    os.kill(pid, signal.SIGKILL)
        assert self.supervisor.stdin is not None
        self.supervisor.stdin.close()
        self.supervisor.wait()


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[list[Job]]:
    started: list[Job] = []
    yield started
    for job in started:
        job.close()


def start(jobs: list[Job], folder: Path, *command: str) -> Job:
    jobs.append(Job(folder, *command))
    return jobs[-1]


def test_a_job_ends_with_a_supervisor_that_is_killed(jobs: list[Job], tmp_path: Path) -> None:
    job = start(jobs, tmp_path, "/bin/sh", "-c", WAIT, "process")
    assert alive(job.pid)
    job.supervisor.kill()
    until(lambda: not alive(job.pid))


def test_a_daemon_of_a_job_ends_with_the_job(jobs: list[Job], tmp_path: Path) -> None:
    script = f'{sys.executable} -c "$1"; while [ ! -e process ]; do sleep 0.02; done; exit 3'
    job = start(jobs, tmp_path, "/bin/sh", "-c", script, "job", DAEMON)
    assert job.supervisor.wait(timeout=60) == 3
    # The supervisor has waited until there was none.
    assert not alive(job.pid)


def test_a_daemon_of_a_job_ends_with_the_server(jobs: list[Job], tmp_path: Path) -> None:
    job = start(jobs, tmp_path, "/bin/sh", "-c", f'{sys.executable} -c "$1"; sleep 600', "job", DAEMON)
    assert alive(job.pid)
    assert job.supervisor.stdin is not None
    job.supervisor.stdin.close()
    assert job.supervisor.wait(timeout=60) == 128 + signal.SIGKILL
    assert not alive(job.pid)

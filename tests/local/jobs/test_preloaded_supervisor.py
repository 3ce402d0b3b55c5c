"""Jobs in forks of a supervisor that has imported the job runner: each its own environment, output, signals and end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.local_servers import alive
from support.waiting import until

from opsctl.local.batch.scheduler import CannotStart
from opsctl.local.control import python_path
from opsctl.local.jobs.supervisors import PreloadedSupervisors, Supervisor

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")

#: In place of the job runner: runs the Python that is its argument.
RUNNER = "import sys\ndef main():\n    scope = {}\n    exec(sys.argv[1], scope)\n    return scope.get('code', 0)\n"
WHO = "import os, sys; print(os.getppid(), os.getcwd(), sorted(os.environ.items()), sys.argv[2:], flush=True)"
#: Becomes a daemon in a session of its own, and tells its number.
DAEMON = """
import os, time
told, tell = os.pipe()
if os.fork() == 0:
    os.setsid()
    print(os.getpid(), flush=True)
    os.write(tell, b"1")
    time.sleep(600)
os.read(told, 1)
"""
WAIT = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)"


class Jobs:
    """Starts jobs and kills those that are left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        package = folder / "packages" / "m2g_job"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(RUNNER)
        (package / "s3.py").write_text("def make_client():\n    pass\n")
        path = os.pathsep.join(filter(None, (python_path(), str(package.parent))))
        self.supervisors = PreloadedSupervisors({"PYTHONPATH": path})

    def start(self, code: str, *arguments: str, **variables: str) -> Supervisor:
        return self.supervisors.start([code, *arguments], self.folder, variables)

    def run(self, code: str, *arguments: str, **variables: str) -> tuple[int, str]:
        job = self.start(code, *arguments, **variables)
        said = job.output.read().decode()
        return job.wait(), said


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    jobs = Jobs(tmp_path_factory.mktemp("jobs"))
    yield jobs
    jobs.supervisors._close()


def line(job: Supervisor) -> int:
    """The number that a job has written first."""
    return int(job.output.readline())


def supervisor_of(job: Any) -> int:
    return job._supervisor.process.pid


def test_each_job_has_its_own_environment_and_no_other_jobs(jobs: Jobs) -> None:
    first = jobs.run(WHO, "a", AWS_SECRET_ACCESS_KEY="first", OPSCTL_A="1")
    second = jobs.run(WHO, "b", "c", OPSCTL_B="2")
    supervisor = first[1].split()[0]
    assert first == (0, f"{supervisor} {jobs.folder} [('AWS_SECRET_ACCESS_KEY', 'first'), ('OPSCTL_A', '1')] ['a']\n")
    assert second == (0, f"{supervisor} {jobs.folder} [('OPSCTL_B', '2')] ['b', 'c']\n")
    assert b"first" not in Path(f"/proc/{supervisor}/environ").read_bytes()


@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        ("code = 7", 7, ""),
        ("raise ValueError('a bug')", 1, "ValueError: a bug"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", 128 + signal.SIGSEGV, ""),
        ("import sys; print('out', flush=True); print('err', file=sys.stderr)", 0, "out\nerr\n"),
        ("import sys; sys.exit(0)", 1, "SystemExit"),
    ],
)
def test_a_jobs_exit_code_and_output_arrive(jobs: Jobs, code: str, exit_code: int, said: str) -> None:
    ended = jobs.run(code)
    assert ended[0] == exit_code
    assert said in ended[1]


def test_sigterm_reaches_the_job_that_it_is_for(jobs: Jobs) -> None:
    stopped = jobs.start(WAIT)
    line(stopped)
    stopped.stop()
    assert stopped.wait() == 128 + signal.SIGTERM
    gate = jobs.folder / "gate"
    running = jobs.start(
        f"import os, time\nprint(1, flush=True)\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)"
    )
    assert supervisor_of(running) == supervisor_of(stopped)
    line(running)
    # Its supervisor has the next job already.
    stopped.stop()
    gate.touch()
    assert running.wait() == 0


def test_a_daemon_ends_with_its_job(jobs: Jobs) -> None:
    job = jobs.start(DAEMON)
    daemon = line(job)
    assert job.wait() == 0
    assert not alive(daemon)


def test_a_job_and_its_daemon_end_when_the_server_lets_go(jobs: Jobs) -> None:
    job = jobs.start(DAEMON + "time.sleep(600)")
    daemon = line(job)
    # Stopped, it would not notice.
    os.kill(supervisor_of(job), signal.SIGSTOP)
    job.kill()
    assert job.wait() == 128 + signal.SIGKILL
    assert not alive(daemon)
    assert jobs.run("code = 3")[0] == 3


def test_a_job_ends_with_a_supervisor_that_is_killed(jobs: Jobs) -> None:
    job = jobs.start(WAIT)
    pid = line(job)
    os.kill(supervisor_of(job), signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL
    until(lambda: not alive(pid))


def test_a_supervisor_that_was_killed_between_two_jobs_is_replaced(jobs: Jobs) -> None:
    idle = jobs.start("")
    assert idle.wait() == 0
    os.kill(supervisor_of(idle), signal.SIGKILL)
    until(lambda: not alive(supervisor_of(idle)))
    assert jobs.run("code = 4")[0] == 4


@pytest.mark.parametrize(
    ("arguments", "variables"), [(("a\0",), {}), ((), {"A": "\0"}), ((), {"A=B": "1"}), ((), {"": "1"})]
)
def test_what_no_process_can_be_given_is_refused(
    jobs: Jobs, arguments: tuple[str, ...], variables: dict[str, str]
) -> None:
    with pytest.raises(CannotStart):
        jobs.start("", *arguments, **variables)

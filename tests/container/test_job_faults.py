"""S3 that does not answer, and a signal that ends the job."""

from __future__ import annotations

import re
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
from support.job_s3 import LocalS3, Request
from support.job_world import OUTPUT, RUN, World
from support.waiting import until

FAILURES = f"{RUN}/failures/00000"


def is_running(pid: int) -> bool:
    """Whether a process lives; a zombie that nobody has waited for does not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def hanging_child(output: str) -> int:
    match = re.search(r"hanging with child (\d+)", output)
    assert match
    return int(match.group(1))


@pytest.mark.parametrize("answer", [(503, "SlowDown"), (500, "InternalError"), (0, "closed")])
def test_an_s3_that_never_answers_is_a_passing_fault(world: World, s3: LocalS3, answer: tuple[int, str]) -> None:
    s3.rules.append(lambda request: answer if request.job else None)

    code, output = world.run()

    assert code == 75, output
    assert "opsctl: a passing fault, to be tried again: S3" in output
    assert "Traceback" not in output
    reads = [request for request in s3.requests if request.job and request.method == "GET"]
    assert len(reads) == 3, "the client's own retries come first"


def test_nobody_listening_is_a_passing_fault(world: World) -> None:
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        code, output = world.run(AWS_ENDPOINT_URL=f"http://127.0.0.1:{port.getsockname()[1]}")

    assert code == 75
    assert "EndpointConnectionError" in output


def test_faults_that_pass_are_survived(world: World, s3: LocalS3) -> None:
    failed: set[tuple[str, str, str]] = set()

    def every_first(request: Request) -> tuple[int, str] | None:
        what = (request.method, request.key, request.query)
        if not request.job or what in failed:
            return None
        failed.add(what)
        return (503, "SlowDown") if len(failed) % 2 else (0, "closed")

    s3.rules.append(every_first)

    code, output = world.run()

    assert code == 0, output
    assert len(world.files()) == len(world.keys(OUTPUT + "/")) == 9


def test_an_s3_that_fails_while_outputs_are_pushed_leaves_no_result(world: World, s3: LocalS3) -> None:
    s3.rules.append(lambda request: (503, "SlowDown") if request.key.startswith(OUTPUT + "/qa_d/") else None)
    code, output = world.run()
    assert code == 75, output
    assert world.keys(f"{RUN}/results/") == []

    s3.rules.clear()
    code, output = world.run(attempt=2)
    assert code == 0, output
    assert "taking the claim over from job job-a (attempt 1): it is this job's earlier attempt" in output
    assert world.result()["attempt"] == 2


def test_an_s3_that_refuses_the_outputs_is_no_passing_fault(world: World, s3: LocalS3) -> None:
    s3.rules.append(lambda request: (403, "AccessDenied") if request.key.startswith(OUTPUT) else None)
    code, output = world.run()

    assert code == 1, output
    assert "AccessDenied (403)" in world.result()["cause"]
    assert world.result()["cause_code"] == "s3_denied"


def test_sigterm_reaches_m2g_and_its_children_and_is_written_down(world: World) -> None:
    job = world.start(OPSCTL_FAKE_M2G="hang")
    job.wait_for("hanging with child")
    started = time.monotonic()
    job.process.send_signal(signal.SIGTERM)

    assert job.wait() == 143
    assert time.monotonic() - started < 15, "m2g ended by itself; nobody waited out its grace"
    assert not is_running(hanging_child(job.output))
    result = world.result()
    assert (result["status"], result["exit_code"]) == ("failed", 143)
    assert result["cause"] == "stopped by SIGTERM (Spot reclaim, a timeout, or a cancelled job)"
    assert f"{FAILURES}/attempt-1/m2g.log" in world.keys(FAILURES)


def test_an_m2g_that_is_deaf_to_sigterm_is_killed_in_time(world: World) -> None:
    from m2g_job import m2g
    from m2g_job.faults import Stopped
    from m2g_job.log import Log
    from m2g_job.stop import StopRequest

    class AlreadyRequested(StopRequest):
        received = property(lambda self: output_dir.exists() and "hanging" in log_path.read_text())  # type: ignore[assignment]

    output_dir, log_path = world.folder / "out", world.folder / "m2g.log"
    log_path.touch()
    pulled = world.run(OPSCTL_FAKE_M2G="exit-1")
    assert pulled[0] == 1
    command = m2g.command(
        world.scan["argv"], input_dir=str(world.folder / "work-job-a/input"), output_dir=str(output_dir)
    )
    command[0] = str(world.folder / "bin" / "m2g")
    with (world.folder / "log").open("wb") as stream, pytest.raises(Stopped):
        m2g.run(
            command,
            log=Log(stream),
            log_path=str(log_path),
            stop=AlreadyRequested(),
            variables={"PATH": "/usr/bin:/bin", "OPSCTL_FAKE_M2G": "hang-deaf"},
            grace_seconds=0.5,
        )
    child = hanging_child(log_path.read_text())
    until(lambda: not is_running(child))


def test_what_is_left_of_batchs_30_seconds_after_sigterm() -> None:
    from m2g_job import job, m2g, publication

    assert job.FORCED_EXIT_SECONDS + job.FORCED_EXIT_TIMEOUT_SECONDS <= 28
    assert m2g.GRACE_SECONDS + m2g.LAST_LINES_SECONDS <= job.FORCED_EXIT_SECONDS - 6, "for the logs and the result"
    assert publication.PUSH_GRACE_SECONDS <= job.FORCED_EXIT_SECONDS - 6
    assert m2g.GRACE_SECONDS + m2g.LAST_LINES_SECONDS < job.CONNECTOMES_GRACE_SECONDS < job.FORCED_EXIT_SECONDS


@pytest.mark.parametrize("place", ["HNU1/sub-0025427", OUTPUT, f"{RUN}/claims", f"{RUN}/results"])
def test_sigterm_while_s3_does_not_answer_ends_with_the_attempts_word(world: World, s3: LocalS3, place: str) -> None:
    s3.hold(lambda request: request.key.startswith(place) and request.method != "HEAD")
    patch = "import os, m2g_job.job as job, m2g_job.publication as publication\n"
    patch += "job.FORCED_EXIT_SECONDS = 3.0\npublication.PUSH_GRACE_SECONDS = 1.0\n"
    main = "from m2g_job.__main__ import main\nos._exit(main())"
    job = world.start(python=(sys.executable, "-c", patch + main))
    s3.holds[0].wait()
    started = time.monotonic()
    job.process.send_signal(signal.SIGTERM)

    assert job.wait() == 143, job.output
    assert time.monotonic() - started < 15
    assert (world.attempt()["exit_code"], world.attempt()["cause"][:18]) == (143, "stopped by SIGTERM")


def test_sigterm_while_a_download_hangs_still_leaves_a_result(world: World, s3: LocalS3) -> None:
    s3.hold(lambda request: request.method == "GET" and request.key.endswith("_dwi.nii.gz"))
    job = world.start()
    s3.holds[0].wait()
    started = time.monotonic()
    job.process.send_signal(signal.SIGTERM)

    assert job.wait() == 143
    assert time.monotonic() - started < 15, "nobody waits for the download"
    assert world.result()["cause"].startswith("stopped by SIGTERM")


def test_a_push_that_outlasts_its_grace_is_stopped_and_its_logs_kept(world: World, s3: LocalS3) -> None:
    push = s3.hold(lambda request: request.method == "PUT" and request.key.startswith(f"{OUTPUT}/dwi/"))
    patch = "import os, m2g_job.publication as publication\npublication.PUSH_GRACE_SECONDS = 0.0\n"
    main = "from m2g_job.__main__ import main\nos._exit(main())"
    job = world.start(python=(sys.executable, "-c", patch + main), OPSCTL_FAKE_M2G_FILES="60")
    push.wait(10)
    job.process.send_signal(signal.SIGTERM)
    until(lambda: _has_no_pending(job.process.pid))
    push.released.set()

    assert job.wait() == 143, job.output
    assert world.result()["cause"].startswith("stopped by SIGTERM")
    assert len(world.keys(OUTPUT + "/")) < 63, "outputs that no result lists"
    assert f"{FAILURES}/attempt-1/m2g.log" in world.keys(FAILURES)


def _has_no_pending(pid: int) -> bool:
    """Whether a process has taken every signal that it was sent."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return all(int(line.split()[1], 16) == 0 for line in lines if line.startswith(("SigPnd", "ShdPnd")))


def test_sigterm_while_inputs_are_pulled(world: World, s3: LocalS3) -> None:
    pull = s3.hold(lambda request: request.method == "GET" and request.key.endswith("_dwi.nii.gz"))
    job = world.start()
    pull.wait()
    job.process.send_signal(signal.SIGTERM)
    pull.released.set()

    assert job.wait() == 143
    assert "m2g runs" not in job.output
    assert world.result()["cause"].startswith("stopped by SIGTERM")


def test_sigterm_while_outputs_are_pushed_lets_the_push_end(world: World, s3: LocalS3) -> None:
    push = s3.hold(lambda request: request.method == "PUT" and request.key.startswith(OUTPUT))
    job = world.start(OPSCTL_FAKE_M2G_FILES="40")
    push.wait(16)
    job.process.send_signal(signal.SIGTERM)
    push.released.set()

    assert job.wait() == 0, job.output
    assert (world.result()["status"], len(world.files())) == ("succeeded", 46)

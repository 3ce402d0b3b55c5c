"""Each attempt leaves a record of its begin and its end on every road; a submission given up leaves nothing else."""

from __future__ import annotations

import re
import signal
import sys

import pytest
from support.job_s3 import LocalS3, Request
from support.job_world import BUCKET, OUTPUT, RUN, RUN_ID, World
from support.waiting import until

ABANDONED = f"{RUN}/abandoned/00000.json"
UTC = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


def is_record(request: Request) -> bool:
    return request.method == "PUT" and request.key.startswith(f"{RUN}/attempts/")


def test_the_record_stands_while_m2g_runs_and_says_the_end_afterwards(world: World) -> None:
    job = world.start(OPSCTL_FAKE_M2G="hang")
    job.wait_for("hanging with child")
    started = world.attempt()
    job.process.send_signal(signal.SIGTERM)
    assert job.wait() == 143

    assert UTC.match(started["started_at"])
    assert UTC.match(started["seen_at"])
    assert started == {
        "schema_version": 1,
        "run_id": RUN_ID,
        "index": 0,
        "scan": "",
        "job_id": "job-a",
        "attempt": 1,
        "started_at": started["started_at"],
        "seen_at": started["seen_at"],
        "stopped_at": None,
        "phase": None,
        "exit_code": None,
        "cause": "",
        "cause_code": "",
        "facts": {},
        "log_stream": "csa/default/job-a",
    }
    ended = world.attempt()
    assert UTC.match(ended["stopped_at"])
    assert ended == {
        **started,
        "scan": "sub-0025427/ses-1",
        "seen_at": ended["stopped_at"],
        "stopped_at": ended["stopped_at"],
        "exit_code": 143,
        "cause": world.result()["cause"],
        "cause_code": "stopped",
        "facts": {"signal": "SIGTERM"},
    }


def test_it_is_written_before_the_scan_is_looked_at_and_last_of_all(world: World, s3: LocalS3) -> None:
    assert world.run()[0] == 0

    requests = [request for request in s3.requests if request.job]
    assert is_record(requests[0])
    assert is_record(requests[-1])
    assert len([request for request in requests if is_record(request)]) == 2
    assert (world.attempt()["exit_code"], world.attempt()["cause"]) == (0, "")


def test_two_jobs_and_two_attempts_have_records_of_their_own(world: World) -> None:
    assert world.run(OPSCTL_FAKE_M2G="exit-1")[0] == 1
    assert world.run(attempt=2)[0] == 0
    assert world.run("job-b")[0] == 0

    assert len(world.keys(f"{RUN}/attempts/00000.")) == 3
    assert world.attempt()["cause"].endswith("RuntimeError: eddy did not converge")
    assert (world.attempt(attempt=2)["exit_code"], world.attempt(attempt=2)["cause"]) == (0, "")
    other = world.attempt("job-b")
    assert other["exit_code"] == 0
    assert other["cause"] == "job job-a (attempt 2) has published this scan's result; this job writes nothing"
    assert (other["cause_code"], other["facts"]) == ("already_published", {"job_id": "job-a", "attempt": 2})


def test_wrong_inputs_and_passing_faults_are_in_it(world: World, s3: LocalS3) -> None:
    s3.rules.append(lambda request: (503, "SlowDown") if request.key.startswith(OUTPUT) else None)
    assert world.run()[0] == 75
    record = world.attempt()
    assert (record["exit_code"], record["scan"]) == (75, "sub-0025427/ses-1")
    assert "SlowDown (503)" in record["cause"]
    assert (record["cause_code"], record["facts"]["http_status"]) == ("s3_unavailable", 503)
    assert world.keys(f"{RUN}/results/") == []

    world.put(f"{RUN}/scans/00000.json", b"{")
    assert world.run(attempt=2)[0] == 2
    record = world.attempt(attempt=2)
    assert (record["exit_code"], record["scan"]) == (2, "")
    assert record["cause"].startswith("the scan's JSON cannot be read")
    assert record["cause_code"] == "scan_record_invalid"


@pytest.mark.parametrize("broken", ["job.Job._run_scan", "job.Job._record_failure"])
def test_a_bug_of_the_runners_is_in_it(world: World, broken: str) -> None:
    patch = f"import m2g_job.job as job\ndef bug(*_): raise ZeroDivisionError('a bug')\n{broken} = bug\n"
    code, output = world.run(python=(sys.executable, "-c", patch + RUN_MAIN), OPSCTL_FAKE_M2G="exit-1")

    assert code == 1
    assert "Traceback" in output
    record = world.attempt()
    assert (record["exit_code"], record["cause"]) == (1, "opsctl's job runner failed: ZeroDivisionError: a bug")
    assert (record["cause_code"], record["facts"]) == ("runner_bug", {"error": "ZeroDivisionError"})


#: Instead of `-m m2g_job`, whose words become arguments that nobody reads.
RUN_MAIN = "import os\nfrom m2g_job.__main__ import main\nos._exit(main())\n"


@pytest.mark.parametrize("answer", [(503, "SlowDown"), (403, "AccessDenied"), (0, "closed")])
def test_a_record_that_cannot_be_written_costs_nothing_but_a_line(
    world: World, s3: LocalS3, answer: tuple[int, str]
) -> None:
    s3.rules.append(lambda request: answer if is_record(request) else None)

    code, output = world.run()

    assert code == 0, output
    assert world.result()["status"] == "succeeded"
    assert "the attempt's record could not be written: S3" in output


def test_an_s3_that_does_not_answer_holds_neither_the_begin_nor_the_end(world: World, s3: LocalS3) -> None:
    held = s3.hold(is_record)
    patch = "import m2g_job.attempt as attempt, m2g_job.job as job\nattempt._START_TIMEOUT_SECONDS = 0.1\n"
    job = world.start(python=(sys.executable, "-c", f"{patch}job.END_TIMEOUT_SECONDS = 0.1\n{RUN_MAIN}"))

    assert job.wait() == 0, job.output
    assert not held.released.is_set()
    assert "the attempt's record was not taken in 0 s" in job.output
    assert world.result()["status"] == "succeeded"


def test_a_begin_that_comes_late_does_not_hide_the_end(world: World, s3: LocalS3) -> None:
    first_write: list[Request] = []

    def is_first(request: Request) -> bool:
        if is_record(request) and not first_write:
            first_write.append(request)
        return request in first_write

    held = s3.hold(is_first)
    patch = "import m2g_job.attempt as attempt\nattempt._START_TIMEOUT_SECONDS = 0.1\n"
    assert world.run(python=(sys.executable, "-c", patch + RUN_MAIN))[0] == 0
    assert world.attempt()["exit_code"] == 0

    held.released.set()
    until(lambda: first_write[0] in s3.written)
    assert world.attempt()["exit_code"] == 0


def test_a_submission_that_was_given_up_writes_nothing(world: World, s3: LocalS3) -> None:
    world.put(f"{RUN}/abandoned/00040.json", b"{}")
    world.submit(index=42)

    code, output = world.run(OPSCTL_SCAN_OFFSET="40", AWS_BATCH_JOB_ARRAY_INDEX="2")

    assert code == 2
    cause = f"opsctl has given this submission up (s3://{BUCKET}/{RUN}/abandoned/00040.json)"
    assert f"opsctl: nothing is written: {cause}" in output
    assert s3.writes() == []
    assert "m2g runs" not in output
    record = world.attempt(index=42)
    assert (record["exit_code"], record["cause"]) == (2, cause)
    assert (record["cause_code"], record["facts"]) == (
        "submission_abandoned",
        {"file": f"s3://{BUCKET}/{RUN}/abandoned/00040.json"},
    )


def test_another_submissions_mark_means_nothing(world: World) -> None:
    world.put(f"{RUN}/abandoned/00002.json", b"{}")
    world.submit(index=2)
    assert world.run(AWS_BATCH_JOB_ARRAY_INDEX="2")[0] == 0


@pytest.mark.parametrize("mode", ["succeed", "exit-1"])
def test_one_that_was_given_up_while_m2g_ran_writes_nothing(world: World, s3: LocalS3, mode: str) -> None:
    pulled = s3.hold(lambda request: request.method == "GET" and request.key.endswith(".bval"))
    job = world.start(OPSCTL_FAKE_M2G=mode)
    pulled.wait()
    world.put(ABANDONED, b"{}")
    pulled.released.set()

    assert job.wait() == 2, job.output
    assert "m2g runs" in job.output
    assert s3.writes() == []
    assert world.attempt()["exit_code"] == 2


def test_one_that_was_given_up_while_it_waited_or_pushed_leaves_no_result(world: World, s3: LocalS3) -> None:
    claim = s3.hold(lambda request: request.method == "PUT" and "/claims/" in request.key)
    job = world.start()
    claim.wait()
    world.put(ABANDONED, b"{}")
    claim.released.set()
    assert job.wait() == 2, job.output
    assert {request.key for request in s3.writes()} == {f"{RUN}/claims/00000.1.json"}

    world.client.delete_object(Bucket=BUCKET, Key=ABANDONED)
    push = s3.hold(lambda request: request.method == "PUT" and request.key.startswith(OUTPUT))
    job = world.start("job-b")
    push.wait()
    world.put(ABANDONED, b"{}")
    push.released.set()
    assert job.wait() == 2, job.output
    assert world.keys(f"{RUN}/results/") == []


def test_a_mark_that_s3_does_not_tell_of_is_a_passing_fault(world: World, s3: LocalS3) -> None:
    s3.rules.append(lambda request: (503, "SlowDown") if request.key == ABANDONED else None)
    assert world.run()[0] == 75
    assert s3.writes() == []

"""Two jobs of one scan: only one publishes, whatever dies when."""

from __future__ import annotations

import hashlib
import json
import signal
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from m2g_job.claim import _parsed
from m2g_job.s3 import Document
from support.job_s3 import LocalS3, Request
from support.job_world import BUCKET, OUTPUT, RUN, World
from support.record_mutations import mutations

CLAIM = f"{RUN}/claims/00000"
OLD = timedelta(minutes=11)


def is_claim(request: Request) -> bool:
    return request.method == "PUT" and request.key.startswith(CLAIM)


def assert_whole(world: World, job: str) -> None:
    """The result is this job's, and every object is the one that it lists."""
    result = world.result()
    assert (result["status"], result["job_id"]) == ("succeeded", job)
    assert len(world.files()) == len(world.keys(OUTPUT + "/")) > 0
    for entry in world.files():
        data = world.get(entry["uri"].split("/", 3)[3])
        assert hashlib.sha256(data).hexdigest() == entry["sha256"]
        assert "/dwi/" not in entry["uri"] or data.startswith(f"{job} {result['attempt']}\n".encode())


@pytest.mark.parametrize("repetition", range(3))
def test_two_jobs_at_once_publish_once(world: World, s3: LocalS3, repetition: int) -> None:
    both = s3.hold(is_claim)
    jobs = {name: world.start(name) for name in ("job-a", "job-b")}
    both.wait(2)
    both.released.set()

    codes = {name: job.wait() for name, job in jobs.items()}

    assert codes == {"job-a": 0, "job-b": 0}
    winner = world.result()["job_id"]
    loser = next(name for name in jobs if name != winner)
    assert f"job {winner} (attempt 1) has published this scan's result" in jobs[loser].output
    assert_whole(world, winner)
    writers = {request.job for request in s3.writes() if request.key.startswith(("HNU1/", f"{RUN}/results/"))}
    assert writers == {winner}


def start_pushing(world: World, s3: LocalS3, job: str) -> None:
    """Start a job and stop time where it has pushed some outputs, and one is under way."""
    push = s3.hold(lambda request: request.job == job and request.method == "PUT" and "/qa_d/" in request.key)
    world.start(job)
    push.wait()


def test_a_holder_that_was_killed_is_waited_for_until_its_claim_is_old(world: World, s3: LocalS3) -> None:
    start_pushing(world, s3, "job-a")
    world.jobs[0].process.kill()
    other = world.start("job-b")
    other.wait_for("job job-a (attempt 1) is publishing this scan: waiting for its result")
    assert other.process.poll() is None
    assert not [r for r in s3.writes("job-b") if r.key.startswith("HNU1/")]

    s3.age(BUCKET, f"{CLAIM}.1.json", OLD)

    assert other.wait() == 0, other.output
    assert "taking the claim over from job job-a (attempt 1): not renewed for 66" in other.output
    assert_whole(world, "job-b")
    assert world.keys(CLAIM) == [f"{CLAIM}.1.json", f"{CLAIM}.2.json"]


def test_the_next_attempt_of_a_killed_job_takes_over_at_once(world: World, s3: LocalS3) -> None:
    start_pushing(world, s3, "job-a")
    world.jobs[0].process.kill()
    s3.holds[0].released.set()
    s3.holds.clear()

    code, output = world.run("job-a", attempt=2, work="work-2")

    assert code == 0, output
    assert_whole(world, "job-a")
    assert world.result()["attempt"] == 2


def verifies(request: Request) -> bool:
    """Whether it is the job's last look at what it has uploaded."""
    return parse_qs(request.query).get("prefix") == [f"{OUTPUT}/"]


def test_a_holder_that_slept_finds_out_and_does_not_publish(world: World, s3: LocalS3) -> None:
    last = s3.hold(lambda request: request.job == "job-a" and verifies(request))
    slow = world.start("job-a")
    last.wait()
    slow.process.send_signal(signal.SIGSTOP)
    s3.age(BUCKET, f"{CLAIM}.1.json", OLD)
    assert world.run("job-b")[0] == 0
    before = world.get(f"{RUN}/results/00000.json")

    slow.process.send_signal(signal.SIGCONT)
    last.released.set()

    assert slow.wait() == 75
    assert "is not what this job uploaded" in slow.output
    assert world.get(f"{RUN}/results/00000.json") == before
    assert_whole(world, "job-b")


def test_a_job_that_looks_while_the_holder_publishes_writes_nothing(world: World, s3: LocalS3) -> None:
    between = s3.hold(lambda request: request.job == "job-b" and "prefix=" in request.query)
    late = world.start("job-b")
    between.wait()
    assert world.run("job-a")[0] == 0
    between.released.set()

    assert late.wait() == 0, late.output
    assert not [request for request in s3.writes("job-b") if request.key.startswith("HNU1/")]
    assert_whole(world, "job-a")


def test_a_holder_that_was_overtaken_goes_back_to_the_queue(world: World, s3: LocalS3) -> None:
    def about_to_write_its_result(request: Request) -> bool:
        verified = any(sent.job == "job-a" and verifies(sent) for sent in s3.requests)
        return request.job == "job-a" and request.key.startswith(f"{RUN}/results/") and verified

    write = s3.hold(about_to_write_its_result)
    slow = world.start("job-a")
    write.wait()
    s3.age(BUCKET, f"{CLAIM}.1.json", OLD)
    start_pushing(world, s3, "job-b")
    write.released.set()
    slow.wait_for("stopped pushing: job job-b (attempt 1) has taken over the publishing of this scan")
    slow.wait_for("waiting for its result")
    assert world.keys(f"{RUN}/results/") == []
    s3.holds[1].released.set()

    assert [job.wait() for job in world.jobs] == [0, 0]
    assert_whole(world, "job-b")


def test_a_failing_job_waits_for_the_one_that_publishes(world: World, s3: LocalS3) -> None:
    start_pushing(world, s3, "job-a")
    failing = world.start("job-b", OPSCTL_FAKE_M2G="exit-1")
    failing.wait_for("waiting for its result")
    s3.holds[0].released.set()

    assert (world.jobs[0].wait(), failing.wait()) == (0, 0)
    assert_whole(world, "job-a")


def test_a_stopped_job_does_not_wait(world: World, s3: LocalS3) -> None:
    start_pushing(world, s3, "job-a")
    waiting = world.start("job-b")
    waiting.wait_for("waiting for its result")
    waiting.process.send_signal(signal.SIGTERM)

    assert waiting.wait() == 143
    assert "no result is written: job job-a (attempt 1) is publishing this scan" in waiting.output
    assert world.keys(f"{RUN}/results/") == []


def test_a_claim_that_was_given_back_is_taken_at_once(world: World) -> None:
    assert world.run("job-a", OPSCTL_FAKE_M2G="exit-1")[0] == 1
    assert json.loads(world.get(f"{CLAIM}.1.json"))["state"] == "released"

    code, output = world.run("job-b")

    assert code == 0
    assert "it was given back" in output
    assert_whole(world, "job-b")


def test_an_altered_claim_counts_by_its_age_or_is_a_valid_one() -> None:
    claim = {"schema_version": 1, "job_id": "job-a", "attempt": 1, "token": "t", "time": "x", "state": "held"}
    parsed = [_parsed(7, OLD, Document(body, "e")) for body in mutations(claim, seed=17, count=500)]
    unread = [highest for highest in parsed if not highest.state]
    assert unread and {(highest.job_id, highest.attempt, highest.token) for highest in unread} == {("", 0, "")}
    for highest in set(parsed) - set(unread):
        assert highest.state in ("held", "released") and 1 <= highest.attempt <= 1000
        assert highest.holder.isprintable() and len(highest.holder) < 200
    assert {(highest.generation, highest.age) for highest in parsed} == {(7, OLD)}


def test_a_claim_behind_which_no_other_fits_is_said(world: World, s3: LocalS3) -> None:
    """The next one would have ten digits: other jobs would not see it, and try to take theirs for ever."""
    world.put(f"{CLAIM}.999999999.json", b'{"state": "released"}')
    s3.age(BUCKET, f"{CLAIM}.999999999.json", OLD)
    code, output = world.run("job-a")
    assert code == 2, output
    assert f"no job counted up to the claim s3://{BUCKET}/{CLAIM}.999999999.json: delete it" in output
    assert world.keys(CLAIM) == [f"{CLAIM}.999999999.json"]


def test_an_s3_without_conditional_writes_is_said_and_used(world: World, s3: LocalS3) -> None:
    s3.rules.append(
        lambda request: (501, "NotImplemented") if {"if-none-match", "if-match"} & set(request.headers) else None
    )

    code, output = world.run()

    assert code == 0, output
    assert "this S3 has no conditional writes" in output
    assert_whole(world, "job-a")


def test_a_claim_or_result_whose_reply_was_lost_is_still_ones_own(world: World, s3: LocalS3) -> None:
    s3.lose_reply(lambda request: is_claim(request) or request.key.startswith(f"{RUN}/results/"))

    code, output = world.run()

    assert code == 0, output
    assert "done: pushed" in output
    assert "taking the claim over" not in output
    assert_whole(world, "job-a")
    assert world.keys(CLAIM) == [f"{CLAIM}.1.json"]

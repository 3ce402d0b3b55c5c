"""What a claim's holder may do, by its own clock; and what a result is written over."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta

import pytest
from m2g_job import claim as claims
from m2g_job import environment, outputs
from m2g_job.faults import AlreadyPublished, HeldByAnotherJob, TransientFault
from m2g_job.log import Log
from m2g_job.result import Results
from m2g_job.s3 import S3, make_client
from support import record_examples
from support.job_s3 import LocalS3, Request
from support.job_world import BUCKET, OUTPUT, RUN, World
from support.waiting import until

from opsctl.core.location import parse_uri

CLAIM = f"{RUN}/claims/00000"
RESULT = f"{RUN}/results/00000.json"
OLD = timedelta(minutes=11)


class ClaimsOfJob:
    """The claims of one job in this process, with a clock that the test sets."""

    def __init__(self, job_id: str, attempt: int = 1) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self.s3 = S3(make_client())
        variables = {"OPSCTL_RUN_URI": f"s3://{BUCKET}/{RUN}", "AWS_BATCH_JOB_ID": job_id}
        job = environment.read({**variables, "AWS_BATCH_JOB_ATTEMPT": str(attempt)})
        log = Log()
        self.results = Results(self.s3, job, log)
        self.claims = claims.Claims(
            self.s3, job, log, results=self.results, sleep=self.sleep, monotonic=lambda: self.now
        )

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) == 9:
            raise TimeoutError


def test_waiting_slows_down_to_a_bound(world: World) -> None:
    with ClaimsOfJob("job-a").claims.take():
        job = ClaimsOfJob("job-b")
        with pytest.raises(TimeoutError):
            job.claims.take()
        assert job.waits == [1, 2, 4, 8, 15, 15, 15, 15, 15]


def test_the_holder_renews_its_own_claim_only(world: World, s3: LocalS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "RENEW_SECONDS", 0.05)
    with ClaimsOfJob("job-a").claims.take() as claim:
        s3.age(BUCKET, f"{CLAIM}.1.json", OLD)
        until(lambda: ClaimsOfJob("x").claims.highest().age < timedelta(seconds=30))  # type: ignore[union-attr]
        claim.check()
    assert world.keys(CLAIM) == [f"{CLAIM}.1.json"]


def test_the_renewal_notices_a_higher_generation(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "RENEW_SECONDS", 0.05)
    with pytest.raises(HeldByAnotherJob, match="job job-b"), ClaimsOfJob("job-a").claims.take() as claim:
        ClaimsOfJob("job-b").claims.write(2, "held", if_none=True)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            claim.check_lease()
            time.sleep(0.01)


def test_a_holder_past_its_lease_renews_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "RENEW_SECONDS", 0.05)
    job = ClaimsOfJob("job-a")
    with pytest.raises(TransientFault, match="could not be renewed"), job.claims.take() as claim:
        job.now += claims.LEASE_SECONDS + 1
        until(lambda: not [thread for thread in threading.enumerate() if thread.name == "claim"])
        claim.check_lease()


@pytest.mark.parametrize("is_reply_lost", [False, True])
def test_the_lease_counts_from_when_the_claim_was_asked_for(world: World, s3: LocalS3, is_reply_lost: bool) -> None:
    job = ClaimsOfJob("job-a")

    def answer_late(request: Request) -> None:
        if request.method == "PUT" and request.key.startswith(CLAIM):
            job.now = claims.LEASE_SECONDS + 1

    s3.rules.append(answer_late)
    s3.lose_reply(lambda request: is_reply_lost and request.key.startswith(CLAIM))
    with pytest.raises(TransientFault, match="could not be renewed"), job.claims.take() as claim:
        claim.check_lease()
    assert world.keys(CLAIM) == [f"{CLAIM}.1.json"]


def test_a_holder_past_its_lease_does_not_retry_an_upload(
    world: World, s3: LocalS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "RENEW_SECONDS", 0.05)
    job = ClaimsOfJob("job-a")
    path = world.folder / "x.csv"
    path.write_text("mine")
    tries: list[Request] = []

    def sleep_through(request: Request) -> tuple[int, str] | None:
        if request.method != "PUT" or not request.key.startswith(OUTPUT):
            return None
        tries.append(request)
        job.now += claims.LEASE_SECONDS + 1
        return (503, "SlowDown")

    s3.rules.append(sleep_through)
    with pytest.raises(TransientFault, match="could not be renewed"), job.claims.take() as claim:
        outputs.push(job.s3, [outputs.Output(str(path), "x.csv")], f"s3://{BUCKET}/{OUTPUT}", guard=claim.check_lease)
    assert len(tries) == 1, "the SDK's own retry would have written over the next holder's object"
    assert json.loads(world.get(f"{CLAIM}.1.json"))["state"] == "held"


def test_a_result_is_never_written_over_a_succeeded_one_that_came_meanwhile(world: World) -> None:
    results = ClaimsOfJob("job-a").results
    # As a job writes it: an unreadable one would count as none.
    written = json.dumps({**record_examples.RESULT, "index": 0, "job_id": "job-b"})
    succeeded = json.loads(written.replace(f"s3://{parse_uri(record_examples.OUTPUT).bucket}/", f"s3://{BUCKET}/"))
    looks: list[int] = []

    def another_publishes() -> None:
        looks.append(1)
        if len(looks) == 1:
            world.put(RESULT, json.dumps(succeeded).encode())

    world.put(RESULT, b'{"status": "failed"}')
    with pytest.raises(AlreadyPublished):
        results.write({"status": "failed", "job_id": "job-a"}, check=another_publishes)
    assert json.loads(world.get(RESULT)) == succeeded

    looks.clear()
    world.client.delete_object(Bucket=BUCKET, Key=RESULT)
    with pytest.raises(AlreadyPublished):
        results.write({"status": "succeeded", "job_id": "job-a"}, check=another_publishes)
    assert json.loads(world.get(RESULT)) == succeeded
    assert len(looks) == 1, "the second look finds the result before anything is tried"


def test_a_renewal_counts_from_when_it_was_asked_for(
    world: World, s3: LocalS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "RENEW_SECONDS", 0.05)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    job = ClaimsOfJob("job-a")
    puts: list[Request] = []

    def answer_one_renewal_late_and_no_other(request: Request) -> tuple[int, str] | None:
        if request.method != "PUT" or not request.key.startswith(CLAIM):
            return None
        puts.append(request)
        if len(puts) == 2:
            job.now = claims.LEASE_SECONDS - 1
        return (503, "SlowDown") if len(puts) > 2 else None

    s3.rules.append(answer_one_renewal_late_and_no_other)
    with pytest.raises(TransientFault, match="could not be renewed"), job.claims.take() as claim:
        until(lambda: len(puts) > 2)
        claim.check_lease()
        job.now += 2
        claim.check_lease()

"""A running attempt renews its last sign of life, and never replaces the record of its end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

import pytest
from m2g_job import attempt
from support.job_s3 import LocalS3, Request
from support.job_world import RUN, RunningJob, World
from support.waiting import until

#: A runner that renews often. Its clock shows parts of seconds, so that no two records are equal and have one etag.
RENEWING = """
import os
from datetime import datetime, timezone
import m2g_job.attempt as attempt
attempt.SEEN_SECONDS = 0.05
attempt.timestamp = lambda: datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
from m2g_job.__main__ import main
os._exit(main())
"""


def is_record(request: Request) -> bool:
    return request.method == "PUT" and request.key.startswith(f"{RUN}/attempts/")


def is_renewal(request: Request) -> bool:
    return is_record(request) and "if-match" in request.headers


def is_end(request: Request) -> bool:
    return is_record(request) and not {"if-match", "if-none-match"} & set(request.headers)


def start(world: World, **variables: str) -> RunningJob:
    """A job that renews often and whose m2g runs until it is stopped."""
    job = world.start(python=(sys.executable, "-c", RENEWING), OPSCTL_FAKE_M2G="hang", **variables)
    job.wait_for("hanging with child")
    return job


def stop(job: RunningJob) -> None:
    job.process.send_signal(signal.SIGTERM)
    assert job.wait() == 143, job.output


def count(requests: list[Request], matches: Callable[[Request], bool]) -> int:
    return sum(map(matches, requests))


def test_the_interval_is_five_minutes() -> None:
    assert attempt.SEEN_SECONDS == 300.0


def test_the_sign_of_life_is_renewed_while_m2g_runs_and_ends_with_the_attempt(world: World, s3: LocalS3) -> None:
    job = start(world)
    started = world.attempt()
    until(lambda: world.attempt()["seen_at"] > started["seen_at"])
    running = world.attempt()
    assert (running["scan"], running["stopped_at"], running["exit_code"]) == ("sub-0025427/ses-1", None, None)
    assert running["started_at"] == started["started_at"]
    stop(job)
    ended = world.attempt()
    assert ended["seen_at"] == ended["stopped_at"]
    assert (ended["exit_code"], ended["cause_code"]) == (143, "stopped")
    writes = [request for request in s3.written if is_record(request)]
    # On a busy machine a renewal may arrive after the end; its condition does not hold then, and it changes nothing.
    assert count(writes, is_end) == 1
    assert all(is_renewal(request) or is_end(request) for request in writes[1:])
    assert world.attempt() == ended


def test_a_renewal_that_comes_late_does_not_hide_the_end(world: World, s3: LocalS3) -> None:
    held = s3.hold(is_renewal)
    job = start(world)
    held.wait()
    stop(job)
    assert world.attempt()["exit_code"] == 143
    late = next(request for request in s3.requests if is_renewal(request))

    held.released.set()
    until(lambda: late in s3.written)
    assert world.attempt()["exit_code"] == 143


def test_a_renewal_whose_reply_was_lost_is_followed_by_others(world: World, s3: LocalS3) -> None:
    # The SDK repeats it, and S3 refuses it then: the condition does not hold any more.
    s3.lose_reply(is_renewal)
    job = start(world)
    until(lambda: count(s3.written, is_renewal) > 4)
    stop(job)
    assert world.attempt()["exit_code"] == 143
    assert "could not be written" not in job.output


def test_a_start_whose_reply_was_lost_is_renewed(world: World, s3: LocalS3) -> None:
    s3.lose_reply(lambda request: is_record(request) and "if-none-match" in request.headers)
    job = start(world)
    until(lambda: count(s3.written, is_renewal) > 1)
    stop(job)


@pytest.mark.parametrize("matches", [is_renewal, lambda request: is_record(request) and not is_end(request)])
def test_renewals_that_fail_are_logged_once_and_tried_again(
    world: World, s3: LocalS3, matches: Callable[[Request], bool]
) -> None:
    rule = lambda request: (403, "AccessDenied") if matches(request) else None  # noqa: E731
    s3.rules.append(rule)
    job = start(world)
    until(lambda: count(s3.requests, matches) > 4)
    s3.rules.remove(rule)
    until(lambda: count(s3.written, is_renewal) > 1)
    stop(job)
    assert job.output.count("the attempt's record could not be written: ") == 1
    assert world.attempt()["exit_code"] == 143


def test_renewals_that_fail_cost_nothing(world: World, s3: LocalS3) -> None:
    s3.rules.append(lambda request: (500, "InternalError") if is_renewal(request) else None)
    code, output = world.run(python=(sys.executable, "-c", RENEWING), OPSCTL_FAKE_M2G_FILES="40")
    assert code == 0, output
    assert world.result()["status"] == "succeeded"
    assert world.attempt()["exit_code"] == 0


def test_without_conditional_writes_nothing_is_renewed(world: World, s3: LocalS3) -> None:
    s3.rules.append(
        lambda request: (501, "NotImplemented") if {"if-match", "if-none-match"} & set(request.headers) else None
    )
    job = start(world)
    until(lambda: world.keys(f"{RUN}/attempts/"))
    assert world.attempt()["exit_code"] is None
    stop(job)
    assert world.attempt()["exit_code"] == 143
    assert count(s3.requests, is_renewal) == 0

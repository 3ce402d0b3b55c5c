"""What a campaign builds on: the proxy tells what passes, and a Spot instance asks its job to end before it goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_plan import Fault, Plan
from fault_proxy import FaultProxy, Passing
from routes import platform_faults
from sightings import Instant, Sightings
from support.local_servers import Homes, Platform, client, retry_strategy
from test_fault_proxy import through


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    homes = Homes(tmp_path_factory.mktemp("homes"))
    made = Platform(*homes.start(faults={}))
    client(made.server, "s3").create_bucket(Bucket="data")
    yield made
    homes.close()


def test_who_watches_is_told_before_and_after_and_gets_the_bodies_that_are_kept(platform: Platform) -> None:
    with FaultProxy(platform.server.port) as proxy:
        seen: list[Passing] = []
        proxy.watch = seen.append
        proxy.keeps = lambda name, target: target.startswith("/data/kept")
        s3 = through(proxy, platform, "s3")
        s3.put_object(Bucket="data", Key="kept", Body=b"one")
        s3.put_object(Bucket="data", Key="other", Body=b"two")
        told = [(one.target, one.status, b"one" in one.body, b"two" in one.body) for one in seen]
        assert told == [
            ("/data/kept", None, False, False),
            ("/data/kept", 200, True, False),
            ("/data/other", None, False, False),
            ("/data/other", 200, False, False),
        ]


def test_what_does_not_arrive_is_not_told_and_what_loses_its_reply_is(platform: Platform) -> None:
    with FaultProxy(platform.server.port) as proxy:
        seen: list[Passing] = []
        proxy.watch = seen.append
        exact = {("s3.PutObject", 1): Fault.RESET_BEFORE, ("s3.PutObject", 2): Fault.RESET_AFTER}
        proxy.plan = Plan(exact=exact)
        through(proxy, platform, "s3", attempts=3).put_object(Bucket="data", Key="k", Body=b"x")
        # The second try was carried out as well as the third: boto3 was not told.
        assert [one.status for one in seen] == [None, 200, None, 200]


def test_an_instant_comes_once_and_in_its_turn(platform: Platform) -> None:
    with FaultProxy(platform.server.port) as proxy:
        sightings, s3 = Sightings(proxy), through(proxy, platform, "s3")
        came: list[str] = []
        sightings.at(Instant("second", r"PutObject .*/turns/", True, 2), lambda one: came.append(one.target))
        late = Instant("never", r"PutObject .*/turns/1")
        sightings.at(late, lambda one: came.append("forgotten"))
        sightings.forget(late)
        for number in range(4):
            s3.put_object(Bucket="data", Key=f"turns/{number}", Body=b"x")
        assert came == ["/data/turns/1"]


def test_a_reclaimed_host_lets_its_job_say_goodbye_and_the_job_runs_again(platform: Platform, tmp_path: Path) -> None:
    said = tmp_path / "said"
    script = (
        f"trap 'echo goodbye >> {said}; exit 143' TERM; [ $AWS_BATCH_JOB_ATTEMPT = 2 ] && exit 0;"
        " while :; do sleep 0.02; done"
    )
    plan = {"attempts": [{"kind": "reclaimed", "attempt": 1, "after_seconds": 1.5}]}
    before = platform_faults(platform.server.port, plan).get("reclaimed", 0)
    job = platform.wait(platform.submit(script, retryStrategy=retry_strategy()))
    assert job["status"] == "SUCCEEDED"
    assert [one["statusReason"].partition(" (")[0] for one in job["attempts"]] == [
        "Host EC2",
        "Essential container in task exited",
    ]
    assert said.read_text() == "goodbye\n"
    assert platform_faults(platform.server.port)["reclaimed"] == before + 1

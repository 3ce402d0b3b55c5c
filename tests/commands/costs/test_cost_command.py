"""`cost` over records in S3 and a Batch that answers DescribeJobs: which jobs are described, which sum counts what."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.batch_world import BatchWorld, Child
from support.example_platform import platform
from support.record_examples import outputs_of, outputs_of_failed

from opsctl.aws.s3.storage import Storage
from opsctl.commands.costs.cost import RunCost, all_costs, finished_hours, run_cost
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.costs.estimate import Rates
from opsctl.core.errors import Problem
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.manifest import Origin, Run, timestamp
from opsctl.core.runs.snapshot import Pricing
from opsctl.core.runs.status import BatchJob
from opsctl.core.runs.submission import Submission

START = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
NOW = START + timedelta(hours=10)
EARLIER, LATER = "HNU1-20261122-120000-aaaa", "HNU1-20261123-120000-bbbb"
DOLLAR = Rates(
    instance_usd_per_hour=1.0,
    disk_usd_per_gib_hour=0.0,
    address_usd_per_hour=0.0,
    root_volume_gib=100,
    source="a test's",
    kind="on-demand",
)
PLATFORM = platform()


class World:
    """Records below `opsctl/runs/`, written as the runner and `run` write them."""

    def __init__(self, storage: Storage, records: Records) -> None:
        self.records = records
        self._storage = storage

    def run(self, run_id: str, *scans: str, adopted: tuple[Origin, ...] = (), **changes: Any) -> Run:
        own = len(scans) - len(adopted)
        run = Run(
            run_id=run_id,
            dataset="s3://data/HNU1",
            output="s3://data/HNU1/derivatives/x",
            m2g=M2gOptions().as_dict(),
            model="csa",
            image="i",
            platform="m2g",
            region="us-east-1",
            scans=scans,
            created_at="2026-11-22T12:00:00Z",
            created_by="ada",
            command_line=("opsctl",),
            opsctl_version="0.1.0",
            keys=tuple(f"k{number}" for number in range(len(scans))),
            sizes=(own,) if own else (),
            adopted=adopted,
            resources="csa",
            attempt_timeout_seconds=21_600,
        )
        run = dataclasses.replace(run, **changes)
        self.records.put_run(run, {})
        for number, (offset, size) in enumerate(_offsets(run.sizes)):
            self.records.put_submission(
                run_id,
                Submission(
                    number=number,
                    job_name=f"{run_id}-{number:02d}",
                    job_queue="q",
                    offset=offset,
                    size=size,
                    state="submitted",
                    at="2026-11-22T12:00:00Z",
                    job_id="array",
                ),
            )
        return run

    def attempt(
        self, run_id: str, index: int, number: int = 1, *, hours: tuple[float, float | None], **more: Any
    ) -> None:
        start, stop = hours
        value = {
            "schema_version": 1,
            "run_id": run_id,
            "index": index,
            "scan": "s",
            "job_id": f"array:{index}",
            "attempt": number,
            "started_at": at(start),
            "stopped_at": None if stop is None else at(stop),
            "exit_code": None if stop is None else 0,
            "cause": "",
            "log_stream": "",
            **more,
        }
        token = hashlib.sha256(value["job_id"].encode()).hexdigest()[:8]
        self._put(run_id, f"attempts/{index:05d}.{number}.{token}.json", value)

    def result(
        self, run_id: str, index: int, *, minutes: float = 60, status: str = "succeeded", attempt: int = 1
    ) -> None:
        run = self.records.run(run_id)
        value = {
            "schema_version": 1,
            "run_id": run_id,
            "index": index,
            "scan": run.scans[index],
            "key": "k",
            "status": status,
            "cause": "",
            "exit_code": int(status == "failed"),
            "attempt": attempt,
            "started_at": at(0),
            "stopped_at": at(minutes / 60),
            "seconds": {"pull": 1.0, "m2g": 2.0, "push": 3.0},
            "peak_memory_mib": 1,
            "outputs": outputs_of_failed(index, run_id)
            if status == "failed"
            else outputs_of(run.scans[index], run.output),
            "image": "i",
            "job_id": f"array:{index}",
            "log_stream": "",
        }
        self._put(run_id, f"results/{index:05d}.json", value)

    def _put(self, run_id: str, path: str, value: Mapping[str, Any]) -> None:
        self._storage.put_json("data", f"opsctl/runs/{run_id}/{path}", value)


def _offsets(sizes: tuple[int, ...]) -> list[tuple[int, int]]:
    return [(sum(sizes[:number]), size) for number, size in enumerate(sizes)]


def at(hours: float) -> str:
    return timestamp(START + timedelta(hours=hours))


def milliseconds(hours: float) -> int:
    return int((START + timedelta(hours=hours)).timestamp() * 1000)


@pytest.fixture
def world(storage: Storage, records: Records) -> World:
    return World(storage, records)


def lost(start: float, stop: float) -> dict[str, Any]:
    """An attempt as DescribeJobs shows it, whose instance was lost."""
    reason = "Host EC2 (instance i-1) terminated."
    return {"container": {}, "startedAt": milliseconds(start), "stoppedAt": milliseconds(stop), "statusReason": reason}


def array(*children: Child) -> BatchWorld:
    return BatchWorld(arrays={"array": list(children)}, job_names={"array": f"{EARLIER}-00"})


def ask(world: World, batch: BatchWorld, run_id: str | None = None, *, is_local: bool = False) -> RunCost:
    run = world.records.run(run_id)
    snapshot = SnapshotReader(run, records=world.records, batch=batch.adapter, now=lambda: NOW).progress()
    return run_cost(snapshot, Pricing(DOLLAR, is_local))


def test_finished_attempts_need_no_word_of_batch(world: World) -> None:
    world.run(EARLIER, "sub-01", "sub-02")
    for index in (0, 1):
        world.attempt(EARLIER, index, hours=(0, 1 + index))
        world.result(EARLIER, index)
    batch = array(Child("SUCCEEDED"), Child("SUCCEEDED"))
    costs = ask(world, batch)
    assert (costs.own.usd, costs.own.attempts, costs.adopted) == (pytest.approx(3), 2, None)
    assert batch.calls == {"DescribeJobs": 1}


def test_an_attempt_that_was_lost_with_its_instance_is_filled_from_batch(world: World) -> None:
    world.run(EARLIER, "sub-01", "sub-02")
    world.attempt(EARLIER, 0, 1, hours=(0, None))
    world.attempt(EARLIER, 0, 2, hours=(5, 6))
    world.attempt(EARLIER, 1, hours=(0, 1))
    world.result(EARLIER, 0, attempt=2)
    world.result(EARLIER, 1)
    batch = array(Child("SUCCEEDED", told=[lost(0, 2)]), Child("SUCCEEDED"))
    costs = ask(world, batch)
    # The array, and the child with the attempt that was lost.
    assert batch.calls == {"DescribeJobs": 2}
    assert (costs.own.hours, costs.own.lost_attempts, costs.own.lost_usd) == (
        pytest.approx(4),
        1,
        pytest.approx(2),
    )


def test_an_attempt_before_the_first_that_wrote_anything_is_asked_for(world: World) -> None:
    world.run(EARLIER, "sub-01", "sub-02")
    world.attempt(EARLIER, 1, 2, hours=(3, 4))
    # Of the first scan's attempt only the result tells.
    world.result(EARLIER, 0)
    world.result(EARLIER, 1, attempt=2)
    costs = ask(world, array(Child("SUCCEEDED"), Child("SUCCEEDED", told=[lost(0, 2)])))
    assert (costs.own.hours, costs.own.attempts, costs.own.lost_attempts) == (pytest.approx(4), 3, 1)


def test_what_runs_is_paid_till_now(world: World) -> None:
    world.run(EARLIER, "sub-01", "sub-02")
    world.attempt(EARLIER, 1, hours=(4, None))
    costs = ask(world, array(Child("RUNNABLE"), Child("RUNNING")))
    assert (costs.own.hours, costs.own.lost_attempts) == (pytest.approx(6), 0)
    assert list(costs.own.by_scan) == [1]


def test_what_batch_has_forgotten_comes_from_what_was_written_down(world: World) -> None:
    world.run(EARLIER, "sub-01", "sub-02")
    world.attempt(EARLIER, 0, hours=(0, None))
    told = Attempt(index=0, number=1, job_id="array:0", started_at=at(0), stopped_at=at(2))
    silent = Attempt(index=1, number=1, job_id="array:1", started_at=at(0), stopped_at=at(5))
    world.records.save_final_job_states(
        EARLIER,
        {
            0: BatchJob(job_id="array:0", status="FAILED", attempts=(told,)),
            1: BatchJob(job_id="array:1", status="FAILED", attempts=(silent,)),
        },
    )
    costs = ask(world, BatchWorld())
    assert (costs.own.hours, costs.own.lost_attempts) == (pytest.approx(7), 2)


def test_a_run_of_thousands_that_has_not_begun_is_not_asked_for_one_by_one(world: World) -> None:
    world.run(EARLIER, *(f"sub-{number:05d}" for number in range(2_000)))
    batch = array(*(Child("RUNNABLE") for _ in range(2_000)))
    assert ask(world, batch).own.usd == 0
    assert batch.calls == {"DescribeJobs": 1}


def adopting(world: World) -> None:
    world.run(EARLIER, "sub-01", "sub-02")
    world.attempt(EARLIER, 0, hours=(0, 1))
    world.attempt(EARLIER, 1, hours=(0, 2))
    # Its own first, then the earlier run's second.
    world.run(LATER, "sub-03", "sub-02", adopted=(Origin(EARLIER, 1),))
    world.attempt(LATER, 0, hours=(3, 7))
    world.result(EARLIER, 0)
    world.result(EARLIER, 1)
    world.result(LATER, 0)


def test_adopted_scans_are_shown_apart(world: World) -> None:
    adopting(world)
    costs = ask(world, BatchWorld())
    assert costs.run.run_id == LATER
    assert (costs.own.usd, costs.adopted.usd) == (pytest.approx(4), pytest.approx(2))
    value = costs.as_json()
    assert [(scan["scan"], scan["adopted"], scan["usd"]) for scan in value["scans"]] == [
        ("sub-03", False, pytest.approx(4)),
        ("sub-02", True, pytest.approx(2)),
    ]
    assert (value["usd"], value["adopted"]["usd"]) == (pytest.approx(4), pytest.approx(2))


def test_over_all_runs_each_attempt_is_paid_once(world: World, storage: Storage) -> None:
    adopting(world)
    # Killed before its record stood.
    storage.put_json("data", "opsctl/runs/HNU1-20261124-120000-cccc/scans/00000.json", {})
    costs = all_costs(
        records=world.records,
        batch=BatchWorld().adapter,
        pricing_of=lambda _: Pricing(DOLLAR, is_local=False),
        now=lambda: NOW,
    )
    assert [(total.run.run_id, total.own.usd) for total in costs] == [
        (EARLIER, pytest.approx(3)),
        (LATER, pytest.approx(4)),
    ]


def test_json_is_whole_and_says_what_is_charged(world: World) -> None:
    world.run(EARLIER, "sub-01", "sub-02")
    world.attempt(EARLIER, 0, hours=(0, 1))
    for is_local, charged in ((False, 1), (True, 0)):
        value = json.loads(json.dumps(ask(world, BatchWorld(), is_local=is_local).as_json()))
        assert (value["usd"], value["usd_charged"]) == (pytest.approx(1), pytest.approx(charged))
        assert (value["scan_count"], value["usd_per_scan"]) == (1, pytest.approx(1))
        assert value["rates"]["usd_per_hour"] == 1 and value["basis"] and "boot" in value["not_included"]


def test_no_run_is_said(world: World) -> None:
    with pytest.raises(Problem, match="no run yet"):
        ask(world, BatchWorld())


def finish(world: World, run_id: str, *minutes: float, **changes: Any) -> None:
    world.run(run_id, *(f"sub-{number}" for number in range(len(minutes))), **changes)
    for index, duration in enumerate(minutes):
        world.result(run_id, index, minutes=duration)


def test_hours_are_those_of_the_newest_runs_that_hold_five_scans(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(world, "A-20261120-120000-aaaa", 500, 500, 500, 500, 500)
    finish(world, "B-20261121-120000-aaaa", 10, 20, 30)
    finish(world, "C-20261122-120000-aaaa", 40, 50)
    read: list[str] = []
    results = world.records.results
    monkeypatch.setattr(world.records, "results", lambda run_id, **_: read.append(run_id) or results(run_id))
    hours = finished_hours(world.records, platform=PLATFORM, model="csa")
    assert (hours.per_scan * 60, hours.is_measured) == (pytest.approx(30), True)
    assert read == ["C-20261122-120000-aaaa", "B-20261121-120000-aaaa"]


def test_other_models_platforms_and_pipelines_do_not_count(world: World, storage: Storage) -> None:
    five = (10.0,) * 5
    finish(world, "A-20261120-120000-aaaa", *five, model="csd")
    finish(world, "B-20261120-120000-aaaa", *five, platform="other")
    finish(world, "C-20261120-120000-aaaa", *five, m2g={"pipeline": "func"})
    finish(world, "D-20261120-120000-aaaa", *five[:4])
    storage.put_json("data", "opsctl/runs/E-20261124-120000-cccc/scans/00000.json", {})
    world.run("F-20261120-120000-aaaa", *(f"sub-{n}" for n in range(9)))
    for index in range(9):
        world.result("F-20261120-120000-aaaa", index, status="failed")
    hours = finished_hours(world.records, platform=PLATFORM, model="csa")
    assert (hours.per_scan, hours.is_measured) == (65 / 60, False)
    assert finished_hours(world.records, platform=PLATFORM, model="csa", pipeline="func").is_measured


def test_a_reused_registration_has_hours_of_its_own(world: World) -> None:
    five = (10.0,) * 5
    finish(world, "A-20261120-120000-aaaa", *five)
    hours = finished_hours(world.records, platform=PLATFORM, model="csa", reuses_registration=True)
    assert (hours.is_measured, hours.is_upper_bound) == (False, True)
    assert "not known yet" in hours.source
    finish(world, "B-20261121-120000-aaaa", 2, 2, 2, 2, 2, m2g={"reuse_registration": True})
    hours = finished_hours(world.records, platform=PLATFORM, model="csa", reuses_registration=True)
    assert (hours.per_scan * 60, hours.is_measured, hours.is_upper_bound) == (pytest.approx(2), True, False)
    hours = finished_hours(world.records, platform=PLATFORM, model="csa")
    assert hours.per_scan * 60 == pytest.approx(10)


def test_the_previews_times_feed_no_estimate(world: World) -> None:
    """Not where it runs, whose estimates are of AWS too, and not on a platform that it shares a bucket with."""
    finish(world, "A-20261120-120000-aaaa", *(0.2,) * 9, image="opsctl-preview:0.1.0")
    local = dataclasses.replace(PLATFORM, endpoint_url="http://127.0.0.1:1", image="opsctl-preview:0.1.0")
    for place in (local, PLATFORM):
        hours = finished_hours(world.records, platform=place, model="csa")
        assert (hours.per_scan, hours.is_measured) == (65 / 60, False)
    assert "preview" in finished_hours(world.records, platform=local, model="csa").source
    assert "preview" not in hours.source


def test_a_local_platform_with_m2gs_own_image_measures(world: World) -> None:
    finish(world, "A-20261120-120000-aaaa", *(30.0,) * 5)
    local = dataclasses.replace(PLATFORM, endpoint_url="http://127.0.0.1:1")
    assert finished_hours(world.records, platform=local, model="csa").is_measured


def test_the_estimate_counts_what_this_platforms_instances_took_to_start(world: World, storage: Storage) -> None:
    assert finished_hours(world.records, platform=PLATFORM, model="csd").startup is None
    entry = {"measured_at": "2026-11-28T12:00:00Z", "boot_seconds": 100, "pull_seconds": 60, "start_seconds": 20}
    times = [
        {**entry, "instance_type": "r6i.large", "boot_seconds": 9},
        {**entry, "instance_type": PLATFORM.models["csd"].instance_type},
        {**entry, "instance_type": PLATFORM.models["csd"].instance_type, "boot_seconds": 7},
    ]
    storage.put_json("data", "opsctl/platform/times.json", {"schema_version": 1, "times": times})
    startup = finished_hours(world.records, platform=PLATFORM, model="csd").startup
    assert startup is not None
    assert (startup.hours * 3600, startup.measured_on) == (pytest.approx(180), "2026-11-28")
    storage.put_json("data", "opsctl/platform/times.json", {"schema_version": 9})
    assert finished_hours(world.records, platform=PLATFORM, model="csd").startup is None

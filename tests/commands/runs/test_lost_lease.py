"""A `run` that has lost its submission lease, at whatever moment, submits nothing more and gives nothing up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.fake_batch import RESET, THROTTLED, FakeBatch, Fault
from support.record_examples import LEASE
from support.run_world import RunWorld, put_dataset

from opsctl.aws.s3.storage import Storage
from opsctl.commands.costs.budget import Budget, Spending
from opsctl.commands.runs import submission_lease
from opsctl.commands.runs.run_plan import RunPlan
from opsctl.commands.runs.submission_lease import SubmissionLease
from opsctl.core.costs.estimate import Estimate
from opsctl.core.costs.reserve import Reserve
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.errors import Problem
from opsctl.core.location import OUTPUTS_PREFIX, Location
from opsctl.home import Home

SUBJECTS = ("sub-01", "sub-02", "sub-03", "sub-04")


class Killed(BaseException):
    """What SIGKILL is to a process: nothing of it runs any more."""


@dataclass
class Moments:
    """Counts what a `run` does with the lease in its hand, and takes the lease away after one of its steps.

    Attributes
    ----------
    lose
        How the lease is lost; called once, after step `lost_after` (from 1).
    """

    lose: Callable[[], None] = lambda: None
    lost_after: int = 0
    steps: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)

    def step(self, name: str) -> None:
        self.steps.append(name)
        if len(self.steps) > self.lost_after > 0:
            self.after.append(name)
        if len(self.steps) == self.lost_after:
            self.lose()


class WatchedBatch(FakeBatch):
    """A Batch whose calls are steps."""

    moments: Moments

    def submit_job(self, **request: Any) -> dict[str, str]:
        try:
            return super().submit_job(**request)
        finally:
            self.moments.step("SubmitJob")

    def paginate(self, **request: Any) -> Any:
        pages = list(super().paginate(**request))
        if "filters" in request:
            self.moments.step("look-up")
        return iter(pages)


@dataclass
class LeasedWorld(RunWorld):
    """A world whose every wait, call of Batch and abandonment is a step, and whose lease has a clock of its own."""

    moments: Moments = field(default_factory=Moments)
    clock: float = 0.0

    def __post_init__(self) -> None:
        batch = WatchedBatch(jobs=self.batch.jobs)
        batch.moments = self.moments
        self.batch = batch
        moments = self.moments

        class Pauses(list[float]):
            def append(self, seconds: float) -> None:
                super().append(seconds)
                moments.step("pause")

        self.sleeps = Pauses()

    def lease(self, plan: RunPlan) -> SubmissionLease:
        return SubmissionLease(
            self.storage,
            Home(self.home),
            plan.output,
            data_bucket="data",
            who="ada@lab",
            on_wait=self.messages.append,
            sleep=self.sleeps.append,
            monotonic=lambda: self.clock,
        )

    def budget(self) -> Budget:
        """Portions of two scans; room for the second only after a wait."""
        in_flight = [0, 4, 4, 0, 0]
        return Budget(
            100.0,
            estimate=Estimate(usd=0.0, usd_per_scan=1.0, wall_hours=1.0, basis=""),
            reserve=Reserve(hours=1.0, usd_per_hour=1.0, attempts=5, timeout_hours=6.0),
            current_spending=lambda: Spending(0.0, in_flight.pop(0)),
            at_once=4,
            sleep=self.sleeps.append,
            on_wait=self.messages.append,
        )


def take_over(world: LeasedWorld) -> None:
    """Do what another person's `run` does once this one's lease is stale."""
    leases = sorted(obj.key for obj in world.storage.below(Location("data", OUTPUTS_PREFIX.rstrip("/"))))
    stem, _, number = leases[-1].removesuffix(".json").rpartition(".")
    world.storage.put_json("data", f"{stem}.{int(number) + 1:05d}.json", {**LEASE, "who": "mary@mac"})


def suspend(world: LeasedWorld) -> None:
    """Do what a closed laptop does to a process: the clock has gone on, and nothing was renewed."""
    world.clock += submission_lease.LEASE_SECONDS


def kill_first_run(world: LeasedWorld) -> None:
    """Leave a run of all scans that was killed in its first SubmitJob, before Batch got it."""
    world.batch.faults = [Fault(Killed())]
    with pytest.raises(Killed):
        world.run()


def two_arrays_and_faults(world: LeasedWorld) -> Callable[[], Any]:
    world.batch.faults = [Fault(THROTTLED), Fault(RESET), None, Fault(THROTTLED), None]
    return world.run


def interrupted_run_continued(world: LeasedWorld) -> Callable[[], Any]:
    kill_first_run(world)
    plan = world.plan()
    return lambda: world.carry_out(plan)


def interrupted_run_abandoned(world: LeasedWorld) -> Callable[[], Any]:
    kill_first_run(world)
    plan = world.plan(first=1)
    return lambda: world.carry_out(plan)


def portions_of_a_budget(world: LeasedWorld) -> Callable[[], Any]:
    plan = world.plan(max_spend_usd=100.0)
    return lambda: world.carry_out(plan, budget=world.budget())


_FIND = ["pause", "look-up"] * 3
#: Under the lease the two interrupted submissions are looked for by name, as every reader of their run does.
_READ = ["look-up"] * 2
#: What each run does, step by step.
SCENARIOS = {
    two_arrays_and_faults: ["SubmitJob", "pause", "SubmitJob", *_FIND, "SubmitJob", "SubmitJob", "pause", "SubmitJob"],
    interrupted_run_continued: [*_READ, *_FIND, "SubmitJob", *_FIND, "SubmitJob"],
    interrupted_run_abandoned: [*_READ, *_FIND, "abandon", *_FIND, "abandon", "SubmitJob"],
    portions_of_a_budget: ["SubmitJob", "pause", "pause", "SubmitJob"],
}


@pytest.fixture
def world(s3: Any, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LeasedWorld:
    """Four scans, which are two arrays, as 20,000 are on AWS."""
    put_dataset(s3, *SUBJECTS)
    for number, subject in enumerate(SUBJECTS):
        s3.put_object(Bucket="data", Key=f"HNU1/{subject}/dwi/{subject}_dwi.nii.gz", Body=f"scan {number}".encode())
    monkeypatch.setattr("opsctl.core.runs.submission.array_sizes.__kwdefaults__", {"most": 2})
    monkeypatch.setattr("opsctl.commands.runs.run.LARGEST_ARRAY", 2)
    world = LeasedWorld(storage, tmp_path)
    put_json = storage.put_json

    def watched_put_json(bucket: str, key: str, value: dict[str, Any]) -> None:
        put_json(bucket, key, value)
        if "/abandoned/" in key:
            world.moments.step("abandon")

    monkeypatch.setattr(storage, "put_json", watched_put_json)
    return world


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_steps_at_which_a_lease_can_be_lost(
    world: LeasedWorld, scenario: Callable[[LeasedWorld], Callable[[], Any]]
) -> None:
    run = scenario(world)
    world.moments.steps.clear()
    run()
    assert world.moments.steps == SCENARIOS[scenario]


@pytest.mark.parametrize("lose", [take_over, suspend])
@pytest.mark.parametrize(
    ("scenario", "lost_after"),
    [
        pytest.param(scenario, number, id=f"{scenario.__name__}-{number}-{step}")
        for scenario, steps in SCENARIOS.items()
        for number, (step, following) in enumerate(pairwise(steps), 1)
        if following in ("SubmitJob", "abandon")
    ],
)
def test_nothing_is_submitted_or_abandoned_after_the_lease_is_lost(
    world: LeasedWorld,
    scenario: Callable[[LeasedWorld], Callable[[], Any]],
    lost_after: int,
    lose: Callable[[LeasedWorld], None],
) -> None:
    run = scenario(world)
    world.moments.steps.clear()
    world.moments.lost_after = lost_after
    world.moments.lose = lambda: lose(world)
    with pytest.raises(Problem, match="mary@mac has taken over" if lose is take_over else "nothing more is submitted"):
        run()
    assert not {"SubmitJob", "abandon"} & set(world.moments.after), world.moments.after


@pytest.mark.parametrize(
    ("settled_as", "end_states"),
    [
        pytest.param("other job", "FAILED", id="submitted anew"),
        pytest.param("abandoned", "FAILED", id="given up"),
        pytest.param("this job", "RUNNABLE", id="found by its name"),
        pytest.param("", "RUNNABLE", id="not settled yet"),
    ],
)
def test_a_job_that_was_submitted_after_the_lease_was_lost_does_not_run_twice(
    world: LeasedWorld, settled_as: str, end_states: str
) -> None:
    """The process is stopped after its check and before SubmitJob, and another one submits meanwhile."""
    submit_job = world.batch.submit_job

    def stopped_before_the_call(**request: Any) -> dict[str, str]:
        suspend(world)
        take_over(world)
        reply = submit_job(**request)
        (run_id,) = world.records.run_ids()
        submission = world.records.submission_log(run_id)[0]
        if settled_as == "abandoned":
            settled = submission.abandoned("by mary", code=CauseCode.NEVER_SUBMITTED, at="2026-11-22T12:00:00Z")
            world.records.put_submission(run_id, settled)
        elif settled_as:
            job_id = reply["jobId"] if settled_as == "this job" else "job-of-mary"
            world.records.put_submission(run_id, submission.submitted(job_id, at="2026-11-22T12:00:00Z"))
        return reply

    world.batch.submit_job = stopped_before_the_call  # type: ignore[method-assign]
    # Of two arrays the second is not submitted.
    with pytest.raises(Problem, match="mary@mac has taken over the submission") as caught:
        world.run()
    assert f"{2 if settled_as == 'this job' else 0} of 4 scans were submitted" in str(caught.value)
    (job,) = world.batch.jobs.values()
    assert set(job["states"]) == {end_states}
    (run_id,) = world.records.run_ids()
    states = {"other job": "submitted", "this job": "submitted", "abandoned": "abandoned", "": "intended"}
    submission = world.records.submission_log(run_id)[0]
    assert submission.state == states[settled_as]
    assert submission.job_id == {"other job": "job-of-mary", "this job": "job-0"}.get(settled_as, "")


def test_a_slow_submission_that_nobody_took_over_is_recorded(world: LeasedWorld) -> None:
    submit_job = world.batch.submit_job

    def slow(**request: Any) -> dict[str, str]:
        suspend(world)
        return submit_job(**request)

    world.batch.submit_job = slow  # type: ignore[method-assign]
    with pytest.raises(Problem, match="nothing more is submitted"):
        world.run()
    (run_id,) = world.records.run_ids()
    assert [submission.state for submission in world.records.submission_log(run_id)] == ["submitted", "intended"]

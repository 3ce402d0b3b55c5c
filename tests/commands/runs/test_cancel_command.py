"""`cancel`: every chosen job ends and is seen to end, and no other job does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from support.batch_world import (
    BatchWorld,
    Child,
    MemoryRecords,
    made_result,
    made_run,
    snapshots_of,
    status_of,
    submitted,
)

from opsctl.commands.runs.cancel import Canceller, CancelOutcome
from opsctl.core.errors import Problem
from opsctl.core.runs.manifest import Origin, Run
from opsctl.core.runs.names import find_scans

REASON = "opsctl cancel: by ada"


@dataclass
class Scenario:
    """A run, its jobs, and a clock that only `sleep` moves."""

    run: Run
    world: BatchWorld = field(default_factory=BatchWorld)
    records: MemoryRecords = field(default_factory=MemoryRecords)
    now: float = 0.0

    def canceller(self) -> Canceller:
        batch = self.world.adapter
        return Canceller(
            snapshots_of(self.run, self.records, batch),
            records=self.records,  # type: ignore[arg-type]
            batch=batch,
            user="ada",
            sleep=self.sleep,
            clock=lambda: self.now,
            timestamp=lambda: "2026-11-22T14:00:00Z",
        )

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def cancel(self, *names: str) -> CancelOutcome:
        canceller = self.canceller()
        plan = canceller.plan(find_scans(self.run.scans, names) if names else None)
        return canceller.carry_out(plan, poll_seconds=1.0)

    def causes(self) -> dict[str, str]:
        status = status_of(snapshots_of(self.run, self.records, self.world.adapter))
        return {scan.name: scan.cause for scan in (*status.failed, *status.cancelled)}


def scenario_of(*statuses: str, **changes: Any) -> Scenario:
    run = made_run(len(statuses), **changes)
    scenario = Scenario(run)
    scenario.world.arrays["p"] = [Child(status) for status in statuses]
    done = [made_result(index) for index, status in enumerate(statuses) if status == "SUCCEEDED"]
    scenario.records.add(run, submitted(run), results=done)
    return scenario


def test_a_whole_run_is_ended_by_its_parent_and_what_is_done_stays() -> None:
    scenario = scenario_of("SUCCEEDED", "RUNNING", "RUNNABLE", "FAILED")
    outcome = scenario.cancel()
    assert outcome.cancelled == ("sub-00001", "sub-00002")
    assert outcome.finished_before == ("sub-00000", "sub-00003")
    assert (outcome.finished_meanwhile, outcome.left) == ((), ())
    assert scenario.world.terminated == [("p", REASON)]
    # Seen to have ended at the first look.
    assert scenario.now == 0
    assert scenario.causes() == {
        "sub-00001": "cancelled by ada",
        "sub-00002": "cancelled by ada",
        "sub-00003": "failed without a reason",
    }


def test_a_child_that_the_parents_end_does_not_reach_is_ended_itself() -> None:
    scenario = scenario_of(*["RUNNING"] * 120)
    for child in scenario.world.arrays["p"][10:]:
        child.is_stubborn = True
    outcome = scenario.cancel()
    assert len(outcome.cancelled) == 120
    assert {child.status for child in scenario.world.arrays["p"]} == {"FAILED"}
    assert scenario.world.bulk_sizes == [50, 50, 10]


def test_a_parents_summary_that_says_all_have_ended_is_not_believed() -> None:
    scenario = scenario_of("RUNNING", "RUNNING", "RUNNING")
    scenario.world.arrays["p"][2].is_stubborn = True
    reply = scenario.world._reply

    def too_early(job_id: str) -> Any:
        detail = reply(job_id)
        if detail and "statusSummary" in detail.get("arrayProperties", {}) and scenario.world.terminated:
            detail["arrayProperties"]["statusSummary"] = {"FAILED": 3}
        return detail

    scenario.world._reply = too_early  # type: ignore[method-assign]
    outcome = scenario.cancel()
    assert scenario.world.arrays["p"][2].status == "FAILED"
    assert len(outcome.cancelled) == 3


def test_what_would_not_end_is_named_after_a_bounded_wait() -> None:
    scenario = scenario_of("RUNNING", "RUNNING")
    scenario.world.arrays["p"][1].is_stubborn = True
    scenario.world.unending.add("p:1")
    outcome = scenario.cancel()
    assert (outcome.cancelled, outcome.left) == (("sub-00000",), ("sub-00001",))
    assert 120 <= scenario.now <= 240
    # It was told again and again, not once.
    assert scenario.world.calls["TerminateJobs"] > 5


@pytest.mark.parametrize("size", [3, 700])
def test_some_scans_leave_the_others_alone(size: int) -> None:
    scenario = scenario_of(*["RUNNING"] * size)
    outcome = scenario.cancel("sub-0000[12]")
    assert outcome.cancelled == ("sub-00001", "sub-00002")
    assert [child.status for child in scenario.world.arrays["p"]] == ["RUNNING", "FAILED", "FAILED"] + ["RUNNING"] * (
        size - 3
    )
    assert scenario.world.calls["TerminateJob"] == 0


def test_hundreds_of_an_array_are_ended_fifty_a_call() -> None:
    scenario = scenario_of(*["RUNNABLE"] * 1500)
    outcome = scenario.cancel("sub-00*", "sub-010*")
    assert len(outcome.cancelled) == 1100
    assert sum(child.status == "RUNNABLE" for child in scenario.world.arrays["p"]) == 400
    assert scenario.world.bulk_sizes == [50] * 22


def test_what_finishes_by_itself_meanwhile_is_told_apart() -> None:
    scenario = scenario_of("RUNNING", "RUNNING")
    canceller = scenario.canceller()
    plan = canceller.plan(None)
    scenario.world.arrays["p"][0].status = "SUCCEEDED"
    scenario.records.written[scenario.run.run_id][0] = made_result(0)
    outcome = canceller.carry_out(plan, poll_seconds=1.0)
    assert (outcome.finished_meanwhile, outcome.cancelled) == (("sub-00000",), ("sub-00001",))


def test_scans_adopted_on_their_way_are_ended_and_their_runs_others_are_not() -> None:
    scenario = Scenario(made_run(2, sizes=(1,), adopted=(Origin("HNU1-20261121-120000-aaaa", 1),)))
    old = made_run(3, run_id="HNU1-20261121-120000-aaaa")
    scenario.world.job_names["old"] = f"{old.run_id}-00"
    scenario.world.arrays["old"] = [Child("RUNNING"), Child("RUNNING"), Child("RUNNING")]
    scenario.world.plain["new"] = Child("RUNNABLE")
    scenario.records.add(old, submitted(old, job_id="old"))
    scenario.records.add(scenario.run, submitted(scenario.run, job_id="new"))
    assert len(scenario.cancel().cancelled) == 2
    assert sorted(scenario.world.terminated) == [("new", REASON), ("old:1", REASON)]
    assert list(scenario.records.final_job_states[old.run_id]) == [1]


def test_a_submission_that_nobody_wrote_down_is_ended_twins_and_all() -> None:
    scenario = scenario_of("RUNNING", "RUNNING")
    scenario.records.submission_logs[scenario.run.run_id] = [submitted(scenario.run, state="intended", job_id="")]
    scenario.world.names[f"{scenario.run.run_id}-00"] = ["p", "twin"]
    scenario.world.plain["twin"] = Child("RUNNING")
    assert len(scenario.cancel().cancelled) == 2
    assert scenario.world.plain["twin"].status == "FAILED"


def test_a_submission_that_batch_does_not_have_is_marked_so_that_its_jobs_write_nothing() -> None:
    scenario = Scenario(made_run(2, created_at="2026-11-22T13:59:30Z"))
    scenario.records.add(scenario.run, submitted(scenario.run, state="intended", job_id=""))
    outcome = scenario.cancel()
    (entry,) = scenario.records.submission_log(scenario.run.run_id)
    assert (entry.state, entry.note, entry.note_code) == ("abandoned", "cancelled by ada", "cancelled")
    assert outcome.cancelled == ("sub-00000", "sub-00001")
    assert set(scenario.causes().values()) == {"not submitted: cancelled by ada"}


def test_nothing_active_is_seen_before_anything_is_done() -> None:
    scenario = scenario_of("SUCCEEDED", "FAILED")
    plan = scenario.canceller().plan(None)
    assert (plan.active, len(plan.finished)) == ((), 2)
    assert plan.empty_outcome().as_json()["finished_before"] == ["sub-00000", "sub-00001"]
    assert scenario.world.terminated == []


def test_who_cancelled_is_known_after_batch_has_forgotten_also_where_the_job_left_a_result() -> None:
    scenario = scenario_of("RUNNING", "RUNNABLE")
    stopped = made_result(0, status="failed", cause="stopped by SIGTERM", cause_code="stopped", exit_code=143)
    scenario.cancel()
    scenario.records.written[scenario.run.run_id][0] = stopped
    scenario.causes()
    scenario.world.arrays.clear()
    assert scenario.causes() == {"sub-00000": "cancelled by ada", "sub-00001": "cancelled by ada"}


def test_an_unknown_scan_tells_near_names() -> None:
    with pytest.raises(Problem, match="no scan sub-0001") as caught:
        find_scans(("sub-00001", "sub-00002", "x"), ["sub-0001"])
    assert "sub-00001" in caught.value.hint
    assert caught.value.exit_code == 1


def test_names_and_globs() -> None:
    scans = ("sub-01/ses-1", "sub-01/ses-2", "sub-[1]", "sub-1")
    assert find_scans(scans, ["sub-01/*", "sub-01/ses-2"]) == [0, 1]
    # A name that looks like a glob is a name first.
    assert find_scans(scans, ["sub-[1]"]) == [2]


@pytest.mark.parametrize("own_is_found", [True, False])
@pytest.mark.parametrize("indices", [(), ("sub-00001",)])
def test_the_job_of_somebody_else_whose_id_stands_in_a_submission_is_left_alone(
    indices: tuple[str, ...], own_is_found: bool
) -> None:
    """Who may write to the bucket names another job of the account; this submission's own job is found by its name."""
    scenario = scenario_of("RUNNING", "RUNNING")
    world, run = scenario.world, scenario.run
    world.arrays["payroll"] = [Child("RUNNING"), Child("RUNNING")]
    world.job_names["payroll"] = "payroll"
    scenario.records.submission_logs[run.run_id] = [submitted(run, job_id="payroll")]
    world.names[f"{run.run_id}-00"] = ["p"] if own_is_found else []
    outcome = scenario.cancel(*indices)
    assert {job_id.partition(":")[0] for job_id, _ in world.terminated} == ({"p"} if own_is_found else set())
    assert {child.status for child in world.arrays["payroll"]} == {"RUNNING"}
    if own_is_found:
        assert outcome.cancelled == (indices or run.scans)
    assert "its job payroll is payroll in AWS Batch, and not a job of this submission" in scenario.records.reported[0]


def test_the_jobs_of_another_platforms_run_whose_records_were_copied_are_left_alone() -> None:
    for state, job_id in (("submitted", "p"), ("intended", "")):
        scenario = scenario_of("RUNNING", "RUNNING")
        scenario.world.data_bucket = "another"
        scenario.world.names[f"{scenario.run.run_id}-00"] = ["p"]
        scenario.records.submission_logs[scenario.run.run_id] = [submitted(scenario.run, state=state, job_id=job_id)]
        scenario.cancel()
        assert scenario.world.terminated == []

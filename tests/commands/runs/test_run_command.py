"""`run` may be killed anywhere and typed again: nothing is submitted twice, nothing is forgotten."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.fake_batch import BROKEN, DENIED, RESET, THROTTLED, Fault
from support.run_world import RunWorld, put_dataset
from support.stored_json import stored_json

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.records import Records
from opsctl.core.errors import Interrupted, Problem
from opsctl.core.runs.m2g_options import M2gOptions

SUBJECTS = ("sub-01", "sub-02/ses-1", "sub-02/ses-retest", "sub-03")
FIRST = "HNU1-20261122-120100-0001"


@pytest.fixture
def world(s3: Any, storage: Storage, tmp_path: Path) -> RunWorld:
    # Scans of equal bytes would have equal keys: these differ, as real ones do.
    put_dataset(s3, *SUBJECTS)
    for number, place in enumerate(SUBJECTS):
        message = place.replace("/", "_")
        s3.put_object(Bucket="data", Key=f"HNU1/{place}/dwi/{message}_dwi.nii.gz", Body=f"scan {number}".encode())
    return RunWorld(storage, tmp_path)


@pytest.fixture
def small_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four scans are two arrays, as 20,000 are on AWS."""
    monkeypatch.setattr("opsctl.core.runs.submission.array_sizes.__kwdefaults__", {"most": 2})
    monkeypatch.setattr("opsctl.commands.runs.run.LARGEST_ARRAY", 2)


def submitted(world: RunWorld) -> Counter[str]:
    """How often each scan was submitted: what a job would find in its JSON."""
    counts: Counter[str] = Counter()
    for job in world.batch.jobs.values():
        variables = job["request"]["containerOverrides"]["environment"]
        environment = {variable["name"]: variable["value"] for variable in variables}
        run_id = environment["OPSCTL_RUN_URI"].rpartition("/")[2]
        for child in range(job["size"]):
            document = world.records.document(run_id, int(environment["OPSCTL_SCAN_OFFSET"]) + child)
            assert document is not None
            counts[document["scan"]["name"]] += 1
    return counts


ONCE = Counter(dict.fromkeys(SUBJECTS, 1))


def test_records_and_submissions_are_written_before_they_are_needed(world: RunWorld, s3_writes: list[str]) -> None:
    world.batch.on_submit = lambda request: s3_writes.append("SubmitJob")
    outcome = world.run()
    folder = f"opsctl/runs/{FIRST}"
    written = [key for key in s3_writes if not key.startswith("opsctl/outputs/")]
    submission_record = f"{folder}/submissions/00.json"
    assert sorted(written[:5]) == [*(f"{folder}/scans/{index:05d}.json" for index in range(4)), submission_record]
    assert written[5:] == [f"{folder}/run.json", "SubmitJob", submission_record]
    assert (outcome.run_id, outcome.submitted, outcome.done, outcome.in_flight) == (FIRST, 4, 0, 0)
    (submission,) = world.records.submissions(FIRST)
    assert (submission.job_id, submission.offset, submission.size, submission.state) == ("job-0", 0, 4, "submitted")


def test_typed_again_it_submits_nothing(world: RunWorld) -> None:
    world.run()
    again = world.plan()
    assert again.counts == {"in flight": 4}
    assert again.to_submit() == []
    assert world.carry_out(again).submitted == 0
    assert submitted(world) == ONCE


def test_the_rest_is_a_run_that_shows_all(world: RunWorld) -> None:
    world.run()
    world.finish(FIRST, 0, 1)
    world.finish(FIRST, 2, status="failed")
    world.batch.end("job-0", "SUCCEEDED", "SUCCEEDED", "FAILED", "RUNNING")
    outcome = world.run()
    assert (outcome.submitted, outcome.done, outcome.in_flight) == (1, 2, 1)
    run = world.records.run(outcome.run_id)
    assert run.scans == ("sub-02/ses-retest", "sub-01", "sub-02/ses-1", "sub-03")
    assert [(origin.run_id, origin.index) for origin in run.adopted] == [(FIRST, 0), (FIRST, 1), (FIRST, 3)]
    assert submitted(world) == ONCE + Counter({"sub-02/ses-retest": 1})


def test_of_what_failed_only(world: RunWorld) -> None:
    world.run(first=3)
    world.finish(FIRST, 0)
    world.finish(FIRST, 1, status="failed")
    world.batch.end("job-0", "SUCCEEDED", "FAILED", "FAILED")
    assert world.run(only="failed").submitted == 2
    assert submitted(world) == Counter({"sub-01": 1, "sub-02/ses-1": 2, "sub-02/ses-retest": 2})


def test_all_again_but_what_is_on_its_way(world: RunWorld) -> None:
    world.run()
    world.finish(FIRST, 0, 1, 2)
    world.batch.end("job-0", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "RUNNING")
    outcome = world.run(only="all")
    assert (outcome.submitted, outcome.in_flight) == (3, 1)
    assert submitted(world)["sub-03"] == 1


def test_outputs_that_are_gone_or_others_are_made_again(world: RunWorld, s3: Any) -> None:
    world.run()
    world.finish(FIRST, 0, 1, 2, 3)
    world.batch.end("job-0", "SUCCEEDED")
    assert world.plan().counts == {"done": 4}
    place = "HNU1/derivatives/m2g-csa-native"
    s3.delete_object(Bucket="data", Key=f"{place}/sub-01/connectomes_d/one_connectome.csv")
    s3.put_object(Bucket="data", Key=f"{place}/sub-03/connectomes_d/one_connectome.csv", Body=b"6 6 6")
    plan = world.plan()
    assert plan.counts == {"done": 2, "damaged": 2}
    assert [scan.name for scan in plan.to_submit()] == ["sub-01", "sub-03"]


def test_other_inputs_are_other_work(world: RunWorld, s3: Any) -> None:
    world.run()
    world.finish(FIRST, 0, 1, 2, 3)
    world.batch.end("job-0", "SUCCEEDED")
    s3.put_object(Bucket="data", Key="HNU1/sub-01/dwi/sub-01_dwi.bval", Body=b"other")
    assert world.plan().counts == {"changed": 1, "done": 3}


def test_what_batch_has_forgotten_without_a_result_is_made_again(world: RunWorld) -> None:
    world.run()
    world.finish(FIRST, 0, 1, 2)
    world.batch.jobs.clear()
    assert world.plan().counts == {"done": 3, "failed": 1}


class Killed(BaseException):
    """What SIGKILL is to a process: nothing of it runs any more."""


MOMENTS = [
    pytest.param([Fault(Killed(), carried_out=False)], id="before Batch took it"),
    pytest.param([Fault(Killed(), carried_out=True)], id="after Batch took it"),
    pytest.param([None, Fault(Killed(), carried_out=False)], id="before the second"),
    pytest.param([None, Fault(Killed(), carried_out=True)], id="after the second"),
]


@pytest.mark.usefixtures("small_arrays")
@pytest.mark.parametrize("faults", MOMENTS)
def test_killed_in_a_submission_and_typed_again(world: RunWorld, faults: list[Fault | None]) -> None:
    world.batch.faults = list(faults)
    with pytest.raises(Killed):
        world.run()
    outcome = world.run()
    assert submitted(world) == ONCE
    # The first run went on under its own name; no second one was made.
    assert outcome.run_id == FIRST
    assert world.plan().counts == {"in flight": 4}
    assert [submission.state for submission in world.records.submission_log(FIRST)] == ["submitted", "submitted"]


@pytest.mark.parametrize("writes", range(7))
def test_killed_after_any_write_and_typed_again(
    world: RunWorld, s3: Any, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    real, left = s3.put_object, [writes]

    def put_object(**request: Any) -> Any:
        if "/runs/" in request["Key"]:
            if not left[0]:
                raise Killed
            left[0] -= 1
        return real(**request)

    monkeypatch.setattr(s3, "put_object", put_object)
    with pytest.raises(Killed):
        world.run()
    monkeypatch.setattr(s3, "put_object", real)
    world.run()
    assert submitted(world) == ONCE
    assert world.plan().counts == {"in flight": 4}


def test_a_lost_record_of_a_submission_is_no_lost_submission(world: RunWorld, s3: Any) -> None:
    world.run()
    s3.delete_object(Bucket="data", Key=f"opsctl/runs/{FIRST}/submissions/00.json")
    outcome = world.run()
    assert (outcome.submitted, outcome.in_flight) == (0, 4)
    assert submitted(world) == ONCE


def test_a_job_that_was_seen_once_is_not_given_up_when_listjobs_lags(world: RunWorld) -> None:
    """The plan sees the interrupted submissions' jobs; under the lease every look-up but the first is too late."""
    world.batch.faults = [Fault(Killed(), carried_out=True)]
    with pytest.raises(Killed):
        world.run()
    plan = world.plan()
    assert plan.counts == {"in flight": 4}
    prior_runs = world.prior_runs(plan.request)
    prior_runs.dispositions(plan.scan_keys, prior_runs.runs())
    world.batch.stale_looks = 100
    world.prior_runs = lambda _: prior_runs  # type: ignore[method-assign]
    outcome = world.carry_out(plan)
    assert (outcome.submitted, outcome.in_flight) == (0, 4)
    assert [submission.state for submission in world.records.submission_log(FIRST)] == ["submitted"]
    assert submitted(world) == ONCE


def test_killed_and_then_other_scans_are_typed(world: RunWorld) -> None:
    world.batch.faults = [Fault(Killed(), carried_out=False)]
    with pytest.raises(Killed):
        world.run()
    outcome = world.run(first=1)
    assert outcome.submitted == 1
    assert submitted(world) == Counter({"sub-01": 1})
    # Nobody wants the four any more: a job of them that turns up nevertheless is told so.
    (given_up,) = world.records.submission_log(FIRST)
    assert (given_up.state, given_up.note_code) == ("abandoned", "never_submitted")
    assert stored_json(world.storage, f"opsctl/runs/{FIRST}/abandoned/00000.json") is not None


def test_killed_while_a_submission_was_given_up(world: RunWorld, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mark is there, by which its jobs write nothing, and the record still says `intended`."""
    world.batch.faults = [Fault(Killed(), carried_out=False)]
    with pytest.raises(Killed):
        world.run()
    real = s3.put_object

    def put_object(**request: Any) -> Any:
        if "/submissions/" in request["Key"]:
            raise Killed
        return real(**request)

    monkeypatch.setattr(s3, "put_object", put_object)
    with pytest.raises(Killed):
        world.run(first=1)
    monkeypatch.setattr(s3, "put_object", real)
    outcome = world.run()
    assert [submission.state for submission in world.records.submission_log(FIRST)] == ["abandoned"]
    assert (outcome.submitted, outcome.run_id != FIRST) == (4, True)
    assert submitted(world) == ONCE


def test_a_colleague_with_another_home_goes_on(world: RunWorld, tmp_path: Path) -> None:
    world.batch.faults = [Fault(Killed(), carried_out=True)]
    with pytest.raises(Killed):
        world.run()
    colleague = RunWorld(world.storage, tmp_path / "elsewhere", batch=world.batch, minutes=5)
    assert colleague.run().in_flight == 4
    assert submitted(world) == ONCE
    assert world.records.run_ids() == [FIRST], "a run that adds nothing leaves nothing"


def test_two_people_who_type_the_same_run_at_once(world: RunWorld, tmp_path: Path) -> None:
    colleague = RunWorld(world.storage, tmp_path / "elsewhere", batch=world.batch, minutes=5)
    mine, theirs = world.plan(), colleague.plan()  # both are asked, both say yes
    assert world.carry_out(mine).submitted == 4
    outcome = colleague.carry_out(theirs)
    assert (outcome.submitted, outcome.in_flight) == (0, 4)
    assert submitted(world) == ONCE


def test_scans_that_another_submits_meanwhile_leave_the_run_and_its_jsons(world: RunWorld, tmp_path: Path) -> None:
    colleague = RunWorld(world.storage, tmp_path / "elsewhere", batch=world.batch, minutes=5)
    mine, theirs = world.plan(), colleague.plan(first=1)
    colleague.carry_out(theirs)
    outcome = world.carry_out(mine)
    assert (outcome.submitted, outcome.in_flight) == (3, 1)
    run, documents = world.records.run(outcome.run_id), world.records.documents(outcome.run_id)
    assert [documents[index]["scan"]["name"] for index in range(3)] == list(run.scans[:3])
    assert [submission.size for submission in world.records.submission_log(outcome.run_id)] == [3]


FAULTS = [
    pytest.param([Fault(THROTTLED)] * 3, 0, 4, id="throttled"),
    pytest.param([Fault(BROKEN)] * 2, 0, 3, id="500, not carried out"),
    pytest.param([Fault(BROKEN, carried_out=True)], 0, 1, id="500, carried out"),
    pytest.param([Fault(RESET)], 0, 2, id="reset before"),
    pytest.param([Fault(RESET, carried_out=True)], 0, 1, id="reset after"),
    pytest.param([Fault(RESET, carried_out=True)], 2, 1, id="reset after, and ListJobs lags behind"),
]


@pytest.mark.parametrize(("faults", "stale", "calls"), FAULTS)
def test_a_fault_of_submitjob_neither_loses_nor_doubles(
    world: RunWorld, faults: list[Fault | None], stale: int, calls: int
) -> None:
    world.batch.faults = list(faults)
    world.batch.stale_looks = stale
    assert world.run().submitted == 4
    assert submitted(world) == ONCE
    assert world.batch.calls == calls


def test_when_listjobs_hides_it_for_long_the_second_job_is_ended(world: RunWorld) -> None:
    world.batch.faults = [Fault(RESET, carried_out=True), Fault(RESET, carried_out=True)]
    world.batch.stale_looks = 3
    world.run()
    assert [job["states"][0] for job in world.batch.jobs.values()] == ["RUNNABLE", "FAILED"]
    assert world.records.submissions(FIRST)[0].job_id == "job-0"


def test_a_name_that_only_looks_alike_is_another_run(world: RunWorld) -> None:
    plan = world.plan()
    world.batch.submit_job(jobName=f"{plan.run_id.lower()}-00", jobQueue="arn:queue-csa")
    world.batch.faults = [Fault(RESET)]
    world.carry_out(plan)
    assert len(world.batch.jobs) == 2


CUT_SHORT = [
    pytest.param(KeyboardInterrupt(), False, Interrupted, "Stopped. 2 of 4 scans were submitted, 2 were not", 130),
    pytest.param(KeyboardInterrupt(), True, Interrupted, "Stopped. 4 of 4 scans were submitted, 0 were not", 130),
    pytest.param(DENIED, False, Problem, "not you. 2 of 4 scans were submitted, 2 were not", 1),
]


@pytest.mark.usefixtures("small_arrays")
@pytest.mark.parametrize(("fault", "carried_out", "kind", "message", "code"), CUT_SHORT)
def test_cut_short_it_says_exactly_what_is_submitted(
    world: RunWorld, fault: BaseException, carried_out: bool, kind: type[Problem], message: str, code: int
) -> None:
    world.batch.faults = [None, Fault(fault, carried_out=carried_out)]
    with pytest.raises(kind) as caught:
        world.run()
    assert message in caught.value.what
    assert caught.value.exit_code == code
    assert "goes on" in caught.value.hint or "administrator" in caught.value.hint
    world.run()
    assert submitted(world) == ONCE


@pytest.mark.usefixtures("small_arrays")
def test_a_refusal_is_recorded_with_every_submission_that_it_ended(world: RunWorld) -> None:
    world.batch.faults = [None, Fault(DENIED)]
    with pytest.raises(Problem, match="not you"):
        world.run()
    (run_id,) = world.records.run_ids()
    log = world.records.submission_log(run_id)
    assert [(one.state, "not you" in one.note) for one in log] == [("submitted", False), ("intended", True)]
    world.run()
    assert submitted(world) == ONCE


def test_nothing_is_submitted_when_the_records_cannot_be_written(
    world: RunWorld, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = s3.put_object

    def put_object(**request: Any) -> Any:
        if request["Key"].endswith("00002.json"):
            raise DENIED
        return real(**request)

    monkeypatch.setattr(s3, "put_object", put_object)
    with pytest.raises(Problem, match="0 of 4 scans were submitted"):
        world.run()
    assert world.batch.calls == 0


def test_the_outcome_is_json(world: RunWorld) -> None:
    value = world.run().as_json()
    assert json.loads(json.dumps(value)) == value


def test_the_records_are_read_by_anybody(world: RunWorld) -> None:
    outcome = world.run(options=M2gOptions(diffusion_model="csd"))
    elsewhere = Records(world.storage, data_bucket="data")
    assert elsewhere.run(None).run_id == outcome.run_id
    assert elsewhere.run(None).command_line == ("opsctl", "run", "HNU1")

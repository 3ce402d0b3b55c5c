"""The runs' records, and the status that is made of them and Batch's word."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import pytest
from run_world import put_run, result_json

from opsctl.aws.s3 import Storage
from opsctl.commands.records import Records
from opsctl.commands.status import status
from opsctl.core.errors import Problem
from opsctl.core.manifest import Submission
from opsctl.core.status import Job

EARLY, LATE = "ZZZ-20261121-120000-aaaa", "AAA-20261122-120000-bbbb"


def test_runs_are_known_by_time_and_the_latest_is_meant_when_none_is_named(storage: Storage, records: Records) -> None:
    for run_id in (LATE, EARLY):
        put_run(storage, run_id)
    assert records.run_ids() == [EARLY, LATE]
    assert records.run(None).run_id == LATE
    assert records.run(EARLY).run_id == EARLY


def test_no_run_yet(records: Records) -> None:
    with pytest.raises(Problem, match="There is no run yet"):
        records.run(None)
    with pytest.raises(Problem, match="There is no run X") as caught:
        records.run("X")
    assert "opsctl run DATASET" in caught.value.mend


def test_an_unknown_run_tells_the_latest(storage: Storage, records: Records) -> None:
    put_run(storage, LATE)
    with pytest.raises(Problem, match=f"There is no run X. The latest is {LATE}"):
        records.run("X")


def test_the_runs_of_a_dataset(storage: Storage, records: Records) -> None:
    for run_id in ("HNU1-20261122-120000-aaaa", "HNU10-20261121-120000-aaaa", "HNU1-20261120-120000-aaaa"):
        put_run(storage, run_id)
    assert [run.run_id for run in records.runs_of("HNU1")] == [
        "HNU1-20261120-120000-aaaa",
        "HNU1-20261122-120000-aaaa",
    ]


def submission(number: int) -> Submission:
    return Submission(job_id=f"j{number}", job_name="n", offset=number, size=1, submitted_at="t")


def test_submissions_are_in_order(storage: Storage, records: Records) -> None:
    for number in (10, 2, 0):
        storage.put_json("data", f"opsctl/runs/R/submissions/{number:02d}.json", dataclasses.asdict(submission(number)))
    assert records.submissions("R") == [submission(0), submission(2), submission(10)]


def test_results_that_are_known_are_not_read_again(storage: Storage, records: Records) -> None:
    for index in (0, 1, 3):
        storage.put_json("data", f"opsctl/runs/R/results/{index:05d}.json", result_json(index, f"sub-0{index}"))
    assert sorted(records.results("R")) == [0, 1, 3]
    assert sorted(records.results("R", known={0, 3})) == [1]
    assert records.results("R")[3].scan == "sub-03"
    assert records.results("other") == {}


class FakeBatch:
    """Batch while the last job ends: its result is written between the two questions."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def jobs(self, submissions: Iterable[Submission]) -> dict[int, Job]:
        said = {one.offset: Job(job_id=one.job_id, status="SUCCEEDED") for one in submissions}
        self._storage.put_json("data", f"opsctl/runs/{LATE}/results/00000.json", result_json(0, "sub-01"))
        return said


def test_batch_is_asked_before_the_results_are_read(storage: Storage, records: Records) -> None:
    put_run(storage, LATE)
    storage.put_json("data", f"opsctl/runs/{LATE}/submissions/00.json", dataclasses.asdict(submission(0)))
    fake: Any = FakeBatch(storage)
    found = status(None, records=records, batch=fake)
    assert [(scan.name, scan.state) for scan in found.scans] == [("sub-01", "DONE"), ("sub-02", "FAILED")]

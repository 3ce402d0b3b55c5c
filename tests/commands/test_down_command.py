"""`down`: not while jobs are active; ended jobs are waited for; the receipt is AWS's word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from run_world import PLATFORM

from opsctl.aws.batch import ActiveJob
from opsctl.aws.s3 import Storage
from opsctl.commands.down import active_jobs, end_jobs, refuse_while_active, tear_down
from opsctl.core.changes import Step
from opsctl.core.errors import Problem


class Queues:
    """Batch's queues: what they hold, and after how many polls an ended job is gone."""

    def __init__(self, held: dict[str, list[ActiveJob]], *, polls: int = 0) -> None:
        self.held = held
        self.polls = polls
        self.ended: list[tuple[str, str]] = []
        self.sleeps: list[float] = []

    def active(self, job_queue: str) -> list[ActiveJob]:
        return list(self.held.get(job_queue, ()))

    def terminate(self, job_id: str, *, reason: str) -> None:
        self.ended.append((job_id, reason))

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        if len(self.sleeps) == self.polls:
            ended = {job_id for job_id, _ in self.ended}
            self.held = {queue: [job for job in jobs if job.job_id not in ended] for queue, jobs in self.held.items()}


def job(number: int, status: str = "RUNNING") -> ActiveJob:
    return ActiveJob(f"id-{number}", f"run-{number}", status)


def test_the_queues_of_both_models_are_asked() -> None:
    queues: Any = Queues({"arn:queue-csd": [job(1)], "arn:queue-csa": [job(2)], "arn:queue-other": [job(3)]})
    assert {one.job_id for one in active_jobs(queues, PLATFORM)} == {"id-1", "id-2"}


def test_no_active_job_is_no_objection() -> None:
    refuse_while_active([])


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "1 job is still active: run-0 (RUNNING)."),
        (2, "2 jobs are still active: run-0 (RUNNING), run-1 (RUNNING)."),
        (7, f"7 jobs are still active: {', '.join(f'run-{n} (RUNNING)' for n in range(5))} and 2 more."),
    ],
)
def test_active_jobs_are_counted_and_named(count: int, words: str) -> None:
    with pytest.raises(Problem) as caught:
        refuse_while_active([job(number) for number in range(count)])
    assert caught.value.what == words
    assert "--force" in caught.value.mend
    assert caught.value.exit_code == 1


def test_every_active_job_is_ended_and_waited_for() -> None:
    queues = Queues({"arn:queue-csd": [job(1)], "arn:queue-csa": [job(2), job(3)]}, polls=4)
    fake: Any = queues
    end_jobs(fake, PLATFORM, active_jobs(fake, PLATFORM), sleep=queues.sleep)
    assert sorted(queues.ended) == [(f"id-{number}", "opsctl down --force") for number in (1, 2, 3)]
    assert queues.sleeps == [2.0] * 4


def test_jobs_that_do_not_end_are_told_after_five_minutes() -> None:
    queues = Queues({"arn:queue-csd": [job(1), job(2)]})
    fake: Any = queues
    with pytest.raises(Problem, match="2 jobs have not ended after 300 s"):
        end_jobs(fake, PLATFORM, active_jobs(fake, PLATFORM), sleep=queues.sleep)
    assert sum(queues.sleeps) == 300


class Torn:
    """A root and an inventory after a destroy that left something."""

    def __init__(self, left: list[str]) -> None:
        self.left = left
        self.calls: list[str] = []

    def destroy(self, on_step: Any) -> int:
        self.calls.append("destroy")
        on_step(Step("a.b", "done", "delete"))
        return 31

    def of(self, name: str) -> Iterator[str]:
        self.calls.append(f"inventory of {name}")
        yield from self.left


@pytest.mark.parametrize("left", [[], ["role opsctl-m2g-job", "VPC vpc-1"]])
def test_the_receipt_says_what_aws_shows_afterwards_and_what_was_kept(
    s3: Any, storage: Storage, left: list[str]
) -> None:
    for key in ("HNU1/a", "opsctl/runs/R/run.json"):
        s3.put_object(Bucket="data", Key=key, Body=b"12345")
    torn = Torn(left)
    fake: Any = torn
    steps: list[Step] = []
    receipt = tear_down(fake, PLATFORM, storage=storage, inventory=fake, on_step=steps.append)
    assert torn.calls == ["destroy", "inventory of m2g"]
    assert len(steps) == 1
    assert receipt.as_json() == {
        "name": "m2g",
        "removed": 31,
        "left": left,
        "data_bucket": "data",
        "object_count": 2,
        "size_bytes": 10,
        "repository_url": "u",
    }

"""`down`: it refuses active jobs, waits for ended ones, and reports what AWS shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.run_world import PLATFORM

from opsctl.aws.batch.batch import ActiveJob
from opsctl.aws.platform.removal import NotRemoved
from opsctl.commands.platform.down import (
    TeardownOutcome,
    active_jobs,
    end_jobs,
    jobs_of,
    queues_of,
    refuse_while_active,
    tear_down,
)
from opsctl.core.errors import ErrorCode, Interrupted, PlatformBusy, Problem
from opsctl.core.platform.inventory import Resource, ResourceKind
from opsctl.core.platform.terraform_events import Step


class Queues:
    """Batch's queues: their jobs, and after how many polls an ended job disappears."""

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


QUEUES = ["arn:queue-csd", "arn:queue-csa"]


def job(number: int, status: str = "RUNNING") -> ActiveJob:
    return ActiveJob(f"id-{number}", f"run-{number}", status)


def test_the_queues_of_both_models_are_asked() -> None:
    queues: Any = Queues({"arn:queue-csd": [job(1)], "arn:queue-csa": [job(2)], "arn:queue-other": [job(3)]})
    assert {job.job_id for job in active_jobs(queues, PLATFORM)} == {"id-1", "id-2"}


def test_the_queues_of_an_inventory() -> None:
    queue = Resource(kind=ResourceKind.QUEUE, id="opsctl-m2g-csd", arn="arn:queue-csd")
    assert queues_of([queue, VPC]) == ["arn:queue-csd"]


def test_no_active_job_is_no_objection() -> None:
    refuse_while_active([])


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (1, "1 scan is still active: run-0."),
        (2, "2 scans are still active: run-0, run-1."),
        (7, f"7 scans are still active: {', '.join(f'run-{n}' for n in range(5))} and 2 more."),
    ],
)
def test_active_jobs_are_counted_and_named(count: int, message: str) -> None:
    with pytest.raises(Problem) as caught:
        refuse_while_active([job(number) for number in range(count)])
    assert caught.value.what == message
    assert "--force" in caught.value.hint
    assert caught.value.exit_code == 1


def test_the_scans_of_an_array_job_are_counted() -> None:
    with pytest.raises(Problem, match="5 scans are still active: run-1, run-2"):
        refuse_while_active([replace(job(1, "PENDING"), scans=4), job(2)])


def test_the_run_of_active_jobs_is_named_with_the_command_that_shows_it() -> None:
    own = [replace(job(number), name=f"HNU1-20261122-120000-abcd-{number:02d}") for number in range(2)]
    with pytest.raises(Problem) as caught:
        refuse_while_active(own)
    assert caught.value.what == "2 scans are still active: HNU1-20261122-120000-abcd."
    watch = "`opsctl status --watch --run HNU1-20261122-120000-abcd`"
    assert caught.value.hint == f"Wait for the end ({watch}), or end them with `opsctl down --force`."
    with pytest.raises(Problem) as caught:
        refuse_while_active([*own, replace(job(3), name="B-20261122-120000-abcd-00")], may_force=False)
    assert caught.value.hint == "Wait for the end (`opsctl runs`)."


def test_every_active_job_is_ended_and_waited_for() -> None:
    queues = Queues({"arn:queue-csd": [job(1)], "arn:queue-csa": [job(2), job(3)]}, polls=4)
    fake: Any = queues
    end_jobs(fake, QUEUES, jobs_of(fake, QUEUES), sleep=queues.sleep)
    assert sorted(queues.ended) == [(f"id-{number}", "opsctl down --force") for number in (1, 2, 3)]
    assert queues.sleeps == [2.0] * 4


def test_jobs_that_do_not_end_are_told_after_five_minutes() -> None:
    queues = Queues({"arn:queue-csd": [job(1), job(2)]})
    fake: Any = queues
    with pytest.raises(Problem, match="2 scans are still active after 300 s"):
        end_jobs(fake, QUEUES, jobs_of(fake, QUEUES), sleep=queues.sleep)
    assert sum(queues.sleeps) == 300


class Root:
    """A platform root with a state and an outcome of its destroy."""

    def __init__(self, calls: list[str], *, breaks: Problem | None = None, has_local_state: bool = False) -> None:
        self.calls = calls
        self.breaks = breaks
        self.has_local_state = has_local_state

    def state(self) -> dict[str, Any]:
        group = {"mode": "managed", "type": "aws_cloudwatch_log_group", "name": "jobs", "module": "module.batch"}
        return {"resources": [{**group, "instances": [{"attributes": {"id": "/opsctl/m2g", "arn": "arn:group"}}]}]}

    def import_existing(self, existing: dict[str, str]) -> None:
        self.calls.append(f"take over {existing}")

    def state_rm(self, addresses: list[str]) -> None:
        self.calls.append(f"forget {addresses}")

    def destroy(self, on_step: Any) -> int:
        self.calls.append("destroy")
        on_step(Step("a.b", "begin", "delete"))
        on_step(Step("a.b", "done", "delete"))
        if self.breaks:
            raise self.breaks
        return 1


class World:
    """An inventory, and a removal that removes everything except the stuck resources."""

    def __init__(self, calls: list[str], resources: list[Resource], *, stuck: tuple[str, ...] = ()) -> None:
        self.calls = calls
        self.resources = resources
        self.stuck = stuck

    def of(self, name: str) -> tuple[Resource, ...]:
        self.calls.append(f"inventory of {name}")
        return tuple(self.resources)

    def remove(self, resources: Any) -> tuple[NotRemoved, ...]:
        self.calls.append("remove")
        requested = list(resources)
        self.resources = [
            resource for resource in self.resources if resource not in requested or resource.id in self.stuck
        ]
        return tuple(NotRemoved(resource, "it is held") for resource in requested if resource.id in self.stuck)


QUEUE = Resource(kind=ResourceKind.QUEUE, id="opsctl-m2g-csd", arn="arn:queue-csd")
ENDPOINT = Resource(kind=ResourceKind.ENDPOINT, id="vpce-1")
ROLE = Resource(kind=ResourceKind.ROLE, id="opsctl-m2g-us-east-1-job", name="opsctl-m2g-us-east-1-job", arn="arn:role")
VPC = Resource(kind=ResourceKind.VPC, id="vpc-1")
LOGS = Resource(kind=ResourceKind.LOG_GROUP, id="/opsctl/m2g", arn="arn:group")


def torn(root: Root | None, world: World, *, keep_logs: bool = False) -> tuple[TeardownOutcome, list[Step]]:
    fakes: Any = (root, world)
    steps: list[Step] = []
    gone = tear_down(
        fakes[0], name="m2g", inventory=fakes[1], removal=fakes[1], keep_logs=keep_logs, on_step=steps.append
    )
    return gone, steps


def test_aws_has_the_last_word_not_terraform() -> None:
    calls: list[str] = []
    gone, steps = torn(Root(calls), World(calls, [ROLE, VPC]))
    assert calls == ["take over {}", "destroy", "inventory of m2g", "remove", "inventory of m2g"]
    assert gone == TeardownOutcome(removed=3, left=(), destroy_error=None)
    assert [step.state for step in steps] == ["begin", "done"]


def test_what_is_left_is_named_with_its_reason() -> None:
    calls: list[str] = []
    gone, _ = torn(Root(calls), World(calls, [ROLE, VPC], stuck=("vpc-1",)))
    assert gone.left == ("VPC vpc-1: it is held",)
    assert gone.removed == 2


def test_a_destroy_that_fails_is_mended_and_hides_no_receipt() -> None:
    calls: list[str] = []
    gone, _ = torn(
        Root(calls, breaks=Problem("Terraform could not destroy it.", code=ErrorCode.TERRAFORM_FAILED)),
        World(calls, [ROLE, VPC]),
    )
    assert gone.left == ()
    # What Terraform had removed before it broke off counts.
    assert gone.removed == 3
    assert gone.destroy_error is not None


@pytest.mark.parametrize("breaks", [Interrupted("Stopped."), PlatformBusy("The state is locked.")])
def test_nothing_is_removed_behind_the_back_of_a_terraform_at_work(breaks: Problem) -> None:
    calls: list[str] = []
    with pytest.raises(type(breaks)):
        torn(Root(calls, breaks=breaks), World(calls, [ROLE]))
    assert "remove" not in calls


def test_without_a_state_all_is_removed_by_hand() -> None:
    calls: list[str] = []
    gone, _ = torn(None, World(calls, [ROLE, VPC, LOGS]))
    assert gone == TeardownOutcome(removed=3, left=(), destroy_error=None)


def test_kept_log_lines_are_neither_destroyed_nor_left_over() -> None:
    calls: list[str] = []
    world = World(calls, [ROLE, LOGS])
    gone, _ = torn(Root(calls), world, keep_logs=True)
    assert calls[1:3] == ["forget ['module.batch.aws_cloudwatch_log_group.jobs']", "destroy"]
    assert gone.left == ()
    assert world.resources == [LOGS]


@pytest.mark.parametrize("slow", [QUEUE, ENDPOINT])
@pytest.mark.parametrize("is_stuck", [False, True])
def test_what_terraform_waits_for_goes_before(slow: Resource, is_stuck: bool) -> None:
    calls: list[str] = []
    stuck = (slow.id,) if is_stuck else ()
    gone, _ = torn(Root(calls, has_local_state=True), World(calls, [slow, ROLE], stuck=stuck))
    assert calls[:4] == ["inventory of m2g", "remove", "take over {}", "destroy"]
    # The one that Terraform destroys, the role, and the queue or the endpoint.
    assert gone.removed == (2 if stuck else 3)
    assert gone.left == tuple(f"{slow.words}: it is held" for _ in stuck)


@pytest.mark.parametrize(
    ("early", "stopped", "expected"),
    [
        ([ENDPOINT], Interrupted("Stopped. Nothing was changed."), "Stopped. Only the VPC endpoint is removed."),
        (
            [QUEUE, ENDPOINT],
            Interrupted("Stopped. Nothing was changed."),
            "Stopped. Only the job queues and the VPC endpoint are removed.",
        ),
        ([QUEUE], Interrupted("Stopped. Nothing was changed."), "Stopped. Only the job queues are removed."),
        ([], Interrupted("Stopped. Nothing was changed."), "Stopped. Nothing was changed."),
        ([QUEUE], Interrupted("Stopped. Terraform has saved what is left.", "Go on."), "Stopped. Terraform has saved"),
    ],
)
def test_a_stop_after_the_queues_went_does_not_say_that_nothing_was_changed(
    early: list[Resource], stopped: Interrupted, expected: str
) -> None:
    with pytest.raises(Interrupted) as caught:
        torn(Root([], breaks=stopped, has_local_state=True), World([], [*early, ROLE]))
    assert caught.value.what.startswith(expected)
    assert caught.value.hint or not early


def test_queues_of_a_shared_state_wait_for_its_lock() -> None:
    calls: list[str] = []
    with pytest.raises(PlatformBusy):
        torn(Root(calls, breaks=PlatformBusy("The state is locked.")), World(calls, [QUEUE]))
    assert "remove" not in calls

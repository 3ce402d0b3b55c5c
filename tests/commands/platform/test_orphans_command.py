"""Orphans before an `up`, sorted by what happens to them; the state is Terraform's JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opsctl.aws.batch.batch import ActiveJob
from opsctl.aws.platform.removal import NotRemoved
from opsctl.commands.platform.orphans import (
    clear_lost,
    find_existing_storage,
    find_invalid_environments,
    find_orphans,
    finish_cleanup,
    remove_orphans,
)
from opsctl.core.errors import Problem
from opsctl.core.platform.inventory import Resource, ResourceKind


def thing(kind: ResourceKind, key: str, **more: Any) -> Resource:
    return Resource(kind=kind, id=key, name=key, arn=f"arn:{key}", **more)


class Root:
    """A platform root whose state knows some resources."""

    def __init__(self, *known: Resource) -> None:
        self.known = known
        self.taken_over: dict[str, str] | None = None

    def state(self) -> dict[str, Any]:
        def entry(resource: Resource) -> dict[str, Any]:
            attributes = {"id": resource.id, "arn": resource.arn}
            return {"mode": "managed", "type": "t", "name": resource.id, "instances": [{"attributes": attributes}]}

        return {"resources": [entry(resource) for resource in self.known]}

    def import_existing(self, existing: dict[str, str]) -> None:
        self.taken_over = existing


class World:
    """AWS: its resources, its active jobs, and whether removals fail."""

    def __init__(self, *resources: Resource, active: int = 0, stuck: bool = False) -> None:
        self.resources = resources
        self.jobs = [ActiveJob(f"id-{number}", f"run-{number}", "RUNNING") for number in range(active)]
        self.stuck = stuck
        self.removed: list[Resource] = []

    def of(self, name: str) -> tuple[Resource, ...]:
        return self.resources

    def active(self, queue: str) -> list[ActiveJob]:
        return self.jobs

    def remove(self, resources: Any) -> tuple[NotRemoved, ...]:
        requested = list(resources)
        self.removed += requested
        return tuple(NotRemoved(resource, "it is held") for resource in requested) if self.stuck else ()


def looked(root: Root, world: World, importable: dict[str, str] | None = None) -> Any:
    fakes: Any = (root, world)
    return find_orphans(fakes[0], name="m2g", inventory=fakes[1], batch=fakes[1], importable=importable)


ENVIRONMENT = thing(ResourceKind.ENVIRONMENT, "env")
QUEUE = thing(ResourceKind.QUEUE, "queue", uses=("arn:env",))
ROLE = thing(ResourceKind.ROLE, "role")
RECORD = thing(ResourceKind.RECORD, "record")
LOGS = thing(ResourceKind.LOG_GROUP, "/opsctl/m2g")


def test_all_is_as_the_state_has_it() -> None:
    root = Root(QUEUE, ENVIRONMENT, RECORD, LOGS)
    report = looked(root, World(QUEUE, ENVIRONMENT, RECORD, LOGS))
    assert not report.needs_confirmation
    assert (report.orphans, report.log_group, report.replace) == ((), None, ())
    assert root.taken_over == {}


def test_orphans_go_and_log_lines_are_taken_over() -> None:
    root = Root(ENVIRONMENT)
    report = looked(root, World(QUEUE, ENVIRONMENT, ROLE, LOGS))
    assert report.orphans == (QUEUE, ROLE)
    assert report.log_group == LOGS
    assert root.taken_over == {"module.batch.aws_cloudwatch_log_group.jobs": "/opsctl/m2g"}


def test_what_a_known_queue_uses_goes_after_the_apply() -> None:
    report = looked(Root(QUEUE), World(QUEUE, ENVIRONMENT, ROLE))
    assert (report.orphans, report.later) == ((ROLE,), (ENVIRONMENT,))
    assert report.needs_confirmation


def test_a_live_platform_of_another_machine_is_refused() -> None:
    with pytest.raises(Problem, match="The platform m2g is up already") as caught:
        looked(Root(), World(QUEUE, ENVIRONMENT, RECORD))
    assert "--platform m2g" in caught.value.hint
    assert "opsctl down --name m2g" in caught.value.hint


def test_another_revision_of_a_known_definition_is_kept_until_the_record_has_moved() -> None:
    first, second, foreign = (thing(ResourceKind.DEFINITION, key) for key in ("d:1", "d:2", "e:1"))
    before, now, other = (
        replace(resource, arn=f"arn:aws:batch:r:1:job-definition/{resource.id}")
        for resource in (first, second, foreign)
    )
    root, world = Root(QUEUE, now), World(QUEUE, before, now)
    report = looked(root, world)
    assert not report.needs_confirmation
    fakes: Any = (root, world)
    finish_cleanup(fakes[0], name="m2g", inventory=fakes[1], removal=fakes[1])
    assert world.removed == [before]
    # Of a definition that the state does not know, every revision is an orphan.
    assert looked(root, World(QUEUE, now, other)).orphans == (other,)


def test_an_environment_that_became_invalid_is_replaced_by_the_next_plan() -> None:
    invalid = replace(ENVIRONMENT, state="INVALID")
    # Terraform failed while it waited for it, and so has not read its ARN.
    half_made = Root(replace(ENVIRONMENT, arn=""))
    fakes: Any = (half_made, World(invalid))
    assert find_invalid_environments(fakes[0], name="m2g", inventory=fakes[1]) == ("t.env",)
    fakes = (half_made, World(ENVIRONMENT))
    assert find_invalid_environments(fakes[0], name="m2g", inventory=fakes[1]) == ()


def cleared(root: Root, world: World, *seen: Resource) -> tuple[Resource, ...]:
    fakes: Any = (root, world)
    keys = frozenset(resource.key for resource in seen)
    return clear_lost(fakes[0], name="m2g", seen=keys, inventory=fakes[1], removal=fakes[1])


def test_what_this_up_has_made_without_knowing_it_goes_and_a_log_group_is_taken_over() -> None:
    root, world = Root(ENVIRONMENT), World(ENVIRONMENT, QUEUE, ROLE, RECORD, LOGS)
    assert cleared(root, world) == (QUEUE, ROLE, RECORD, LOGS)
    assert world.removed == [QUEUE, ROLE, RECORD]
    assert root.taken_over == {"module.batch.aws_cloudwatch_log_group.jobs": "/opsctl/m2g"}


def test_a_budget_of_an_earlier_up_is_taken_over_unless_the_state_knows_it() -> None:
    budget = {"module.budget[0].aws_budgets_budget.monthly": "123456789012:opsctl-m2g-eu-west-1-monthly"}
    lost = Root(QUEUE)
    looked(lost, World(QUEUE, LOGS), budget)
    assert lost.taken_over == {**budget, "module.batch.aws_cloudwatch_log_group.jobs": "/opsctl/m2g"}
    known = Root(QUEUE, thing(ResourceKind.LOG_GROUP, *budget.values()))
    looked(known, World(QUEUE), budget)
    assert known.taken_over == {}


def test_what_was_there_at_the_plan_or_is_somebody_elses_or_in_use_stays() -> None:
    foreign = replace(ROLE, is_tagged=False)
    root, world = Root(QUEUE), World(QUEUE, ENVIRONMENT, foreign, RECORD)
    assert cleared(root, world, RECORD) == ()
    assert (world.removed, root.taken_over) == ([], None)


def test_what_was_removed_before_the_apply_counts_as_not_seen() -> None:
    # Another role of the same name has the same ARN.
    report = looked(Root(QUEUE), World(QUEUE, ROLE))
    assert report.orphans == (ROLE,)
    assert report.seen == {QUEUE.key}


def test_a_lost_resource_that_cannot_be_removed_is_told() -> None:
    with pytest.raises(Problem, match=r"1 role of this `up` could not be removed, whose reply from AWS was lost"):
        cleared(Root(QUEUE), World(QUEUE, ROLE, stuck=True))


def test_a_record_that_the_own_state_misses_is_an_orphan_like_others() -> None:
    assert looked(Root(QUEUE), World(QUEUE, RECORD)).orphans == (RECORD,)


def test_no_orphan_goes_under_active_jobs() -> None:
    root = Root(ENVIRONMENT)
    with pytest.raises(Problem, match="2 scans are active on them, such as run-0") as caught:
        looked(root, World(QUEUE, active=2))
    assert "--force" in caught.value.hint
    # Those of the platform itself do not matter.
    looked(Root(QUEUE), World(QUEUE, active=2))


def test_an_environment_that_aws_has_given_up_is_made_anew() -> None:
    sick = thing(ResourceKind.ENVIRONMENT, "env", state="INVALID", reason="no role")
    report = looked(Root(ENVIRONMENT), World(sick))
    assert (report.invalid, report.replace) == ((sick,), ("t.env",))
    assert looked(Root(QUEUE), World(QUEUE, sick)).replace == ()


AGED = thing(ResourceKind.ENVIRONMENT, "env", has_newer_image=True)


def test_an_environment_whose_image_has_aged_is_made_anew() -> None:
    report = looked(Root(QUEUE, ENVIRONMENT), World(QUEUE, AGED))
    assert (report.aged, report.active_jobs, report.replace) == ((AGED,), 0, ("t.env",))
    # The plan shows the replacement; nothing is removed beside it.
    assert not report.needs_confirmation


def test_an_aged_environment_stays_while_jobs_are_active_and_up_does_its_other_work() -> None:
    report = looked(Root(QUEUE, ENVIRONMENT), World(QUEUE, AGED, active=2))
    assert (report.aged, report.active_jobs, report.replace) == ((AGED,), 2, ())
    sick = thing(ResourceKind.ENVIRONMENT, "sick", state="INVALID", reason="no role")
    report = looked(Root(QUEUE, ENVIRONMENT, sick), World(QUEUE, AGED, sick, active=2))
    assert (report.aged, report.invalid, report.replace) == ((AGED,), (sick,), ("t.sick",))


def test_an_environment_that_is_aged_and_invalid_is_named_once() -> None:
    both = thing(ResourceKind.ENVIRONMENT, "env", state="INVALID", reason="no role", has_newer_image=True)
    report = looked(Root(QUEUE, ENVIRONMENT), World(QUEUE, both, active=1))
    assert (report.invalid, report.aged, report.replace) == ((both,), (), ("t.env",))


def test_without_an_aged_environment_nobody_asks_for_jobs() -> None:
    world = World(QUEUE, ENVIRONMENT, active=2)
    assert looked(Root(QUEUE, ENVIRONMENT), world).active_jobs == 0


def test_what_has_only_our_name_is_shown_and_stays() -> None:
    other = thing(ResourceKind.QUEUE, "queue", is_tagged=False)
    subnet = thing(ResourceKind.SUBNET, "theirs", is_tagged=False)
    report = looked(Root(ENVIRONMENT), World(other, subnet, active=1))
    assert (report.foreign, report.orphans) == ((other,), ())


def test_orphans_that_cannot_go_stop_the_up_and_are_named() -> None:
    world: Any = World(ROLE, stuck=True)
    with pytest.raises(Problem, match=r"1 role of an earlier `up` could not be removed: role role \(it is held\)"):
        remove_orphans(looked(Root(ENVIRONMENT), world), world)


def test_after_the_apply_the_rest_goes() -> None:
    root: Any = Root(QUEUE)
    world: Any = World(QUEUE, ENVIRONMENT)
    assert finish_cleanup(root, name="m2g", inventory=world, removal=world) == (QUEUE,)
    assert world.removed == [ENVIRONMENT]
    assert root.taken_over == {}
    stuck: Any = World(QUEUE, ENVIRONMENT, stuck=True)
    with pytest.raises(Problem, match="1 compute environment of an earlier `up` could not be removed"):
        finish_cleanup(root, name="m2g", inventory=stuck, removal=stuck)


def test_the_storage_is_taken_over_where_its_state_is_lost() -> None:
    root: Any = Root(Resource(kind=ResourceKind.VPC, id="bucket"))
    assert find_existing_storage(root, {"a.b": "bucket", "a.r": "repository"}) == ["repository"]
    assert root.taken_over == {"a.r": "repository"}

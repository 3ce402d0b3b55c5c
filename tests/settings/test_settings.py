"""The settings of an applied platform are changed, there and back, and `run` works after each change.

One story on one platform, with the real program and the real Terraform; those settings together that do not hide each
other's failures. `make settings` changes each alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from setting_cases import CASES, FIXED, Case
from settings_world import Lab, Observation
from support.real_terraform import SOURCE
from unseen_roles import UnseenRoles

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

_VARIABLE = re.compile(r'^variable "(\w+)"', re.MULTILINE)
#: Which groups of settings are changed and which are taken back, one `up` after the other.
STEPS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "1 there": ((1,), ()),
    "2 there": ((2,), ()),
    "3 there": ((3,), ()),
    "1 back": ((), (1,)),
    "4 there, 2 back": ((4,), (2,)),
    "3 and 4 back": ((), (3, 4)),
}


@dataclass
class Story:
    """What was seen, by step; `seen` has AWS's value of each variable."""

    first_output: str
    batch: UnseenRoles
    observed: dict[str, Observation] = field(default_factory=dict)
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    def look(self, step: str, lab: Lab, cases: Iterable[Case] = CASES) -> None:
        self.observed[step] = lab.observe()
        self.seen[step] = {case.variable: case.seen(lab) for case in cases}


@pytest.fixture(scope="module")
def story(batch_and_lab: tuple[UnseenRoles, Lab, str]) -> Story:
    batch, lab, output = batch_and_lab
    story = Story(output, batch)
    story.look("first", lab)
    for step, (there, back) in STEPS.items():
        arguments = [word for case in CASES if case.together in there for word in case.there]
        arguments += [word for case in CASES if case.together in back for word in case.back]
        if step == "1 there":
            # Everything but the record is changed, and whoever typed it gives up.
            batch.denies_record = True
            story.outputs["denied"] = lab.up("--yes", *arguments, code=1)
            batch.denies_record = False
            story.look("denied", lab, ())
            arguments = []
        story.outputs[step] = lab.up("--yes", *arguments)
        story.look(step, lab)
    story.outputs["plan"] = lab.up("--plan")
    return story


def test_every_variable_has_a_case() -> None:
    declared = {
        name
        for root in ("platform", "storage")
        for name in _VARIABLE.findall((SOURCE / root / "variables.tf").read_text())
    }
    changed = [case.variable for case in CASES]
    assert sorted([*changed, *FIXED]) == sorted(declared)
    assert len(set(changed)) == len(changed)


def test_an_environment_that_became_invalid_is_replaced_within_one_up(story: Story) -> None:
    """Batch did not see the new role when the first environments were made; the queues never got them."""
    assert story.observed["first"].flaws == []
    assert len(story.batch.created) >= 4
    first = set(story.batch.created[: story.batch.unseen])
    assert first.isdisjoint(story.observed["first"].environments)
    assert story.batch.refused == []
    assert "The platform lab is up." in story.first_output
    assert "resources stand and are recorded" not in story.first_output


@pytest.mark.parametrize("step", STEPS)
def test_run_works_after_each_change(story: Story, step: str) -> None:
    assert story.observed[step].flaws == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.variable)
def test_a_setting_arrives_and_goes_back(story: Story, case: Case) -> None:
    there = next(step for step, (groups, _) in STEPS.items() if case.together in groups)
    back = next(step for step, (_, groups) in STEPS.items() if case.together in groups)
    first = story.seen["first"][case.variable]
    assert story.seen[there][case.variable] != first
    assert story.seen[back][case.variable] == first


def test_a_record_that_was_not_written_names_definitions_that_still_take_jobs(story: Story) -> None:
    denied, before = story.observed["denied"], story.observed["first"]
    assert "AWS does not permit ssm:PutParameter on arn:aws:ssm:" in story.outputs["denied"]
    assert denied.record == before.record
    assert set(denied.definitions.values()) == {"ACTIVE"}
    assert set(denied.jobs.values()) == {"SUCCEEDED"}
    # The next `up` goes on with the same options, and then the superseded revisions are deregistered.
    assert "As before: " in story.outputs["1 there"] and "attempt_timeout_seconds=3600" in story.outputs["1 there"]
    assert set(before.active_definitions).isdisjoint(story.observed["1 there"].active_definitions)


def test_nothing_is_left_to_do(story: Story) -> None:
    assert "The platform lab is as it should be: nothing to do." in story.outputs["plan"]

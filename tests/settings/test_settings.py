"""The settings of an applied platform are changed, there and back, and `run` works after each change.

One story on one platform, with the real program and the real Terraform; those settings together that do not hide each
other's failures. `test_each_setting.py` changes each alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from setting_cases import CASES, Case
from settings_world import Lab, Observation
from unseen_roles import UnseenRoles

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

#: Which groups of settings are changed and which are taken back, one `up` after the other. In the first the record
#: cannot be written, and whoever typed it gives up; the second goes on with what the first had left to do.
DENIED = "1 there, without the record"
STEPS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    DENIED: ((1,), ()),
    "2 there": ((2,), ()),
    "4 there, 1 back": ((4,), (1,)),
    "3 there, 4 back": ((3,), (4,)),
    # An existing network has no way to the image of 3, and takes no range of 4.
    "5 there, 3 back": ((5,), (3,)),
    "2 and 5 back": ((), (2, 5)),
}
NAMES = list(STEPS)


@dataclass
class Story:
    """What was seen, by step; `seen` has AWS's value of each variable."""

    first_output: str
    batch: UnseenRoles
    observed: dict[str, Observation] = field(default_factory=dict)
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    def look(self, step: str, lab: Lab) -> None:
        self.observed[step] = lab.observe()
        self.seen[step] = {case.variable: case.seen(lab) for case in CASES}


@pytest.fixture(scope="module")
def story(batch_and_lab: tuple[UnseenRoles, Lab, str]) -> Story:
    batch, lab, output = batch_and_lab
    story = Story(output, batch)
    story.look("first", lab)
    for step, (there, back) in STEPS.items():
        arguments = [word for case in CASES if case.together in there for word in case.there]
        arguments += [word for case in CASES if case.together in back for word in case.back]
        batch.denies_record = step == DENIED
        story.outputs[step] = lab.up("--yes", *arguments, code=int(step == DENIED))
        story.look(step, lab)
    story.outputs["plan"] = lab.up("--plan")
    return story


def test_an_environment_that_became_invalid_is_replaced_within_one_up(story: Story) -> None:
    """Batch did not see the new role when the first environments were made; the queues never got them."""
    assert story.observed["first"].flaws == []
    assert len(story.batch.created) >= 4
    first = set(story.batch.created[: story.batch.unseen])
    assert first.isdisjoint(story.observed["first"].environments)
    assert story.batch.refused == []
    assert "The platform lab is up." in story.first_output
    assert "resources stand and are recorded" not in story.first_output


@pytest.mark.parametrize("step", NAMES[1:])
def test_run_works_after_each_change(story: Story, step: str) -> None:
    assert story.observed[step].flaws == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.variable)
def test_a_setting_arrives_and_goes_back(story: Story, case: Case) -> None:
    back = next(step for step, (_, groups) in STEPS.items() if case.together in groups)
    # The last step before: the record says nothing new in the first.
    there = NAMES[NAMES.index(back) - 1]
    first = story.seen["first"][case.variable]
    assert story.seen[there][case.variable] != first
    assert story.seen[back][case.variable] == first


def test_a_record_that_was_not_written_names_definitions_that_still_take_jobs(story: Story) -> None:
    denied, before, after = (story.observed[step] for step in (DENIED, "first", "2 there"))
    assert "AWS does not permit ssm:PutParameter on arn:aws:ssm:" in story.outputs[DENIED]
    assert denied.record == before.record
    assert set(denied.definitions.values()) == {"ACTIVE"}
    assert set(denied.jobs.values()) == {"SUCCEEDED"}
    # The next `up` goes on with the same options, and then the superseded revisions are deregistered.
    assert re.search(r"As before: .*attempt_timeout_seconds=3600", story.outputs["2 there"])
    assert len(denied.active_definitions) == 2 * len(after.active_definitions)
    assert set(before.active_definitions).isdisjoint(after.active_definitions)


def test_nothing_is_left_to_do(story: Story) -> None:
    assert "The platform lab is as it should be: nothing to do." in story.outputs["plan"]

"""`up`: storage before the platform, nothing applied that is as it should be, the record as Terraform puts it out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from run_world import PLATFORM

from opsctl.commands.up import Proposal, carry_out, propose
from opsctl.commands.workspace import Wish, Workspace
from opsctl.core.changes import Change, Plan
from opsctl.core.errors import Problem

WISH = Wish(name="m2g", region="us-east-1", account_id="123456789012", version="0.1.0")
NEW = Plan((Change("module.vpc.aws_nat_gateway.a", "aws_nat_gateway", "vpc", "create"),))
NOTHING = Plan()


class FakeRoot:
    """A Terraform root that writes down what was asked of it, in one list for both."""

    def __init__(self, name: str, asked: list[str], *, plan: Plan, outputs: dict[str, Any], has_state: bool) -> None:
        self.name = name
        self.asked = asked
        self.has_state = has_state
        self.variables: dict[str, Any] = {}
        self._plan = plan
        self._outputs = outputs

    def set_variables(self, variables: dict[str, Any]) -> None:
        self.variables = variables

    def init(self, *, mirror: Path | None) -> None:
        self.asked.append(f"{self.name} init {mirror}")

    def plan(self) -> Plan:
        self.asked.append(f"{self.name} plan")
        return self._plan

    def apply(self, on_step: Any) -> None:
        self.asked.append(f"{self.name} apply")

    def outputs(self) -> dict[str, Any]:
        return self._outputs


@pytest.fixture
def asked() -> list[str]:
    return []


def workspace(
    asked: list[str], *, storage: Plan = NEW, platform: Plan = NEW, has_state: bool = False, **made: str
) -> Workspace:
    storage_outputs = {"data_bucket": WISH.bucket, "repository_url": WISH.repository_url, **made}
    fakes: list[Any] = [
        FakeRoot("storage", asked, plan=storage, outputs=storage_outputs, has_state=has_state),
        FakeRoot("platform", asked, plan=platform, outputs={"record": PLATFORM.as_record()}, has_state=has_state),
    ]
    return Workspace(*fakes)


def test_both_roots_are_told_their_variables_and_planned(asked: list[str], tmp_path: Path) -> None:
    made = workspace(asked, storage=NOTHING)
    proposal = propose(made, WISH, mirror=tmp_path)
    roots: list[Any] = [made.storage, made.platform]
    assert [root.variables["name"] for root in roots] == ["m2g", "m2g"]
    assert sorted(asked) == sorted(
        f"{root} {word}" for root in ("storage", "platform") for word in (f"init {tmp_path}", "plan")
    )
    assert proposal.plan.counts() == {"create": 1}
    assert proposal.idle_usd_per_hour == pytest.approx(0.045)


def carried_out(made: Workspace, **plans: Plan) -> Any:
    proposal = Proposal(idle_usd_per_hour=0, **{"storage": NEW, "platform": NEW, **plans})
    return carry_out(made, WISH, proposal, endpoint_url="http://127.0.0.1:1", on_step=lambda step: None)


def test_storage_comes_first_and_the_record_is_terraforms(asked: list[str]) -> None:
    assert carried_out(workspace(asked)) == dataclasses.replace(PLATFORM, endpoint_url="http://127.0.0.1:1")
    assert asked == ["storage apply", "platform apply"]


def test_what_is_as_it_should_be_is_not_applied(asked: list[str]) -> None:
    carried_out(workspace(asked, has_state=True), storage=NOTHING, platform=NOTHING)
    assert asked == []


def test_a_root_without_a_state_is_applied_though_it_has_nothing_to_change(asked: list[str]) -> None:
    carried_out(workspace(asked), storage=NOTHING, platform=NOTHING)
    assert asked == ["storage apply", "platform apply"]


@pytest.mark.parametrize("made", [{"data_bucket": "other"}, {"repository_url": "other"}])
def test_a_storage_made_otherwise_stops_before_the_platform(asked: list[str], made: dict[str, str]) -> None:
    with pytest.raises(Problem, match="other") as caught:
        carried_out(workspace(asked, **made))
    assert asked == ["storage apply"]
    assert "--name" in caught.value.mend

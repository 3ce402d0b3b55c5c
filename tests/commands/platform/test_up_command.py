"""`up`: both roots run in parallel, unchanged ones are not applied, and the record is Terraform's output."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.run_world import PLATFORM

from opsctl.commands.platform.terraform_workspace import TerraformWorkspace
from opsctl.commands.platform.up import Proposal, carry_out, propose
from opsctl.core.errors import ErrorCode, Interrupted, Problem, StillRunning
from opsctl.core.platform.options import PlatformOptions
from opsctl.core.platform.terraform_events import Change, TerraformPlan
from opsctl.terraform.provider import os_arch
from opsctl.terraform.second_look import SecondLook

OPTIONS = PlatformOptions(name="m2g", region="us-east-1", account_id="123456789012", version="0.1.0")
NEW = TerraformPlan((Change("module.vpc.aws_nat_gateway.a", "aws_nat_gateway", "vpc", "create"),))
NOTHING = TerraformPlan()


class FakeRoot:
    """A Terraform root that records its calls, in one list for both roots."""

    def __init__(
        self, name: str, calls: list[str], *, plan: TerraformPlan, outputs: dict[str, Any], has_state: bool
    ) -> None:
        self.name = name
        self.calls = calls
        self.has_state = has_state
        self.variables: dict[str, Any] = {}
        self.breaks: Problem | None = None
        self.replaced: Sequence[str] = ()
        self._plan = plan
        self._outputs = outputs

    def set_variables(self, variables: dict[str, Any]) -> None:
        self.variables = variables

    def init(self, *, mirror: Path | None) -> None:
        self.calls.append(f"{self.name} init {mirror}")

    def init_like(self, other: FakeRoot) -> None:
        self.calls.append(f"{self.name} init like {other.name}")

    def plan(self, *, replace: Sequence[str] = ()) -> TerraformPlan:
        self.calls.append(f"{self.name} plan")
        return self._plan

    def apply(self, on_step: Any, *, look_again: Callable[[bool], SecondLook]) -> None:
        self.calls.append(f"{self.name} apply")
        self.replaced = look_again(False).replace
        if self.breaks:
            raise self.breaks

    def outputs(self) -> dict[str, Any]:
        return self._outputs


def unpacked(folder: Path) -> Path:
    (folder / "registry.terraform.io/hashicorp/aws/5.100.0" / os_arch()).mkdir(parents=True)
    return folder


@pytest.fixture
def calls() -> list[str]:
    return []


def workspace(
    calls: list[str],
    *,
    storage: TerraformPlan = NEW,
    platform: TerraformPlan = NEW,
    has_state: bool = False,
    **made: str,
) -> TerraformWorkspace:
    storage_outputs = {"data_bucket": OPTIONS.bucket, "repository_url": OPTIONS.repository_url, **made}
    fakes: list[Any] = [
        FakeRoot("storage", calls, plan=storage, outputs=storage_outputs, has_state=has_state),
        FakeRoot("platform", calls, plan=platform, outputs={"record": PLATFORM.as_record()}, has_state=has_state),
    ]
    return TerraformWorkspace(*fakes)


def test_both_roots_are_told_their_variables_and_planned(calls: list[str], tmp_path: Path) -> None:
    opened = workspace(calls, storage=NOTHING)
    proposal = propose(opened, OPTIONS, mirror=unpacked(tmp_path))
    roots: list[Any] = [opened.storage, opened.platform]
    assert [root.variables["name"] for root in roots] == ["m2g", "m2g"]
    assert sorted(calls) == sorted(
        f"{root} {word}" for root in ("storage", "platform") for word in (f"init {tmp_path}", "plan")
    )
    assert proposal.plan.counts() == {"create": 1}
    assert proposal.idle_usd_per_hour == pytest.approx(0.045)


def carried_out(opened: TerraformWorkspace, **plans: TerraformPlan) -> Any:
    proposal = Proposal(idle_usd_per_hour=0, **{"storage": NEW, "platform": NEW, **plans})
    return carry_out(opened, OPTIONS, proposal, endpoint_url="http://127.0.0.1:1", on_step=lambda step: None)


@pytest.mark.parametrize("mirror", [None, Path("packed")])
def test_a_provider_that_must_be_unpacked_is_unpacked_once(calls: list[str], mirror: Path | None) -> None:
    propose(workspace(calls), OPTIONS, mirror=mirror)
    assert calls[:2] == [f"storage init {mirror}", "platform init like storage"]
    assert sorted(calls[2:]) == ["platform plan", "storage plan"]


def test_both_are_applied_and_the_record_is_terraforms(calls: list[str]) -> None:
    assert carried_out(workspace(calls)) == dataclasses.replace(PLATFORM, endpoint_url="http://127.0.0.1:1")
    assert sorted(calls) == ["platform apply", "storage apply"]


def test_a_root_that_is_planned_again_is_told_what_to_replace(calls: list[str]) -> None:
    opened = workspace(calls)
    proposal = Proposal(idle_usd_per_hour=0, storage=NEW, platform=NEW)
    carry_out(
        opened,
        OPTIONS,
        proposal,
        endpoint_url=None,
        on_step=lambda step: None,
        look_again=lambda root, is_conflict: SecondLook(replace=[f"{root.name}.environment"]),
    )
    roots: list[Any] = [opened.storage, opened.platform]
    assert [root.replaced for root in roots] == [["storage.environment"], ["platform.environment"]]


def test_a_storage_that_fails_is_told_with_what_stands_beside_it(calls: list[str]) -> None:
    opened = workspace(calls, has_state=True)
    roots: list[Any] = [opened.storage, opened.platform]
    roots[0].breaks = Problem("The bucket could not be made.", "Mend it.", code=ErrorCode.TERRAFORM_FAILED)
    with pytest.raises(
        Problem, match="could not be made. The rest of the platform stands, but has no bucket"
    ) as caught:
        carried_out(opened)
    assert caught.value.hint == "Mend it."
    assert sorted(calls) == ["platform apply", "storage apply"]


@pytest.mark.parametrize("which", [0, 1])
def test_an_interruption_counts_before_any_failure(calls: list[str], which: int) -> None:
    opened = workspace(calls, has_state=True)
    roots: list[Any] = [opened.storage, opened.platform]
    roots[which].breaks = Interrupted("Stopped.")
    roots[1 - which].breaks = Problem("It could not be made.", code=ErrorCode.TERRAFORM_FAILED)
    with pytest.raises(Interrupted):
        carried_out(opened)


@pytest.mark.parametrize("which", [0, 1])
def test_what_goes_on_by_itself_is_told_before_what_has_ended(calls: list[str], which: int) -> None:
    opened = workspace(calls, has_state=True)
    roots: list[Any] = [opened.storage, opened.platform]
    roots[which].breaks = StillRunning("Terraform still ends what it has begun.")
    roots[1 - which].breaks = Interrupted("Terraform has saved what it had made.")
    with pytest.raises(StillRunning):
        carried_out(opened)


def test_a_platform_that_fails_is_told(calls: list[str]) -> None:
    opened = workspace(calls, has_state=True)
    roots: list[Any] = [opened.storage, opened.platform]
    roots[1].breaks = Problem("The queue could not be made.", code=ErrorCode.TERRAFORM_FAILED)
    with pytest.raises(Problem, match=r"^The queue could not be made\.$"):
        carried_out(opened)


def test_what_is_as_it_should_be_is_not_applied(calls: list[str]) -> None:
    carried_out(workspace(calls, has_state=True), storage=NOTHING, platform=NOTHING)
    assert calls == []


def test_a_root_without_a_state_is_applied_though_it_has_nothing_to_change(calls: list[str]) -> None:
    carried_out(workspace(calls), storage=NOTHING, platform=NOTHING)
    assert sorted(calls) == ["platform apply", "storage apply"]


@pytest.mark.parametrize("made", [{"data_bucket": "other"}, {"repository_url": "other"}])
def test_a_storage_made_otherwise_is_told(calls: list[str], made: dict[str, str]) -> None:
    with pytest.raises(Problem, match="other") as caught:
        carried_out(workspace(calls, **made))
    assert "--name" in caught.value.hint

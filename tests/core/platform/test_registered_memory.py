"""What ECS registers of an instance's memory, and that no job asks and no advice is for more."""

from __future__ import annotations

import dataclasses
import re

import pytest
from support.repository import ROOT
from support.why_examples import HEALTHY, WAIT, run

from opsctl.core.diagnosis.causes import cause_of
from opsctl.core.diagnosis.pending_causes import blockers
from opsctl.core.diagnosis.queue_snapshot import InstanceType
from opsctl.core.diagnosis.reason import Reason
from opsctl.core.platform.registered_memory import LARGEST_MEMORY_MIB, registered_memory_mib

#: The memory of EC2's types, in MiB.
SIZES = {"r5.large": 16_384, "r5.xlarge": 32_768}
MODELS = {
    f"r5.{size}": int(memory_mib)
    for size, memory_mib in re.findall(
        r'\bsize = "(\w+)".*?memory_mib = (\d+)', (ROOT / "terraform/platform/main.tf").read_text()
    )
}


def advised_mib(text: str) -> int:
    return int(re.findall(r"--memory (\d+)", text)[-1])


def test_the_registered_memory() -> None:
    assert {name: registered_memory_mib(size) for name, size in SIZES.items()} == {
        "r5.large": 15_532,
        "r5.xlarge": 31_097,
    }


def test_the_platforms_jobs_can_be_scheduled() -> None:
    assert MODELS.keys() == SIZES.keys()
    assert all(memory_mib <= registered_memory_mib(SIZES[name]) for name, memory_mib in MODELS.items())
    # `run --memory` takes no more than the largest job has, and so nothing that no instance registers.
    assert max(MODELS.values()) == LARGEST_MEMORY_MIB


@pytest.mark.parametrize("name", SIZES)
def test_why_calls_what_is_registered_schedulable_and_advises_no_more(name: str) -> None:
    registered = registered_memory_mib(SIZES[name])
    instance = InstanceType(name, 8, SIZES[name])
    fits = dataclasses.replace(HEALTHY, instance_type=instance, memory_mib=registered)
    too_large = dataclasses.replace(fits, memory_mib=registered + 1)
    assert not any("--memory" in finding.do for finding in blockers(fits, WAIT))
    (finding,) = (finding for finding in blockers(too_large, WAIT) if "--memory" in finding.do)
    assert registered - 100 < advised_mib(finding.do) <= registered


@pytest.mark.parametrize("code", ["out_of_memory", "killed"])
def test_more_memory_is_advised_only_as_far_as_an_instance_registers_it(code: str) -> None:
    help_ = cause_of(Reason(code, ""), run=run()).help
    assert advised_mib(help_) <= registered_memory_mib(SIZES["r5.xlarge"])

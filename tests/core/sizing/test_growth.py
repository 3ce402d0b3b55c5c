"""Scans that outgrow the memory of their jobs run again once, with more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.core_examples import run as made_run
from support.example_platform import platform

from opsctl.core.runs.manifest import Origin
from opsctl.core.runs.scan_history import ScanDisposition
from opsctl.core.runs.status import RunStatus, ScanStatus
from opsctl.core.sizing.growth import grown_memory_mib, growth_command, outgrown_before, outgrown_scans
from opsctl.core.sizing.job_size import JobSize, packed_size

PLATFORM = platform()


def failed(index: int, code: str = "out_of_memory", **facts: Any) -> ScanStatus:
    return ScanStatus(index=index, name=f"sub-{index:05d}", state="FAILED", cause="x", cause_code=code, facts=facts)


def test_a_scan_that_shared_its_instance_gets_the_whole_and_else_the_larger_models() -> None:
    half = packed_size(PLATFORM.models["csd"], 2)
    assert grown_memory_mib(half, "csd", PLATFORM) == 15_200
    assert grown_memory_mib(packed_size(PLATFORM.models["csd"], 1), "csd", PLATFORM) == 30_400
    assert grown_memory_mib(packed_size(PLATFORM.models["csa"], 2), "csa", PLATFORM) == 30_400
    assert grown_memory_mib(JobSize(vcpus=4, memory_mib=30_400, scans_per_instance=1), "csa", PLATFORM) is None


def test_only_what_ran_out_of_memory_and_may_fit() -> None:
    scans = (failed(0), failed(1, "m2g_failed"), failed(2, allocation_mib=40_000), failed(3, allocation_mib=4_000))
    status = RunStatus(run=made_run(4, grows_to_mib=15_200), scans=scans)
    assert [scan.index for scan in outgrown_scans(status)] == [0, 3]
    assert outgrown_scans(replace(status, run=made_run(4))) == []


def test_nothing_of_a_run_is_submitted_again_of_which_scans_were_cancelled() -> None:
    cancelled = replace(failed(1, "cancelled"), cause="cancelled by ada")
    status = RunStatus(run=made_run(2, grows_to_mib=15_200), scans=(failed(0), cancelled))
    assert status.cancelled and outgrown_scans(status) == []


def test_what_an_earlier_run_submitted_is_not_this_runs_to_grow() -> None:
    status = RunStatus(run=made_run(2, sizes=(1,), grows_to_mib=15_200), scans=(failed(0), failed(1)))
    assert [scan.index for scan in outgrown_scans(status)] == [0]


@pytest.mark.parametrize(
    ("typed", "changes", "command"),
    [
        ("HNU1 --pack 2", {}, "opsctl run HNU1 --only outgrown --memory 15200 --no-grow"),
        (
            "HNU1 --memory=1024 --yes --jobdir x --first 3",
            {"max_spend_usd": 2.5},
            "opsctl run HNU1 --first 3 --only outgrown --memory 15200 --no-grow --max-spend 2.5",
        ),
        ("'a b' --jobdir=x", {}, "opsctl run 'a b' --only outgrown --memory 15200 --no-grow"),
    ],
)
def test_the_command(typed: str, changes: dict[str, Any], command: str) -> None:
    import shlex

    words = ("opsctl", "run", *shlex.split(typed))
    assert growth_command(made_run(command_line=words, grows_to_mib=15_200, **changes)) == command


def outgrown(name: str, run_id: str, *, is_outgrown: bool = True) -> ScanDisposition:
    return ScanDisposition(name, f"key-{name}", "failed", Origin(run_id, 0), f"key-{name}", is_outgrown)


@pytest.mark.parametrize(
    ("memory_mib", "names"),
    [
        # As much as the packed run gave, as much as the model's own jobs have, and more than any had.
        (7_600, ["a", "b"]),
        (7_601, ["b"]),
        (15_200, ["b"]),
        (30_400, []),
    ],
)
def test_which_scans_ran_out_of_memory_before_and_would_get_no_more(memory_mib: int, names: list[str]) -> None:
    earlier = [
        made_run(1, run_id="HNU1-20261122-120000-aaaa", memory_mib=7_600, resources="csd"),
        made_run(1, run_id="HNU1-20261122-130000-bbbb", resources="csd"),
    ]
    scans = [
        outgrown("a", earlier[0].run_id),
        outgrown("b", earlier[1].run_id),
        outgrown("other fault", earlier[1].run_id, is_outgrown=False),
        outgrown("of no run", "HNU1-20261122-140000-cccc"),
        ScanDisposition("new", "key", "new"),
    ]
    before = outgrown_before(scans, earlier, memory_mib=memory_mib, platform=PLATFORM)
    assert [scan.name for scan in before] == names

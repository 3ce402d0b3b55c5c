"""`up --pack`: the variables that it sets, for both models, and what it refuses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from support.batch_world import RATES
from support.core_examples import run as made_run
from support.example_platform import platform

from opsctl.cli.platform.pack_setup import pack_variables
from opsctl.core.errors import ErrorCode, Problem, UsageProblem
from opsctl.core.sizing.packing import Assumptions
from opsctl.core.sizing.peaks import ScanPeak
from opsctl.core.sizing.size_report import SizeReport, size_report
from opsctl.render.screen import Screen

CONTEXT: Any = SimpleNamespace(
    screen=Screen(), records=None, platform=None, pricing_of_model=lambda _: SimpleNamespace(rates=RATES)
)


def measured(*memory: int) -> SizeReport:
    """What scans of the smaller model propose that needed so much memory."""
    peaks = [
        ScanPeak(scan=f"sub-{number}", model="csd", memory_mib=mib, disk_mib=1, atlas_count=1)
        for number, mib in enumerate(memory)
    ]
    return size_report(
        made_run(len(memory)),
        tuple(peaks),
        unmeasured=0,
        is_preview=False,
        is_local=False,
        resources=platform().models["csd"],
        rates=RATES,
        hours_source="a test",
        assumptions=Assumptions(scan_hours=1.0),
    )


@pytest.mark.parametrize(
    ("typed", "variables"),
    [
        (None, {}),
        ("2", {"csd_scans_per_instance": 2, "csa_scans_per_instance": 2}),
        ("1", {"csd_scans_per_instance": None, "csa_scans_per_instance": None}),
        ("off", {"csd_scans_per_instance": None, "csa_scans_per_instance": None}),
    ],
)
def test_a_number_is_for_both_models(typed: str | None, variables: dict[str, int | None]) -> None:
    assert pack_variables(CONTEXT, typed) == variables


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("3", "For csa alone: `opsctl up --set csa_scans_per_instance=3`."),
        ("4", "For csa alone: `opsctl up --set csa_scans_per_instance=4`."),
        # No instance of the platform holds five.
        ("5", "--pack takes 1 to 2, `auto` or `off`."),
    ],
)
def test_what_does_not_fit_both_is_refused_with_what_does(typed: str, hint: str) -> None:
    with pytest.raises(UsageProblem) as refused:
        pack_variables(CONTEXT, typed)
    assert refused.value.hint == hint


@pytest.mark.parametrize("typed", ["0", "-1", "x", "2.5", ""])
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(UsageProblem, match="must be auto, off, or how many"):
        pack_variables(CONTEXT, typed)


def test_auto_takes_what_each_models_scans_propose_and_says_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = {"csd": measured(*[5_000] * 10), "csa": None}
    monkeypatch.setattr("opsctl.commands.sizing.size.latest_measured", lambda *_, model, **__: reports[model])
    assert pack_variables(CONTEXT, "auto") == {"csd_scans_per_instance": 2, "csa_scans_per_instance": None}
    said = " ".join(capsys.readouterr().err.split())
    assert "--pack auto: 2 scans on each r5.large, by the peaks of 10 scans of" in said
    assert "because no run of model csa has 5 measured scans" in said


def test_auto_changes_nothing_where_the_runs_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreadable(*_: Any, **__: Any) -> None:
        raise Problem("no rights", code=ErrorCode.USAGE)

    monkeypatch.setattr("opsctl.commands.sizing.size.latest_measured", unreadable)
    assert pack_variables(CONTEXT, "auto") == {}
    said = " ".join(capsys.readouterr().err.split())
    assert said == "! --pack auto changes nothing: the earlier runs could not be read (no rights)"

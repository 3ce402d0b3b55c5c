"""What `run` says before the question and after it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from opsctl.commands.runs.plan import RunPlan
from opsctl.commands.runs.request import RunRequest
from opsctl.commands.runs.run import RunOutcome
from opsctl.core.dataset.scan import Discovery, Scan
from opsctl.core.location import Location
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.scan_history import Disposition, ScanDisposition
from opsctl.render.run import nothing_line, outcome_line, plan_lines


def made(*dispositions: Disposition, only: Any = "missing") -> RunPlan:
    scans = tuple(
        Scan(name=f"sub-{number}", subject=str(number), session=None, entities={}, pipeline="dwi", inputs=())
        for number in range(len(dispositions))
    )
    platform: Any = None
    return RunPlan(
        request=RunRequest(dataset=Location("data", "HNU1"), options=M2gOptions(), only=only),
        platform=platform,
        discovery=Discovery(scans=scans, excluded=()),
        chosen=scans,
        output=Location("data", "HNU1/derivatives/m2g-csa-native"),
        dispositions=tuple(ScanDisposition(scan.name, "k", one) for scan, one in zip(scans, dispositions, strict=True)),
        earlier=(),
        run_id="R",
        moment=datetime.now(UTC),
    )


def test_what_m2g_is_asked_for_and_where_it_goes() -> None:
    lines = plan_lines(made("new", "new"))
    assert lines[0] == "2 scans, 2 runnable, 0 excluded"
    assert lines[-1] == "out: s3://data/HNU1/derivatives/m2g-csa-native"
    assert "chosen" not in "".join(lines)


@pytest.mark.parametrize(
    ("plan", "line"),
    [
        (made("done", "done"), "All 2 scans are done: nothing to submit."),
        (made("done", "in flight"), "1 done, 1 in flight: nothing to submit."),
        (made("done", "new", only="failed"), "No scan has failed: nothing to submit (1 done, 0 in flight of 2)."),
    ],
)
def test_nothing_to_do(plan: RunPlan, line: str) -> None:
    assert nothing_line(plan) == line


def outcome(**changes: Any) -> RunOutcome:
    return RunOutcome(**{"run_id": "R", "submitted": 3, "done": 0, "in_flight": 0, **changes})


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (outcome(), "Submitted 3 scans as R."),
        (outcome(done=297), "Submitted 3 scans as R (297 done before)."),
        (outcome(done=2, in_flight=1), "Submitted 3 scans as R (2 done, 1 in flight before)."),
        (outcome(continued=("R",)), "Submitted 3 scans as R; R had been cut short and went on."),
        (outcome(submitted=0, in_flight=3), "Nothing had to be submitted: 3 in flight; R shows them."),
    ],
)
def test_the_outcome(one: RunOutcome, line: str) -> None:
    assert outcome_line(one) == line

"""What `run` says before the question and after it."""

from __future__ import annotations

import pytest
from support.view_examples import outcome, plan

from opsctl.commands.runs.plan import RunPlan
from opsctl.commands.runs.run import RunOutcome
from opsctl.render.run import nothing_line, outcome_line, plan_lines


def test_what_m2g_is_asked_for_and_where_it_goes() -> None:
    lines = plan_lines(plan("new", "new"))
    assert lines[0] == "2 scans, 2 runnable, 0 excluded"
    assert lines[-1] == "out: s3://data/HNU1/derivatives/m2g-csa-native"
    assert "chosen" not in "".join(lines)


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (plan("done", "done"), "All 2 scans are done: nothing to submit."),
        (plan("done", "in flight"), "1 done, 1 in flight: nothing to submit."),
        (plan("done", "new", only="failed"), "No scan has failed: nothing to submit (1 done, 0 in flight of 2)."),
    ],
)
def test_nothing_to_do(shown: RunPlan, line: str) -> None:
    assert nothing_line(shown) == line


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

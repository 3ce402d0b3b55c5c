"""The six states of the daily screens: every state of a scan has one, and cancelled is not failed."""

from __future__ import annotations

from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.runs.state import DailyState, counts_text, daily_counts, daily_state
from opsctl.core.runs.status import ACTIVE, STATES


def test_every_state_has_a_daily_word_and_the_active_ones_stay_active() -> None:
    for state in STATES:
        assert daily_state(state).is_active == (state in ACTIVE)


def test_a_scan_that_somebody_cancelled_has_not_failed() -> None:
    assert daily_state("FAILED", CauseCode.CANCELLED) is DailyState.CANCELLED
    assert daily_state("FAILED", CauseCode.CANCELLED_BY_DOWN) is DailyState.CANCELLED
    assert daily_state("FAILED", CauseCode.OUT_OF_MEMORY) is DailyState.FAILED
    assert daily_state("RUNNING", CauseCode.CANCELLED) is DailyState.RUNNING


def test_counts_leave_out_no_scan_and_their_text_leaves_out_zeros() -> None:
    counts = daily_counts(
        [DailyState.DONE, DailyState.CANCELLED, DailyState.WAITING], more={"PENDING": 2, "RUNNABLE": 3, "RUNNING": 1}
    )
    assert sum(counts.values()) == 9
    assert list(counts) == list(DailyState)
    assert counts_text(counts) == "6 waiting, 1 running, 1 done, 1 cancelled"
    assert counts_text(daily_counts([])) == "no scan"

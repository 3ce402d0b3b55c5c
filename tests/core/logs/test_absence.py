"""What is said where there are no log lines."""

from __future__ import annotations

from typing import Any

from opsctl.core.logs.absence import Absence, absence

RUN = "HNU1-20261122-120000-abcd"


def said(**facts: Any) -> Absence:
    defaults: dict[str, Any] = {
        "run_id": RUN,
        "scans": ["sub-01", "sub-02"],
        "is_whole_run": True,
        "is_over": True,
        "has_started": True,
        "has_failed": True,
        "has_done": True,
    }
    return absence(**{**defaults, **facts})


def test_a_run_that_goes_on_has_none_yet() -> None:
    assert said(is_over=False).text == (
        f"{RUN} has no log lines yet: `opsctl logs --follow --run {RUN}` waits for them."
    )
    assert said(is_over=False, is_whole_run=False, scans=["sub-01"]).text == (
        f"sub-01 has no log lines yet: `opsctl logs sub-01 --follow --run {RUN}` waits for them."
    )


def test_lines_of_an_ended_run_are_gone_and_s3_has_the_rest() -> None:
    ended = said()
    assert ended.text.startswith(f"The log lines of {RUN} are gone: ")
    assert "--follow" not in ended.text
    assert list(ended.commands) == [f"opsctl why --run {RUN}", f"opsctl results DIR --what all --run {RUN}"]
    assert list(said(has_failed=False).commands) == [f"opsctl results DIR --what all --run {RUN}"]
    assert list(said(has_done=False).commands) == [f"opsctl why --run {RUN}"]


def test_a_scan_that_never_started_has_never_had_lines() -> None:
    never = said(has_started=False, is_whole_run=False, scans=["sub-01"], has_done=False)
    assert never.text == "sub-01 has no log lines: no job has started."
    assert list(never.commands) == [f"opsctl why --run {RUN}"]


def test_few_of_many_scans_are_named() -> None:
    named = said(is_whole_run=False, scans=[f"sub-{number:02d}" for number in range(1, 7)])
    assert named.text.startswith("The log lines of sub-01, sub-02, sub-03 and 3 more are gone: ")

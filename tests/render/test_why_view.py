"""`why` as a person reads it: nothing cut, nothing obeyed that a job wrote, nothing hidden in silence."""

from __future__ import annotations

from typing import Any

import pytest
from support.view_examples import answer, failed

from opsctl.core.diagnosis.finding import Finding
from opsctl.core.diagnosis.queue_snapshot import NotVisible
from opsctl.core.diagnosis.why import Answer, Explanation
from opsctl.core.runs.attempt import Attempt
from opsctl.render.screen import Screen
from opsctl.render.why import show_why


def shown(capsys: pytest.CaptureFixture[str], answer: Answer) -> tuple[str, str]:
    show_why(Screen(), answer)
    found = capsys.readouterr()
    return found.out, found.err


@pytest.mark.parametrize(
    ("counts", "seconds", "said"),
    [
        ({"DONE": 12, "RUNNING": 3}, 240.0, "nothing to explain: 12 done, 3 running since 4 min 00 s\n"),
        ({"RUNNING": 1}, 3.0, "nothing to explain: 1 running since 3.0 s\n"),
        ({"DONE": 2}, 0.0, "nothing to explain: 2 done\n"),
    ],
)
def test_all_is_well(capsys: pytest.CaptureFixture[str], counts: Any, seconds: float, said: str) -> None:
    assert shown(capsys, answer(counts=counts, running_seconds=seconds))[0] == said


def test_a_finding_says_more_than_the_heading_or_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = shown(capsys, answer(failed()))
    assert out.splitlines() == [
        "sub-01/ses-1 failed: out of memory",
        "    → `opsctl run HNU1 --memory 30400`.",
    ]
    out, _ = shown(capsys, answer(failed(findings=(Finding("It had reached 9 of 9 MiB.", ""),))))
    assert out.splitlines()[1:] == ["  It had reached 9 of 9 MiB."]


def test_doubt_is_said_and_many_scans_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    scans = tuple(f"sub-{number:02d}" for number in range(8))
    waits = Explanation(
        kind="waiting", title="RUNNABLE", scans=scans, findings=(Finding("No way out.", "", "likely"),), places={}
    )
    out, err = shown(capsys, answer(waits))
    assert out.splitlines() == ["8 scans wait: RUNNABLE", "  No way out. (likely)"]
    assert "sub-00, sub-01, sub-02, sub-03, sub-04, … and 3 more" in err


def test_attempts_and_places_of_one_scan(capsys: pytest.CaptureFixture[str]) -> None:
    attempts = (
        Attempt(
            index=0,
            number=1,
            job_id="j",
            started_at="2026-11-22T12:00:00Z",
            stopped_at="2026-11-22T12:01:05Z",
            exit_code=137,
            reason="OutOfMemoryError",
        ),
        Attempt(index=0, number=2, job_id="j", started_at="2026-11-22T12:02:00Z"),
    )
    places = {"logs": "opsctl logs sub-01/ses-1"}
    _, err = shown(capsys, answer(failed(attempts=attempts, places=places, words="exit code 137")))
    assert "attempt 1, from 2026-11-22T12:00:00Z, 1 min 05 s, exit code 137: OutOfMemoryError" in err
    assert "attempt 2, from 2026-11-22T12:02:00Z, runs, or was lost without a word" in err
    assert "logs: opsctl logs sub-01/ses-1" in err
    assert "in its own words: exit code 137" in err


def test_what_is_hidden_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    _, err = shown(
        capsys, answer(failed(), hidden=(NotVisible("ec2:DescribeSubnets", "is not permitted"),), notes=("N.",))
    )
    assert "could not be looked at: ec2:DescribeSubnets is not permitted" in err
    assert "N." in err


def test_what_a_job_wrote_is_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "m2g \x1b[2J\x1b]0;owned\x07[red]x[/red]"
    attempt = Attempt(index=0, number=1, job_id="j", reason=evil)
    explanation = failed(title=evil, words=evil, findings=(Finding(evil, evil),), attempts=(attempt,))
    out, err = shown(capsys, answer(explanation, hidden=(NotVisible("x", evil),)))
    assert "\x1b" not in out + err
    assert "\x07" not in out + err
    assert out.count("[red]x[/red]") == 2

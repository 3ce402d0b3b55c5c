"""Money as people read it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
from support.cost_examples import RATES, RUN, a_cost
from support.example_platform import platform

from opsctl.core.costs.bill import bill
from opsctl.core.costs.estimate import Estimate, usd_text
from opsctl.render.cost import charged_text, estimate_lines, show_cost, show_costs
from opsctl.render.screen import Screen

TEXTS = [
    (0, "$0.00"),
    (0.0001, "under $0.01"),
    (0.0099, "under $0.01"),
    (0.01, "$0.01"),
    (0.166, "$0.17"),
    (12.3, "$12.30"),
    (1234.5, "$1,234.50"),
]
AWS = platform()
LOCAL = dataclasses.replace(AWS, endpoint_url="http://127.0.0.1:1")
NOTHING = bill([], {}, RATES, now=datetime(2026, 11, 22, tzinfo=UTC))


@pytest.mark.parametrize(("usd", "text"), TEXTS)
def test_money_has_cents(usd: float, text: str) -> None:
    assert usd_text(usd) == text


def test_a_sum_is_always_about_and_says_who_charges() -> None:
    assert charged_text(12.3, is_local=False) == "about $12.30"
    assert charged_text(12.3, is_local=True) == "$0.00 here; on AWS about $12.30"
    assert charged_text(12.3, is_local=False, is_complete=False) == "more than $12.30"


ESTIMATE = Estimate(usd=49.5, usd_per_scan=0.165, wall_hours=65 / 60, basis="65 minutes a scan; r5.large on-demand")


def test_an_estimate_is_told_with_about_and_its_basis() -> None:
    assert estimate_lines(ESTIMATE, AWS) == [
        "about $49.50 ($0.17 a scan); about 1 h 05 min on AWS",
        "  65 minutes a scan",
        "  r5.large on-demand",
    ]
    here = estimate_lines(ESTIMATE, LOCAL, 3.0)
    assert here[0].startswith("$0.00 here; on AWS about $49.50 (")
    assert here[-1] == "  spent already: about $3.00"


def test_an_estimate_without_a_price_is_a_lower_bound() -> None:
    lines = estimate_lines(dataclasses.replace(ESTIMATE, is_complete=False), AWS)
    assert lines[0].startswith("more than $49.50")


def test_a_bill_tells_sum_attempts_lost_and_adopted(capsys: pytest.CaptureFixture[str]) -> None:
    show_cost(Screen(), a_cost(), by_scan=False)
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "about $2.00",
        "  2 scans, 3 attempts, 2 h 00 min; about $1.00 a scan",
        "  about $0.50 of it for 1 lost attempt",
        "  not in it: 1 scan taken over from earlier runs, about $0.25 there",
    ]
    assert err.splitlines()[0] == RUN.run_id
    assert "real times" in err and "opsctl's table of 2026-01" in err and "without instances' boot" in err


def test_by_scan_is_a_line_a_scan(capsys: pytest.CaptureFixture[str]) -> None:
    show_cost(Screen(), a_cost(is_local=True), by_scan=True)
    out, _ = capsys.readouterr()
    assert out.splitlines()[:5] == [
        "sub-01        $1.25   1 h 15 min  2 attempts, 1 lost",
        "sub-02/ses-1  $0.75  45 min 00 s  1 attempt",
        "sub-03        $0.25  15 min 00 s  1 attempt, in an earlier run",
        "",
        "$0.00 here; on AWS about $2.00",
    ]


def test_a_run_that_has_not_begun_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    fresh = dataclasses.replace(a_cost(), own=NOTHING, adopted=None)
    show_cost(Screen(), fresh, by_scan=True)
    assert capsys.readouterr().out.splitlines() == [
        "no attempt has started yet",
        "",
        "about $0.00",
        "  0 scans, 0 attempts, 0.0 s",
    ]


def test_all_runs_are_a_line_each_and_a_sum_without_what_was_adopted(capsys: pytest.CaptureFixture[str]) -> None:
    show_costs(Screen(), [a_cost(), dataclasses.replace(a_cost(), own=NOTHING)])
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"{RUN.run_id}  about $2.00  (2 scans, 1 lost attempt)",
        f"{RUN.run_id}  about $0.00  (0 scans)",
        f"{'total':<25}  about $2.00",
    ]
    assert err.count("opsctl's table of 2026-01") == 1


def test_no_runs_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    show_costs(Screen(), [])
    assert "no run yet" in capsys.readouterr().err

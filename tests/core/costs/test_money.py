"""Every sum says what it stands for, in words and in JSON."""

from __future__ import annotations

from opsctl.core.costs.money import Money, Truth, estimated, spent, total


def test_what_ran_on_aws_is_charged() -> None:
    money = spent(12.3, is_local=False)
    assert money.text == "about $12.30 charged"
    assert money.as_json() == {"usd": 12.3, "usd_is": "charged", "usd_charged": 12.3}


def test_what_has_not_run_yet_is_estimated_and_not_charged() -> None:
    money = estimated(12.3, is_local=False, is_upper_bound=True)
    assert money.text == "at most $12.30 estimated"
    assert money.as_json() == {"usd": 12.3, "usd_is": "estimated", "usd_charged": None}


def test_on_this_machine_nothing_is_charged_before_or_after_the_run() -> None:
    for money in (spent(1.16, is_local=True), estimated(1.16, is_local=True)):
        assert money.text == "nothing charged; about $1.16 as AWS would charge"
        assert money.as_json() == {"usd": 1.16, "usd_is": "as AWS would charge", "usd_charged": 0.0}


def test_an_unknown_price_makes_every_sum_a_lower_bound() -> None:
    assert spent(1.0, is_local=False, is_complete=False).text == "more than $1.00 charged"
    assert estimated(1.0, is_local=False, is_complete=False, is_upper_bound=True).amount == "more than $1.00"
    added = total([spent(1.0, is_local=False), spent(2.0, is_local=False, is_complete=False)], is_local=False)
    assert added == Money(usd=3.0, truth=Truth.CHARGED, bound="more than")

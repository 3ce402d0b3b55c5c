"""The details of one scan: its cost says what it stands for."""

from __future__ import annotations

from dataclasses import replace

from support.view_examples import detail


def test_a_cost_without_the_instances_price_is_a_lower_bound() -> None:
    known = detail("DONE")
    unknown = replace(known, is_complete=False)
    assert known.money is not None and known.money.text == "about $0.50 charged"
    assert unknown.money is not None and unknown.money.text == "more than $0.50 charged"
    assert replace(known, cost=None).money is None

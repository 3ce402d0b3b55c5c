"""`logs` without `--follow` says nothing of money: it asks AWS for no prices."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from support.example_platform import platform

from opsctl.cli.verbs.status import open_status


@pytest.mark.parametrize("has_costs", [False, True])
def test_prices_are_asked_only_where_costs_are_told(monkeypatch: pytest.MonkeyPatch, has_costs: bool) -> None:
    asked = []
    monkeypatch.setattr("opsctl.aws.pricing.rates", lambda *_, **__: asked.append(1))
    monkeypatch.setattr("opsctl.commands.runs.status.StatusReader", lambda *_, **settings: settings["money"])
    context: Any = SimpleNamespace(clients=None, platform=platform(), home=None, records=None, batch=None)
    reader: Any = SimpleNamespace(run=SimpleNamespace(resources="csa"))
    money = open_status(context, reader, has_costs=has_costs)
    assert (bool(asked), money is not None) == (has_costs, has_costs)

"""Steps of the bench run: types do not tell when the runner changes under them, since mypy does not check it.

Left out are the steps that measure for minutes even in quick runs, and those that need other tools.
"""

from __future__ import annotations

from importlib import import_module

import pytest

pytestmark = pytest.mark.campaign

_STEPS = ("parsing", "submission", "state", "logs", "push", "pull", "durability")


@pytest.mark.parametrize("step", _STEPS)
def test_a_step_measures_something(step: str) -> None:
    rows = import_module(f"bench.steps.{step}").measure(quick=True)
    assert rows
    assert all(row.ours > 0 for row in rows)

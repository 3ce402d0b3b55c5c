"""Each setting alone, there and back, on one applied platform: about twenty minutes."""

from __future__ import annotations

import pytest
from setting_cases import CASES, Case
from settings_world import Lab

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

BY_VARIABLE = {case.variable: case for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.variable)
def test_a_setting_alone(lab: Lab, case: Case) -> None:
    needed = BY_VARIABLE.get(case.needs)
    if needed is not None:
        lab.up("--yes", *needed.there)
    first = case.seen(lab)
    try:
        lab.up("--yes", *case.there)
        assert lab.observe().flaws == []
        assert case.seen(lab) != first
    finally:
        # Also after a failure, so that the next setting begins with the platform as it was.
        lab.up("--yes", *case.back)
    assert lab.observe().flaws == []
    assert case.seen(lab) == first
    if needed is not None:
        lab.up("--yes", *needed.back)

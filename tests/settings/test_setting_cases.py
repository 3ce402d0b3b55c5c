"""The cases of the campaign that changes settings leave no variable out."""

from __future__ import annotations

import re

from setting_cases import CASES, FIXED
from support.real_terraform import SOURCE

_VARIABLE = re.compile(r'^variable "(\w+)"', re.MULTILINE)


def test_every_variable_has_a_case() -> None:
    declared = {
        name
        for root in ("platform", "storage")
        for name in _VARIABLE.findall((SOURCE / root / "variables.tf").read_text())
    }
    changed = [case.variable for case in CASES]
    assert sorted([*changed, *FIXED]) == sorted(declared)
    assert len(set(changed)) == len(changed)

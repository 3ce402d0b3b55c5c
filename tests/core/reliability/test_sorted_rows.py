"""Own D of many scans at once is that of each scan by itself, and of `discriminability`."""

from __future__ import annotations

import numpy as np
import pytest

from opsctl.core.reliability import sorted_rows
from opsctl.core.reliability.discriminability import discriminability
from opsctl.core.reliability.sorted_rows import SortedRows

SUBJECTS = ["a", "a", "b", "b", "b", "c", "c", "d", "d", "d"]


@pytest.mark.parametrize("compared", [1, 2_000_000])
def test_own_d_of_groups_is_that_of_each_scan(monkeypatch: pytest.MonkeyPatch, compared: int) -> None:
    monkeypatch.setattr(sorted_rows, "_COMPARED", compared)
    draw = np.random.default_rng(3)
    # Few different values: many ties.
    apart = draw.integers(1, 5, size=(10, 10)).astype(np.float64)
    apart = np.triu(apart, 1) + np.triu(apart, 1).T
    rows = SortedRows(apart)
    expected = discriminability(apart, SUBJECTS).per_scan
    chosen = [1, 2, 3, 4, 7, 8, 9]
    part = rows.part(chosen)
    for subject in "bd":
        group = [row for row, label in enumerate(SUBJECTS) if label == subject]
        places = np.array([chosen.index(row) for row in group])
        together = part.own(places, np.repeat(places[None], len(places), axis=0))
        np.testing.assert_allclose(together, expected[group], atol=1e-12)
        np.testing.assert_allclose(together, [rows.own(row, group) for row in group], atol=0)

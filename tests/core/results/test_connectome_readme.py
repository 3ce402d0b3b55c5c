"""The README beside a run's results: who made them."""

from __future__ import annotations

from opsctl.core.preview import BANNER
from opsctl.core.results.connectome_table import readme


def test_only_m2gs_results_are_called_m2gs() -> None:
    text = readme("HNU1-20261122-120000-ab12", "s3://data/HNU1", image="opsctl-preview:0.1.0")
    assert BANNER in text
    assert "made by m2g" not in text.lower()
    real = readme("HNU1-20261122-120000-ab12", "s3://data/HNU1", image="repository/opsctl-m2g:0.1.0")
    assert "Made by m2g" in real and "PREVIEW" not in real

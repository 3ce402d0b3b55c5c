"""The README beside a run's results: who made them."""

from __future__ import annotations

from opsctl.core.preview import BANNER
from opsctl.core.results.connectome_table import readme

OUTPUT = "s3://data/HNU1/derivatives/m2g-csa-native"
RUN = "HNU1-20261122-120000-ab12"


def test_only_m2gs_results_are_called_m2gs() -> None:
    text = readme(RUN, "s3://data/HNU1", output=OUTPUT, is_previewed=True)
    assert BANNER in text
    assert "made by m2g" not in text.lower()
    real = readme(RUN, "s3://data/HNU1", output=OUTPUT, is_previewed=False)
    assert "Made by m2g" in real
    assert "PREVIEW" not in real


def test_it_says_where_the_connectomes_are_from() -> None:
    assert f"the run {RUN},\nfrom {OUTPUT}.\n" in readme(RUN, "s3://data/HNU1", output=OUTPUT, is_previewed=False)
    assert "of each scan the best result of all runs" in readme(
        None, "s3://data/HNU1", output=OUTPUT, is_previewed=False
    )

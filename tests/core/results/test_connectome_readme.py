"""The README beside a run's results: who made them."""

from __future__ import annotations

from opsctl.core.preview import BANNER
from opsctl.core.results.connectome_table import readme

OUTPUT = "s3://data/HNU1/derivatives/m2g-csa-native"
RUN = "HNU1-20261122-120000-ab12"
PREVIEW, M2G = "opsctl-preview:0.1.0", "repository/opsctl-m2g:0.1.0"


def test_only_m2gs_results_are_called_m2gs() -> None:
    text = readme(RUN, "s3://data/HNU1", output=OUTPUT, images=[PREVIEW])
    assert BANNER in text
    assert "made by m2g" not in text.lower()
    real = readme(RUN, "s3://data/HNU1", output=OUTPUT, images=[M2G])
    assert "Made by m2g" in real
    assert "PREVIEW" not in real


def test_of_several_runs_one_preview_is_enough_for_the_banner() -> None:
    text = readme(None, "s3://data/HNU1", output=OUTPUT, images=[M2G, PREVIEW])
    assert BANNER in text
    assert "made by m2g" not in text.lower()


def test_it_says_where_the_connectomes_are_from() -> None:
    assert f"the run {RUN},\nfrom {OUTPUT}.\n" in readme(RUN, "s3://data/HNU1", output=OUTPUT, images=[M2G])
    assert "of each scan the best result of all runs" in readme(None, "s3://data/HNU1", output=OUTPUT, images=[M2G])

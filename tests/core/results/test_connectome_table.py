"""The table of connectomes, and real files of m2g's."""

from __future__ import annotations

import pytest
from support.repository import ROOT

from opsctl.core.results.connectome import GraphSize, parse_connectome
from opsctl.core.results.connectome_table import atlas_of, kind_of

#: Connectomes that m2g 0.3.0 wrote, cut to their first nodes, with the nodes and edges that awk counts in them.
SAMPLES = ROOT / "tests/support/m2g_outputs"
JHU = "JHU_space-MNI152NLin6_res-4x4x4"
FUNC = f"sub-02/connectomes_f/{JHU}.nii.gz/sub-02_ses-_func_{JHU}.nii.gz"
REAL = [
    (f"sub-0025427/ses-1/connectomes_d/{JHU}/sub-0025427_ses-1_dwi_{JHU}_connectome.csv", "streamlines", 12, 35),
    (f"{FUNC}_edgelist.csv", "correlation", 10, 45),
    (f"{FUNC}_abs_edgelist.csv", "absolute correlation", 10, 45),
]


@pytest.mark.parametrize(("place", "kind", "nodes", "edges"), REAL)
def test_m2gs_own_files_are_read(place: str, kind: str, nodes: int, edges: int) -> None:
    text = (SAMPLES / place).read_text()
    assert parse_connectome(text).size == GraphSize(nodes=nodes, edges=edges)
    assert (kind_of(place), atlas_of(place)) == (kind, JHU)


def test_no_sample_is_forgotten() -> None:
    assert {path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*.csv")} == {place for place, *_ in REAL}


@pytest.mark.parametrize("place", ["sub-1/x.csv", "sub-1/connectomes_d/A/x.csv", "sub-1/connectomes_f/A/lost_roi.csv"])
def test_a_file_of_another_name_has_no_kind(place: str) -> None:
    assert kind_of(place) is None

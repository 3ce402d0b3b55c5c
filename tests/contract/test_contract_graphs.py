"""The nodes and edges that the job counts in a connectome are those of the matrix that opsctl draws of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from m2g_job import edge_list
from support.repository import ROOT

from opsctl.core.results.connectome import parse_connectome

SAMPLES = sorted((ROOT / "tests/support/m2g_outputs").rglob("*.csv"))
#: What m2g could write besides: zero and missing correlations, no edge, and streamlines that stay in one region.
TEXTS = [
    "1 2 0.000000\n1 3 -0.250000\n2 3 nan\n1 4 0.1\n",
    "",
    "1 1 5.0\n2 2 3.0\n",
    "1 2 34.0\n1 7 2.0\n2 2 9.0\n8 8 1.5\n",
]


def counted(path: Path) -> tuple[int, int]:
    size = edge_list.read(str(path), check=lambda: None)
    return size.nodes, size.edges


@pytest.mark.parametrize("text", [*(path.read_text() for path in SAMPLES), *TEXTS])
def test_both_count_the_same(tmp_path: Path, text: str) -> None:
    path = tmp_path / "connectome.csv"
    path.write_text(text)
    # A matrix of an empty file needs the atlas's number of nodes.
    size = parse_connectome(text, nodes=None if text else 2).size
    assert counted(path) == (size.nodes, size.edges)


def test_the_samples_are_there() -> None:
    assert len(SAMPLES) == 3

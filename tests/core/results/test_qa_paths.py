"""Which outputs are for quality assurance."""

from __future__ import annotations

import pytest

from opsctl.core.results.qa import is_qa, is_qa_picture


@pytest.mark.parametrize(
    ("path", "qa", "picture"),
    [
        ("sub-1/ses-1/qa_d/reg/qa_fast.png", True, True),
        ("sub-1/ses-1/qa_d/tensor/Tractography_Model_Peak_Directions.png", True, True),
        ("sub-1/ses-1/qa_d/dsn/transformed_axial.png", True, True),
        ("sub-1/ses-1/qa_f/skullstrip_vis/x.png", True, True),
        ("sub-1/ses-1/log_f/pypeline.log", True, False),
        ("sub-1/ses-1/crash/crash-1.pklz", True, False),
        ("sub-1/ses-1/log/pypeline.log", True, False),
        ("sub-1/ses-1/connectomes_f/Desikan/x_edgelist.csv", False, False),
        ("sub-1/ses-1/func/log", False, False),
    ],
)
def test_qa(path: str, qa: bool, picture: bool) -> None:
    assert (is_qa(path), is_qa_picture(path)) == (qa, picture)

"""Odd inputs that m2g takes end well in the preview, too: small images, few directions, b=0 written as 60."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.gradient_cases import lowest_b_value
from support.scan_files import Inputs

from opsctl.local.preview.__main__ import main

SHAPE = (10, 10, 10)


def few_directions() -> Inputs:
    return Inputs(26, shape=SHAPE)


def b0_at_60() -> Inputs:
    inputs = Inputs(shape=SHAPE)
    lowest_b_value(60, direction=True)(inputs)
    return inputs


@pytest.mark.parametrize("model", ["csa", "csd"])
@pytest.mark.parametrize("inputs", [few_directions, b0_at_60])
def test_an_odd_input_ends_with_a_connectome(inputs: object, model: str, tmp_path: Path) -> None:
    session = tmp_path / "in/sub-1/ses-1"
    names = {"dwi": "dwi.nii.gz", "bval": "dwi.bval", "bvec": "dwi.bvec", "T1w": "T1w.nii.gz"}
    for role, content in inputs().files().items():  # type: ignore[operator]
        path = session / ("anat" if role == "T1w" else "dwi") / f"sub-1_ses-1_{names[role]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    arguments = ["--diffusion_model", model, "--seeds", "1", "--parcellation", "Desikan"]
    assert main([str(tmp_path / "in"), str(tmp_path / "out"), *arguments]) == 0
    assert list((tmp_path / "out").rglob("*_connectome.csv"))

"""What `--settings` means."""

from __future__ import annotations

from typing import Any

import pytest

from opsctl.core.comparison.settings import parse_settings
from opsctl.core.errors import UsageProblem

PARSED: dict[str, list[tuple[dict[str, Any], tuple[str, ...], str]]] = {
    "csd,csa": [({"diffusion_model": "csd"}, (), ""), ({"diffusion_model": "csa"}, (), "")],
    "csd, csd:prob": [
        ({"diffusion_model": "csd"}, (), ""),
        ({"diffusion_model": "csd", "mod": "prob"}, (), "prob"),
    ],
    "csd:Desikan_,csa:AAL:JHU": [
        ({"diffusion_model": "csd"}, ("Desikan_",), "Desikan_"),
        ({"diffusion_model": "csa"}, ("AAL", "JHU"), "AAL-JHU"),
    ],
    "seeds=10,seeds=20:1mm:particle": [
        ({"seeds": 10}, (), "seeds10"),
        ({"seeds": 20, "voxelsize": "1mm", "track_type": "particle"}, (), "seeds20-1mm-particle"),
    ],
    "skull=eye": [({"skull": "eye"}, (), "skulleye")],
}


@pytest.mark.parametrize("typed", PARSED)
def test_a_setting_is_made_of_values_and_parcellations(typed: str) -> None:
    settings = parse_settings(typed)
    assert [(dict(each.options), each.parcellations, each.suffix) for each in settings] == PARSED[typed]


REFUSED = {
    "csd,csd": "twice",
    "csd,": "empty part",
    ",": "empty part",
    "": "empty part",
    "csd:,csa": "empty part",
    "csd:csa": "two things of --diffusion-model",
    "seeds=1:seeds=2": "two things of --seeds",
    "seeds=many": "not a value of --seeds",
    "skull=big": "not a value of --skull",
    "pipeline=func": "not an option that can differ",
    "parcellation=AAL": "not an option that can differ",
}


@pytest.mark.parametrize("typed", REFUSED)
def test_what_is_no_setting(typed: str) -> None:
    with pytest.raises(UsageProblem, match=REFUSED[typed]):
        parse_settings(typed)


def test_a_label_is_a_folder_name() -> None:
    (setting,) = parse_settings("csd:a/b c")
    assert (setting.suffix, setting.label) == ("a_b_c", "csd-a_b_c")

"""m2g's published bars belong to a dataset and to settings."""

from __future__ import annotations

from opsctl.core.reliability.published import published_value
from opsctl.core.runs.m2g_options import M2gOptions

NATIVE = {"track_type": "local", "space": "native", "diffusion_model": "csa", "mod": "det"}


def test_a_bar_belongs_to_a_dataset_and_its_settings() -> None:
    assert published_value("HNU1", NATIVE) == 0.969
    assert published_value("SWU4", NATIVE) == 0.785
    assert published_value("OTHER", NATIVE) is None
    assert published_value("HNU1", {**NATIVE, "diffusion_model": "csd"}) is None
    assert published_value("HNU1", {}) is None


def test_the_settings_are_options_of_m2g() -> None:
    assert NATIVE.keys() <= M2gOptions().as_dict().keys()

"""neuroparc's atlases, as m2g selects them."""

from __future__ import annotations

import pytest

from opsctl.assets import atlas_nodes, atlas_table
from opsctl.core.atlases.atlas import name_of
from opsctl.core.atlases.atlas_table import VOXEL_SIZES
from opsctl.core.errors import UsageProblem

TABLE = atlas_table()


def test_the_default_list_is_all_but_the_two_that_do_not_fit() -> None:
    names = [atlas.name for atlas in TABLE]
    assert len(names) == 47
    assert [name for name in names if name not in {atlas.name for atlas in TABLE.default}] == ["DS16784", "DS72784"]


@pytest.mark.parametrize("voxel_size", VOXEL_SIZES)
def test_each_argument_selects_its_own_atlas_and_no_other(voxel_size: str) -> None:
    """A file that two names match is processed twice, and `Desikan` alone selects DesikanKlein too."""
    for atlas in TABLE:
        assert TABLE.matching(atlas.argument, voxel_size) == (atlas,)
        assert name_of(atlas.folder(voxel_size)) == atlas.name


def test_names_are_matched_with_the_whole_path_and_their_case() -> None:
    assert [atlas.name for atlas in TABLE.matching("Desikan", "2mm")] == ["Desikan", "DesikanKlein"]
    assert TABLE.matching("desikan", "2mm") == ()
    assert len(TABLE.matching("Human", "2mm")) == len(TABLE.matching("res-2x2x2.nii.gz", "2mm")) == 47
    assert TABLE.matching("res-2x2x2", "4mm") == ()


@pytest.mark.parametrize(("name", "job_mib", "fits"), [("DS16784", 15_200, False), ("DS16784", 30_400, True)])
def test_the_memory_of_the_largest_atlases(name: str, job_mib: int, fits: bool) -> None:
    assert (TABLE[name].memory_mib("2mm") <= job_mib) is fits


def test_the_default_atlases_fit_in_a_job_of_each_model() -> None:
    for voxel_size in VOXEL_SIZES:
        assert max(atlas.memory_mib(voxel_size) for atlas in TABLE.default) <= 15_200
        assert TABLE["DS72784"].memory_mib(voxel_size) > 30_400


def test_the_nodes_are_those_of_the_2_mm_atlases() -> None:
    nodes = atlas_nodes()
    assert {name: len(of_atlas) for name, of_atlas in nodes.items()} == {
        atlas.name: atlas.regions["2mm"] for atlas in TABLE if atlas.name in nodes
    }
    assert {atlas.name for atlas in TABLE} - set(nodes) == {"DS01876", "DS03231", "DS06481", "DS16784", "DS72784"}


def test_node_14_of_miccai_is_label_44() -> None:
    assert atlas_nodes()["MICCAI"][13].label == 44


def names(*typed: str, voxel_size: str = "2mm") -> list[str]:
    return [atlas.name for atlas in TABLE.select(typed, voxel_size)]


def test_what_is_typed_selects_each_atlas_once() -> None:
    assert TABLE.select((), "2mm") == TABLE.default
    assert names("AAL_") == ["AAL"]
    assert names("Desikan", "AAL_", "DesikanKlein") == ["AAL", "Desikan", "DesikanKlein"]
    assert names("Yeo-7", "Yeo-7-liberal") == ["Yeo-7", "Yeo-7-liberal"]
    assert names("AAL_space-MNI152NLin6_res-4x4x4", voxel_size="4mm") == ["AAL"]
    assert len(names("Human")) == 47


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("desikan", "Desikan_, DesikanKlein"),
        ("Schaefer-200", "Schaefer200"),
        ("aal_", "AAL"),
        ("HarvardOxfordsub-maxprob-thr25_label_all", "HarvardOxfordsub-maxprob-thr25_space-MNI152NLin6_label_all_res-"),
        ("qqq", "opsctl parcellations"),
    ],
)
def test_a_name_that_selects_nothing_is_refused_with_near_ones(typed: str, near: str) -> None:
    """Also beside names that select an atlas: m2g would leave it out without a word."""
    with pytest.raises(UsageProblem, match=f"--parcellation {typed} selects none") as problem:
        TABLE.select(("Glasser", typed), "2mm")
    assert near in problem.value.hint
    assert "`opsctl parcellations` lists" in problem.value.hint


def test_each_spelling_selects_one_atlas_at_every_voxel_size() -> None:
    spellings = {atlas.name: TABLE.spelling(atlas.name) for atlas in TABLE}
    for voxel_size in VOXEL_SIZES:
        assert {name: names(typed, voxel_size=voxel_size) for name, typed in spellings.items()} == {
            name: [name] for name in spellings
        }
    assert spellings["Glasser"] == "Glasser"
    assert spellings["Desikan"] == "Desikan_"

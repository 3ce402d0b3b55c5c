"""The preview's atlases: neuroparc's labels and centres in a scan's voxels, cut as m2g cuts them."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from opsctl import assets
from opsctl.core.atlases.atlas_table import VOXEL_SIZES
from opsctl.local.preview.atlases import parcellation, select
from opsctl.local.preview.label_image import BrainSpace

TABLE = assets.atlas_table()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Desikan"], ["Desikan", "DesikanKlein"]),
        (["Desikan_space-MNI152NLin6_res-"], ["Desikan"]),
        (["Yeo-7", "Yeo-7-liberal"], ["Yeo-7", "Yeo-7-liberal", "Yeo-7-liberal"]),
        (["MICCAI", "nothing"], ["MICCAI"]),
        (["Human"], [atlas.name for atlas in TABLE]),
        (None, [atlas.name for atlas in TABLE]),
    ],
)
def test_names_are_matched_as_m2g_matches_them(names: list[str] | None, expected: list[str]) -> None:
    assert [atlas.name for atlas in select(names, "2mm")] == expected


@pytest.mark.parametrize("voxel_size", VOXEL_SIZES)
def test_every_atlas_has_its_number_of_regions_and_loses_what_m2g_cuts(voxel_size: str) -> None:
    """Without a lost region, as many are kept as neuroparc.tsv says; at other sizes than 2 mm the labels are near."""
    for atlas in TABLE:
        made = parcellation(atlas, voxel_size)
        assert len(made.labels) == len(set(made.labels.tolist())) == atlas.regions[voxel_size] == len(made.centres)
        kept = int((made.labels <= len(made.labels) + 1).sum())
        if voxel_size == "2mm" or not made.is_measured:
            assert kept == min(atlas.kept[voxel_size], len(made.labels)), atlas.name


def test_labels_and_centres_are_neuroparcs() -> None:
    for name, nodes in assets.atlas_nodes().items():
        made = parcellation(TABLE[name], "2mm")
        assert made.is_measured
        assert made.labels.tolist() == [node.label for node in nodes]
        assert made.centres[-1].tolist() == [nodes[-1].x_mm, nodes[-1].y_mm, nodes[-1].z_mm]


@pytest.mark.parametrize("codes", ["RAS", "LAS", "LPI", "PIR", "SAL"])
def test_regions_lie_where_their_centres_lie_however_the_image_is_stored(codes: str) -> None:
    affine = _affine(codes)
    mask = np.ones((14, 15, 16), dtype=bool)
    made = parcellation(TABLE["Desikan"], "2mm")
    image = BrainSpace(mask, affine).parcellate(made)
    places = [
        nib.affines.apply_affine(affine, np.argwhere(image.labels == label).mean(axis=0)) for label in made.labels
    ]
    for axis in range(3):
        assert np.corrcoef(np.array(places)[:, axis], made.centres[:, axis])[0, 1] > 0.9


def test_only_the_brain_is_parcellated_and_its_box_is_the_atlass() -> None:
    mask = np.zeros((30, 30, 30), dtype=bool)
    mask[5:25, 10:20, 3:9] = True
    image = BrainSpace(mask, np.eye(4)).parcellate(parcellation(TABLE["Hemispheric"], "2mm"))
    assert ((image.labels > 0) == mask).all()
    left, right = (np.argwhere(image.labels == label)[:, 0].mean() for label in (1, 2))
    centres = image.parcellation.centres
    assert (left < right) == (centres[0, 0] < centres[1, 0])


def test_a_region_without_a_voxel_is_lost_and_takes_the_highest_label_with_it() -> None:
    made = parcellation(TABLE["Desikan"], "2mm")
    few = BrainSpace(np.ones((4, 4, 4), dtype=bool), np.eye(4)).parcellate(made)
    present = set(np.unique(few.labels).tolist())
    assert few.lost == tuple(sorted(set(made.labels.tolist()) - present))
    cut = few.cut()
    remaining = set(np.unique(cut.labels).tolist()) - {0}
    assert remaining == {label for label in present if label <= len(present) + 1}
    assert len(cut.lost) > len(few.lost)
    assert set(cut.lost) == set(made.labels.tolist()) - remaining


def test_a_node_is_the_place_of_its_label_in_the_atlas() -> None:
    made = parcellation(TABLE["MICCAI"], "2mm")
    image = BrainSpace(np.ones((20, 20, 20), dtype=bool), np.eye(4)).parcellate(made)
    assert set(image.nodes[image.labels == 44].tolist()) == {14}
    assert int(image.nodes.max()) == 134


def test_a_flat_brain_has_regions() -> None:
    image = BrainSpace(np.ones((9, 1, 9), dtype=bool), np.eye(4)).parcellate(parcellation(TABLE["AAL"], "2mm"))
    assert len(np.unique(image.labels)) > 5


def _affine(codes: str) -> np.ndarray:
    affine = np.diag([0.0, 0.0, 0.0, 1.0])
    for image_axis, code in enumerate(codes):
        world_axis = next(number for number, ends in enumerate(("LR", "PA", "IS")) if code in ends)
        affine[world_axis, image_axis] = 2.0 if code in "RAS" else -2.0
    return affine

"""Names of files and rows: different for each, and valid in BIDS."""

from __future__ import annotations

import re

import numpy as np
import pytest

from opsctl.assets import atlas_table
from opsctl.core.atlases.atlas_table import VOXEL_SIZES
from opsctl.core.reliability.graph_stack import GraphStack, StackedScan
from opsctl.core.results.formats.dense_table import dense_lines, number_text
from opsctl.core.results.formats.format_name import row_names, scan_stem, stack_name
from opsctl.core.results.formats.graphml import graphml_lines
from opsctl.core.results.formats.relmat import atlas_entities, relmat_stem
from opsctl.core.results.formats.stack_tables import losses
from opsctl.core.runs.output_kinds import GraphKind


def stack(atlas: str = "Desikan_space-MNI152NLin6_res-2x2x2", **values: object) -> GraphStack:
    defaults: dict[str, object] = {
        "kind": "streamlines",
        "model": "csa",
        "scans": (StackedScan.of("sub-01"),),
        "labels": (3, 8),
        "regions": ("a", "b"),
        "centres": np.zeros((2, 3)),
        "weights": np.zeros((1, 1), dtype=np.float32),
    }
    return GraphStack(atlas=atlas, **{**defaults, **values})  # type: ignore[arg-type]


def test_each_row_has_a_name_of_its_own() -> None:
    names = row_names((4, 11, 23, 30), ("n/a", "x", "x", "y"), are_labels_known=True)
    assert names == ("label-4", "x_label-11", "x_label-23", "y")
    assert row_names((1, 2), ("n/a", ""), are_labels_known=False) == ("node-1", "node-2")


def test_every_atlas_has_entities_of_its_own_that_bids_allows() -> None:
    folders = [atlas.folder(size) for atlas in atlas_table() for size in VOXEL_SIZES]
    entities = [atlas_entities(stack(folder)) for folder in folders]
    assert len({text.lower() for text in entities}) == len(folders)
    assert all(re.fullmatch(r"atlas-[A-Za-z0-9]+_res-[0-9]+x[0-9]+x[0-9]+", text) for text in entities)
    assert atlas_entities(stack("../etc/")) == "atlas-etc"


@pytest.mark.parametrize(
    ("scan", "kind", "path"),
    [
        ("sub-01", "streamlines", "sub-01/dwi/sub-01_"),
        ("sub-01/ses-1", "streamlines", "sub-01/ses-1/dwi/sub-01_ses-1_"),
        ("sub-b/ses-x/run-1", "streamlines", "sub-b/ses-x/dwi/sub-b_ses-x_run-1_"),
        ("sub-01/ses-1/dwi", "streamlines", "sub-01/ses-1/dwi/sub-01_ses-1_"),
        ("sub-01/ses-1/task-rest_bold", "correlation", "sub-01/ses-1/func/sub-01_ses-1_task-rest_"),
    ],
)
def test_the_names_of_the_draft(scan: str, kind: GraphKind, path: str) -> None:
    measure = {"streamlines": "streamlineCount", "correlation": "pearsonCorrelation"}[kind]
    stem = relmat_stem(stack(kind=kind), StackedScan.of(scan))
    assert stem == f"{path}atlas-Desikan_res-2x2x2_meas-{measure}"


def test_names_of_stacks_and_scans() -> None:
    assert stack_name(stack("A")) == "A_streamlines_csa"
    assert stack_name(stack("A", kind="absolute correlation", model="")) == "A_absolute-correlation"
    assert scan_stem(StackedScan.of("sub-b/ses-x/run-1")) == "sub-b_ses-x_run-1"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (92, "92"), (0.1, "0.1"), (-0.5, "-0.5"), (1e-7, "1e-07"), (3e9, "3e+09"), (np.nan, "NaN")],
)
def test_a_weight_has_the_digits_of_a_32_bit_float(value: float, text: str) -> None:
    shown = number_text(np.float32(value))
    assert shown == text
    np.testing.assert_equal(np.float32(shown), np.float32(value))


def test_a_name_is_no_formula() -> None:
    assert list(dense_lines(np.zeros((1, 1)), ["=1+1"])) == ["region\t'=1+1\n", "'=1+1\t0\n"]


def test_hostile_names_are_escaped_in_graphml() -> None:
    import xml.etree.ElementTree as ElementTree

    hostile = stack(regions=('<a b="c">&\x00', "]]>"))
    text = "".join(graphml_lines(hostile, np.zeros((2, 2)), lost=(), about={"scan": "<&>"}))
    names = [data.text for data in ElementTree.fromstring(text).iter() if data.get("key") == "node_name"]
    assert names == ['<a b="c">&', "]]>"]


@pytest.mark.parametrize(
    ("rows", "lost", "unplaced"), [((), None, None), ((), 2, 2), ((1, 2), 2, 0), ((1, 2), 1, 0), ((1,), 3, 2)]
)
def test_the_lost_regions_that_are_not_among_the_rows(
    rows: tuple[int, ...], lost: int | None, unplaced: int | None
) -> None:
    assert losses(rows, lost).unplaced == unplaced

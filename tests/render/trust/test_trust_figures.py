"""The figures of the section "Can you trust them": where each value lies in the drawing."""

from __future__ import annotations

import base64
import math
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from opsctl.core.reliability.weight_spread import weight_spread
from opsctl.render.report.trust.axis import Axis
from opsctl.render.report.trust.d_plot import DValue, d_plot
from opsctl.render.report.trust.heat_map import SIDE, HeatMap, heat_map
from opsctl.render.report.trust.scan_dots import scan_dots
from opsctl.render.report.trust.weight_lines import weight_lines

NAN = float("nan")


def pixels(drawn: HeatMap) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(drawn.image.uri.partition("base64,")[2]))).convert("RGBA")


def square(count: int, *, near: float = 1.0, far: float = 2.0, size: int = 2) -> tuple[np.ndarray, list[str]]:
    """Distances of `count` scans, `size` of each subject."""
    subjects = [f"sub-{index // size:03d}" for index in range(count)]
    same = np.array(subjects)[:, None] == np.array(subjects)[None, :]
    distances = np.where(same, near, far)
    np.fill_diagonal(distances, 0)
    return distances, subjects


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 1, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (0.5, 1, ["0.5", "0.6", "0.7", "0.8", "0.9", "1"]),
        (-1, 1, ["-1", "-0.5", "0", "0.5", "1"]),
        (0, 5250, ["0", "2,000", "4,000"]),
        (7, 7, ["7"]),
    ],
)
def test_the_ticks_of_an_axis_are_round(low: float, high: float, labels: list[str]) -> None:
    axis = Axis(low=low, high=high, start=10, end=110)
    assert [tick.label for tick in axis.ticks] == labels
    assert all(10 <= tick.at <= 110 for tick in axis.ticks)


@pytest.mark.parametrize(("low", "high"), [(1, 65_536), (0.01, 3), (1, 2), (2.0**-39, 2.0**40), (5, 5)])
def test_a_logarithmic_axis_has_decades_or_its_ends(low: float, high: float) -> None:
    axis = Axis(low=low, high=high, start=0, end=100, is_log=True)
    labels = [tick.label for tick in axis.ticks]
    assert 1 <= len(labels) <= 6
    assert all(0 <= tick.at <= 100 for tick in axis.ticks)
    assert Axis(low=1, high=100, start=0, end=100, is_log=True).at(10) == 50


def test_a_value_beyond_an_axis_is_at_its_end() -> None:
    axis = Axis(low=0.5, high=1, start=10, end=110)
    assert (axis.at(0.2), axis.at(0.75), axis.at(3)) == (10, 60, 110)


def test_a_heat_map_has_a_cell_for_each_two_scans_and_none_for_one() -> None:
    distances, subjects = square(6)
    drawn = heat_map(distances, subjects, unit="distance")
    assert drawn is not None
    picture = pixels(drawn)
    assert picture.size == (6, 6)
    dark, yellow = (0x44, 0x01, 0x54, 255), (0xFD, 0xE7, 0x25, 255)
    assert picture.getpixel((0, 1)) == picture.getpixel((3, 2)) == dark
    assert picture.getpixel((0, 2)) == picture.getpixel((5, 0)) == yellow
    # A scan's distance to itself says nothing, and would take half of the scale.
    assert all(picture.getpixel((place, place))[3] == 0 for place in range(6))
    assert (drawn.scale.low, drawn.scale.high) == (1, 2)
    assert [(span.name, span.start, span.end) for span in drawn.spans] == [
        ("sub-000", 0, 80),
        ("sub-001", 80, 160),
        ("sub-002", 160, 240),
    ]
    assert drawn.is_named and drawn.is_outlined and not drawn.is_by_subject
    assert "6 scans of 3 subjects" in drawn.words


def test_a_heat_map_of_many_scans_has_a_cell_for_two_subjects() -> None:
    distances, subjects = square(600)
    rng = np.random.default_rng(1)
    noise = rng.uniform(0, 0.5, distances.shape)
    distances += noise + noise.T
    drawn = heat_map(distances, subjects, unit="distance")
    assert drawn is not None and drawn.is_by_subject and not drawn.is_named and not drawn.is_outlined
    assert pixels(drawn).size == (300, 300) and len(drawn.spans) == 300
    expected = [
        distances[2 * row : 2 * row + 2, 2 * col : 2 * col + 2].mean() for row in range(5) for col in range(row)
    ]
    assert drawn.scale.low == pytest.approx(min(distances[2 * row, 2 * row + 1] for row in range(300)))
    assert drawn.scale.low < min(expected) <= max(expected) <= drawn.scale.high
    assert drawn.spans[-1].end == SIDE


def test_a_heat_map_of_very_many_subjects_is_a_small_picture() -> None:
    distances, subjects = square(1300, size=1)
    distances += np.arange(1300)
    drawn = heat_map(distances, subjects, unit="distance")
    assert drawn is not None and max(pixels(drawn).size) <= 300


def test_a_heat_map_leaves_out_what_cannot_be_compared() -> None:
    distances, subjects = square(4)
    distances[0, 3] = distances[3, 0] = NAN
    drawn = heat_map(distances, subjects, unit="distance")
    assert drawn is not None
    assert [pixels(drawn).getpixel(place)[3] for place in ((3, 0), (0, 3), (3, 1))] == [0, 0, 255]
    assert heat_map(np.full((3, 3), NAN), ["a", "b", "c"], unit="distance") is None
    assert heat_map(np.ones((3, 3)), ["a", "b", "c"], unit="distance") is None


@pytest.mark.parametrize("subjects", [3, 40, 41, 400])
def test_each_scan_has_its_own_d_at_its_place(subjects: int) -> None:
    values = np.linspace(0.61, 1, 2 * subjects)
    names = [f"sub-{index // 2:04d}" for index in range(2 * subjects)]
    drawn = scan_dots(values, names, marked=frozenset({0}))
    assert drawn is not None
    assert sorted(dot.row for dot in drawn.dots) == list(range(2 * subjects))
    assert bool(drawn.rows) == (subjects <= 40)
    for dot in drawn.dots:
        assert (dot.x if drawn.rows else dot.y) == drawn.axis.at(values[dot.row])
        assert 0 <= dot.x <= 340 and 0 <= dot.y <= drawn.base
    # The marked one is on top, and the axis begins just below the lowest.
    assert [dot.row for dot in drawn.dots if dot.is_marked] == [0] == [drawn.dots[-1].row]
    assert drawn.axis.low == pytest.approx(0.55)


def test_a_subject_with_one_scan_has_no_row() -> None:
    drawn = scan_dots(np.array([0.9, 0.8, NAN, 1.0, 1.0]), ["a", "a", "b", "c", "c"], marked=frozenset())
    assert drawn is not None
    assert [row.name for row in drawn.rows] == ["a", "c"] and drawn.left_out == 1
    assert scan_dots(np.array([NAN, NAN]), ["a", "b"], marked=frozenset()) is None


def test_each_parcellation_has_its_d_and_its_interval() -> None:
    values = [
        DValue(name="Desikan", value=0.9, low=0.84, high=0.96, subjects=12, scans=24),
        DValue(name="Glasser", value=0.42, low=NAN, high=NAN, subjects=2, scans=4),
    ]
    drawn = d_plot(values, bar=0.969)
    first, second = drawn.rows
    assert first.low_at < first.at < first.high_at < (drawn.bar_at or 0)
    assert second.low_at == second.at == second.high_at
    # Chance is on the axis even where no value is near it, and values below it are too.
    assert drawn.axis.low == 0.4 and d_plot(values[:1], bar=None).axis.low == 0.5
    assert drawn.words == "Discriminability: Desikan 0.900, Glasser 0.420; m2g publishes 0.969"


def test_few_scans_have_a_line_each_and_many_have_bands() -> None:
    rng = np.random.default_rng(2)
    for count, lines, bands in ((12, 12, 0), (41, 2, 2)):
        weights = rng.lognormal(4, 1.5, (count, 500)).astype(np.float32)
        spread = weight_spread([weights], is_log=True)
        drawn = weight_lines(spread, unit="streamlines", marked=frozenset({3, 5}))
        assert drawn is not None
        assert (len(drawn.lines), len(drawn.bands), bool(drawn.median)) == (lines, bands, bands > 0)
        assert {line.row for line in drawn.lines if line.is_marked} == {3, 5}
        for points in (*(line.points for line in drawn.lines), *drawn.bands):
            assert all(
                0 <= x <= 340 and 0 <= y <= drawn.base for x, y in (map(float, p.split(",")) for p in points.split())
            )


def test_pairs_without_an_edge_are_told() -> None:
    weights = np.array([[0, 1, 2, 3], [0, 0, 5, 6]], dtype=np.float32)
    drawn = weight_lines(weight_spread([weights], is_log=True), unit="streamlines", marked=frozenset())
    assert drawn is not None
    assert drawn.empty_note == "25 to 50 % of a scan's pairs of regions have no edge and are not drawn."
    assert weight_lines(weight_spread([weights * 0], is_log=True), unit="streamlines", marked=frozenset()) is None
    full = weight_lines(weight_spread([weights + 1], is_log=True), unit="streamlines", marked=frozenset())
    assert full is not None and full.empty_note == "" and math.isfinite(full.shares.high)

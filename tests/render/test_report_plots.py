"""The report's plots of durations and counts."""

from __future__ import annotations

import itertools
import re

import pytest

from opsctl.render.report.plots import HEIGHT, WIDTH, distribution


@pytest.mark.parametrize("count", [2, 10, 300, 3000])
@pytest.mark.parametrize("is_time", [True, False])
def test_each_value_is_one_mark(count: int, is_time: bool) -> None:
    values = [3600.0 + (index * 7919) % 900 for index in range(count)]
    drawing = distribution(values, is_time=is_time)
    assert len(drawing.dots) + sum(bar.count for bar in drawing.bars) == count
    assert bool(drawing.dots) == (count <= 60)
    assert 2 <= len(drawing.ticks) <= 8
    for x in [*(dot.x for dot in drawing.dots), *(tick.x for tick in drawing.ticks), *(bar.x for bar in drawing.bars)]:
        assert 0 <= x <= WIDTH
    assert all(bar.height >= 2 and bar.y >= 0 for bar in drawing.bars)
    assert all(0 <= dot.y <= HEIGHT for dot in drawing.dots)
    assert values[drawing.lowest] == min(values) and values[drawing.highest] == max(values)


@pytest.mark.parametrize("values", [[0.0], [5.0], [0.0, 0.0], [7.0] * 400, [0.001, 0.002], [1.0, 100000.0], [2.0, 3.0]])
@pytest.mark.parametrize("is_time", [True, False])
def test_odd_distributions_have_a_place(values: list[float], is_time: bool) -> None:
    drawing = distribution(values, is_time=is_time)
    assert len(drawing.dots) + sum(bar.count for bar in drawing.bars) == len(values)
    assert 0 <= drawing.median_x <= WIDTH
    labels = [tick.label for tick in drawing.ticks]
    assert len(set(labels)) == len(labels) > 1
    assert is_time or all(re.fullmatch(r"[\d,]+", label) for label in labels)


def test_one_scan_among_thousands_is_to_be_seen() -> None:
    drawing = distribution([3600.0] * 2999 + [9000.0], is_time=True)
    assert [(bar.count, bar.height >= 2) for bar in drawing.bars] == [(2999, True), (1, True)]


def test_dots_lie_beside_each_other() -> None:
    drawing = distribution([float(index * index % 53) for index in range(60)], is_time=False)
    for dot, other in itertools.combinations(drawing.dots, 2):
        assert abs(dot.x - other.x) + abs(dot.y - other.y) >= 2 * dot.radius - 0.1

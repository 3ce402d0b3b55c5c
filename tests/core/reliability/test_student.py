"""Student's quantiles against the printed tables."""

from __future__ import annotations

import pytest

from opsctl.core.reliability.student import student_probability, student_quantile


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.7062), (2, 4.30265), (3, 3.18245), (4, 2.77645), (10, 2.22814), (29, 2.04523), (100, 1.98397)],
)
def test_the_quantiles_are_the_tables(freedom: int, quantile: float) -> None:
    assert student_quantile(0.975, freedom) == pytest.approx(quantile, abs=1e-4)
    assert student_probability(quantile, freedom) == pytest.approx(0.975, abs=1e-6)


def test_many_degrees_of_freedom_are_the_normal_distribution() -> None:
    assert student_quantile(0.975, 4999) == pytest.approx(student_quantile(0.975, 5000), abs=1e-3)

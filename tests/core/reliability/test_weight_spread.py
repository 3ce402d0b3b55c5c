"""How the edge weights of scans spread over bins."""

from __future__ import annotations

import math

import numpy as np
import pytest

from opsctl.core.reliability.weight_spread import weight_spread

NAN = float("nan")


def block(*rows: list[float]) -> np.ndarray:
    return np.array(rows, dtype=np.float32)


def test_streamlines_are_counted_in_bins_of_twice_the_width() -> None:
    spread = weight_spread([block([1, 2, 3, 4]), block([7, 0, 0, NAN])], is_log=True)
    assert spread.limits.tolist() == [1, 2, 4, 8]
    # 1 | 2 and 3 | 4 to 7: whole numbers leave no bin empty.
    assert spread.shares.tolist() == [[0.25, 0.5, 0.25], [0, 0, 1]]
    # A pair of a lost region is neither an edge nor a pair without one.
    assert spread.empty.tolist() == [0, pytest.approx(2 / 3)]


@pytest.mark.parametrize("weight", [2.0**power for power in (-39, -1, 0, 1, 10, 30)])
def test_a_power_of_two_begins_its_bin(weight: float) -> None:
    below = float(np.nextafter(np.float32(weight), np.float32(0)))
    spread = weight_spread([block([weight, below])], is_log=True)
    assert spread.limits.tolist() == [weight / 2, weight, 2 * weight]
    assert spread.shares.tolist() == [[0.5, 0.5]]


def test_weights_beyond_all_bins_are_in_the_last_ones() -> None:
    spread = weight_spread([block([1e-30, 1e30])], is_log=True)
    assert spread.shares[0, 0] == spread.shares[0, -1] == 0.5
    assert np.isfinite(spread.limits).all()


def test_correlations_have_forty_bins_from_minus_one_to_one() -> None:
    spread = weight_spread([block([-1, -0.51, 0.49, 1])], is_log=False)
    assert len(spread.limits) == 41 and (spread.limits[0], spread.limits[-1]) == (-1, 1)
    assert np.flatnonzero(spread.shares[0]).tolist() == [0, 9, 29, 39]


@pytest.mark.parametrize("is_log", [True, False])
def test_a_scan_without_an_edge_has_no_spread(is_log: bool) -> None:
    spread = weight_spread([block([0, 0], [0.5, 0.5], [NAN, NAN])], is_log=is_log)
    assert np.isnan(spread.shares).all(axis=1).tolist() == [True, False, True]
    assert spread.empty[0] == 1 and spread.empty[1] == 0 and math.isnan(spread.empty[2])


def test_no_scan_has_no_spread() -> None:
    assert weight_spread([], is_log=True).shares.shape[0] == 0

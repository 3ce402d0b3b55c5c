"""The group's mean connectome."""

from __future__ import annotations

import numpy as np

from opsctl.core.reliability.group_mean import group_mean

NAN = float("nan")


def test_it_is_the_mean_of_the_scans_that_have_both_regions() -> None:
    rng = np.random.default_rng(3)
    matrices = rng.poisson(5, (7, 6, 6)).astype(np.float64)
    matrices += matrices.transpose(0, 2, 1)
    # Two scans have each lost a region.
    matrices[1, 2] = matrices[1, :, 2] = matrices[4, 0] = matrices[4, :, 0] = NAN
    rows, columns = np.triu_indices(6, 1)
    weights = matrices[:, rows, columns].astype(np.float32)
    mean = group_mean([weights[:3], weights[3:]], 6)
    expected = np.nanmean(matrices, axis=0)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(mean, expected, rtol=1e-12)


def test_a_pair_that_no_scan_has_is_not_a_number() -> None:
    mean = group_mean([np.array([[1, NAN, 3], [3, NAN, 0]], dtype=np.float32)], 3)
    np.testing.assert_array_equal(mean, [[0, 2, NAN], [2, 0, 1.5], [NAN, 1.5, 0]])

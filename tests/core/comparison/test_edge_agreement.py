"""How far edges agree: against SciPy's correlations, with lost regions and other regions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.graph_examples import example_stack, example_weights

from opsctl.core.comparison.edge_agreement import EdgeAgreement, edge_agreement
from opsctl.core.reliability.graph_stack import GraphStack, lose_rows
from opsctl.core.reliability.ranks import rank_scans

REGIONS = 9
FIRST = example_weights(4, 2, REGIONS, seed=1)
SECOND = np.floor(FIRST * 2 + example_weights(4, 2, REGIONS, seed=2)).astype(np.float32)


def compared(first: GraphStack, second: GraphStack) -> EdgeAgreement:
    agreement = edge_agreement(first, second)
    assert agreement is not None and agreement.per_scan is not None
    return agreement


def test_each_scan_is_spearmans_correlation_over_pairs_with_an_edge() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = []
    for x, y in zip(FIRST, SECOND, strict=True):
        has_edge = (x != 0) | (y != 0)
        values.append(stats.spearmanr(x[has_edge], y[has_edge]).statistic)
    spread = compared(example_stack(FIRST), example_stack(SECOND)).per_scan
    assert spread is not None and spread.count == 8
    assert [spread.lowest, spread.median, spread.highest] == pytest.approx(
        [min(values), np.median(values), max(values)]
    )


def test_each_edge_is_the_correlation_of_its_ranks_over_the_scans() -> None:
    ranks = []
    for weights in (FIRST, SECOND):
        own = np.empty_like(weights)
        scales = rank_scans(example_stack(weights), own)
        ranks.append(own * scales[:, None])
    values = []
    for x, y in zip(ranks[0].T, ranks[1].T, strict=True):
        if np.ptp(x) > 0 and np.ptp(y) > 0:
            values.append(np.corrcoef(x, y)[0, 1])
    spread = compared(example_stack(FIRST), example_stack(SECOND)).per_edge
    assert spread is not None and spread.count == len(values) > 10
    assert [spread.first_quartile, spread.median, spread.third_quartile] == pytest.approx(
        np.quantile(values, [0.25, 0.5, 0.75]), abs=1e-6
    )


def test_a_setting_agrees_with_itself() -> None:
    agreement = compared(example_stack(FIRST), example_stack(FIRST))
    assert agreement.per_scan is not None and agreement.per_scan.lowest == pytest.approx(1)
    assert agreement.per_edge is not None and agreement.per_edge.lowest == pytest.approx(1)
    assert (agreement.scans, agreement.regions, agreement.regions_of_each) == (8, REGIONS, (REGIONS, REGIONS))


def test_lost_regions_are_not_compared() -> None:
    lossy = FIRST.copy()
    for row in lossy:
        lose_rows(row, np.array([4]), REGIONS)
    agreement = compared(example_stack(FIRST), example_stack(lossy))
    assert agreement.per_scan is not None and agreement.per_scan.lowest == pytest.approx(1)
    whole = compared(example_stack(FIRST), example_stack(FIRST))
    assert agreement.per_edge is not None and whole.per_edge is not None
    assert agreement.per_edge.count <= whole.per_edge.count - 1


def test_only_regions_that_both_have_are_compared() -> None:
    """The second lacks the first region: its edges are those of the others, at other places."""
    kept = np.triu_indices(REGIONS, k=1)[0] > 0
    fewer = example_stack(FIRST[:, kept])
    agreement = compared(example_stack(FIRST), replace(fewer, labels=tuple(range(2, REGIONS + 1))))
    assert agreement.regions_of_each == (REGIONS, REGIONS - 1) and agreement.regions == REGIONS - 1
    assert agreement.per_scan is not None and agreement.per_scan.lowest == pytest.approx(1)


def test_without_common_regions_there_is_nothing_to_compare() -> None:
    other = replace(example_stack(FIRST), labels=tuple(range(100, 100 + REGIONS)))
    assert edge_agreement(example_stack(FIRST), other) is None


def test_over_four_scans_nothing_is_said_of_an_edge() -> None:
    agreement = compared(example_stack(FIRST[:4]), example_stack(SECOND[:4]))
    assert agreement.per_edge is None


def test_all_correlations_count_zeros_too() -> None:
    stats = pytest.importorskip("scipy.stats")
    x, y = (np.round(np.random.default_rng(seed).normal(size=(6, 36)), 1).astype(np.float32) for seed in (3, 4))
    spread = compared(example_stack(x, kind="correlation"), example_stack(y, kind="correlation")).per_scan
    values = [stats.spearmanr(a, b).statistic for a, b in zip(x, y, strict=True)]
    assert spread is not None and spread.median == pytest.approx(np.median(values), abs=1e-6)

"""Agreement with hyppo and graspologic, whose values were made once by hyppo_values/generate.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.graph_examples import example_stack

from opsctl.core.reliability.discriminability import discriminability
from opsctl.core.reliability.distances import distances
from opsctl.core.reliability.graph_stack import StackedScan
from opsctl.core.reliability.ranks import rank_scans

VALUES: dict[str, Any] = json.loads((Path(__file__).parent / "hyppo_values" / "values.json").read_text())
GRAPHS = {case["name"]: case for case in VALUES["graphs"]}


@pytest.mark.parametrize("name", GRAPHS)
def test_d_of_graphs_is_hyppos(name: str) -> None:
    case = GRAPHS[name]
    scans = tuple(StackedScan(f"{subject}/{number}", subject, "") for number, subject in enumerate(case["subjects"]))
    stack = example_stack(np.array(case["weights"], dtype=np.float32), kind=case["kind"], scans=scans)
    for transform, value in case["discriminability"].items():
        computed = discriminability(distances(stack, transform), stack.subjects).value
        assert computed == pytest.approx(value, abs=1e-9), transform


@pytest.mark.parametrize("name", GRAPHS)
def test_ranks_are_graspologics(name: str) -> None:
    case = GRAPHS[name]
    stack = example_stack(np.array(case["weights"][:1], dtype=np.float32), kind=case["kind"])
    ranks = np.empty(stack.weights.shape, dtype=np.float32)
    scales = rank_scans(stack, ranks)
    np.testing.assert_allclose(ranks[0] * scales[0], case["ranks_of_first"], rtol=1e-12)


@pytest.mark.parametrize("case", VALUES["ties"])
def test_ties_count_half_as_in_hyppo(case: dict[str, Any]) -> None:
    matrix = np.array(case["distances"], dtype=float)
    assert discriminability(matrix, case["subjects"]).value == pytest.approx(case["discriminability"], abs=1e-12)


def test_the_values_are_no_trivial_ones() -> None:
    values = [value for case in VALUES["graphs"] for value in case["discriminability"].values()]
    assert sum(0.55 < value < 0.99 for value in values) >= len(values) // 2

"""A connectome's matrix from its parsed text is that of `parse_connectome`, which reads line by line."""

from __future__ import annotations

import random

import numpy as np
import pytest

from opsctl.core.errors import Problem
from opsctl.core.results.connectome import MOST_NODES, parse_connectome
from opsctl.core.results.graph_text import GraphText

RANDOM = random.Random(1)
EDGES = "".join(
    f"{RANDOM.randint(1, 12)} {RANDOM.randint(1, 12)} {weight}\n"
    for weight in ("3", "0.1234567890123456", "nan", "1e-7", "-2", "5", "7") * 6
)


@pytest.mark.parametrize("nodes", [None, 4, 12, 20])
@pytest.mark.parametrize(
    "text",
    [
        EDGES,
        EDGES.rstrip("\n"),
        "# m2g\n" + EDGES,
        "2 1 5\n1 2 6\n3 3 4\n1 3 2\n",
        "0 1 5\n1 2 6\n2 4 4\n1 3 2\n",
        "7 9 1_0\n7 8 2\n8 9 3\n9 7 4\n",
        "0 2 1\n2 0 3\n1 3 0\n",
        "0,2,1\n2,0,3\n1,3,0\n",
        "0 1\n1 0\n",
    ],
)
def test_a_matrix_is_as_if_read_line_by_line(text: str, nodes: int | None) -> None:
    np.testing.assert_array_equal(GraphText(text).matrix(nodes=nodes), parse_connectome(text, nodes=nodes).matrix)


@pytest.mark.parametrize(
    ("text", "nodes"),
    [("", None), ("1 2\n3 4 5 6\n1 2 3\n1 2 3\n", None), ("a b c\n" * 5, None), ("1 2 3\n" * 5, MOST_NODES + 1)],
)
def test_what_is_no_connectome_is_refused_in_the_same_words(text: str, nodes: int | None) -> None:
    with pytest.raises(Problem) as expected:
        parse_connectome(text, nodes=nodes)
    with pytest.raises(Problem) as refused:
        GraphText(text).matrix(nodes=nodes)
    assert refused.value.what == expected.value.what

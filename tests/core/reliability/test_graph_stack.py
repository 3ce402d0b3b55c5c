"""Connectomes as one array, and back."""

from __future__ import annotations

import numpy as np
import pytest
from support.graph_examples import example_stack, example_weights

from opsctl.core.errors import Problem
from opsctl.core.reliability.edges import lost_labels, parse_edges
from opsctl.core.reliability.graph_stack import StackedScan, lose_rows
from opsctl.core.results.connectome import parse_connectome


def test_the_names_of_a_scan_give_subject_and_session() -> None:
    assert StackedScan.of("sub-1/ses-2/acq-x") == StackedScan("sub-1/ses-2/acq-x", "sub-1", "ses-2")
    assert StackedScan.of("sub-1").session == ""


def test_a_matrix_is_symmetric_and_holds_the_edges_row_by_row() -> None:
    stack = example_stack(np.arange(1, 7, dtype=np.float32)[None])
    matrix = stack.matrix(0)
    assert matrix.tolist() == [[0, 1, 2, 3], [1, 0, 4, 5], [2, 4, 0, 6], [3, 5, 6, 0]]
    assert stack.edges(0, 1).tolist() == [[1, 2, 3, 4, 5, 6]]


def test_lost_regions_are_rows_of_nan() -> None:
    weights = np.arange(1, 7, dtype=np.float32)[None]
    lose_rows(weights[0], np.array([2]), 4)
    matrix = example_stack(weights).matrix(0)
    assert np.isnan(matrix[2]).all()
    assert np.isnan(matrix[:, 2]).all()
    assert not np.isnan(np.delete(np.delete(matrix, 2, axis=0), 2, axis=1)).any()


def test_a_stack_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        example_stack(np.zeros((2, 6), dtype=np.float32), scans=(StackedScan.of("sub-1"),))


@pytest.mark.parametrize(
    "text",
    [
        "1 2 5.0\n2 4 7.0\n",
        "1 2 5.0\n2 4 7.0\n1 3 1\n3 4 2\n",
        "2 1 5.0\n2 2 9\n4 2 7.0\n1 3 1\n3 4 nan",
        "0,5,1,0\n5,0,0,7\n1,0,0,2\n0,7,2,0\n",
    ],
)
def test_edges_are_those_of_the_other_parser(text: str) -> None:
    expected = np.array(parse_connectome(text, nodes=4).matrix)
    triangle = parse_edges(text).upper_triangle(4)
    assert np.array_equal(triangle, expected[np.triu_indices(4, k=1)].astype(np.float32), equal_nan=True)


def test_a_file_without_a_line_is_a_graph_without_edges() -> None:
    edges = parse_edges("\n")
    assert edges.highest_node == 0
    assert edges.upper_triangle(3).tolist() == [0, 0, 0]
    assert edges.isolated(3).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "text",
    [
        "1 2 x\n" * 5,
        "1 2 3 4\n5 6\n1 2 3\n1 2 3\n",
        "0 1 5.0\n" * 5,
        "1.5 2 5.0\n" * 5,
        "1 2 inf\n" * 5,
        "0,5\n6,0\n",
    ],
)
def test_what_is_no_connectome_is_refused(text: str) -> None:
    with pytest.raises(Problem):
        parse_edges(text)


def test_a_node_that_the_atlas_does_not_have_is_refused() -> None:
    with pytest.raises(Problem, match="names node 5, and the atlas has 4 regions"):
        parse_edges("1 5 2.0\n" * 5).upper_triangle(4)


def test_lost_labels_are_read_as_m2g_writes_them() -> None:
    assert lost_labels("0,135,136\r\n") == (135, 136)
    assert lost_labels("") == ()
    with pytest.raises(Problem):
        lost_labels("135,x")


def test_examples_have_zeros_and_edges() -> None:
    share = (example_weights(3, 2, 20) > 0).mean()
    assert 0.3 < share < 0.9

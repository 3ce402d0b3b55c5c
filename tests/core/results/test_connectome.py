"""Connectomes in m2g's two formats: a matrix, and an edge list."""

from __future__ import annotations

import pytest

from opsctl.core.errors import Problem
from opsctl.core.results import connectome
from opsctl.core.results.connectome import MOST_NODES, Connectome, GraphSize, parse_connectome

FOUR = ((0.0, 2.0, 0.0, 1.0), (2.0, 0.0, 0.0, 0.0), (0.0, 0.0, 5.0, 0.0), (1.0, 0.0, 0.0, 0.0))


def text_of(matrix: tuple[tuple[float, ...], ...], separator: str) -> str:
    return "".join(separator.join(map(str, row)) + "\n" for row in matrix)


@pytest.mark.parametrize("separator", [",", ", ", " ", "\t", "   "])
def test_a_square_matrix(separator: str) -> None:
    connectome = parse_connectome(text_of(FOUR, separator))
    assert connectome == Connectome(FOUR)
    # The weight on the diagonal is no edge, its node has none, and each pair counts once.
    assert connectome.size == GraphSize(nodes=3, edges=2)


def test_an_edge_that_only_one_triangle_holds_is_an_edge() -> None:
    assert Connectome(((0.0, 0.0), (3.0, 0.0))).size == GraphSize(nodes=2, edges=1)
    assert Connectome(((0.0, 3.0), (0.0, 0.0))).size == GraphSize(nodes=2, edges=1)


def test_edges_as_m2g_writes_them() -> None:
    """`networkx.write_weighted_edgelist`, blank-separated: only existing edges, nodes as numbers."""
    text = "1 2 34.0\n1 7 2.0\n2 2 9.0\n3 7 1.5\n"
    connectome = parse_connectome(text)
    assert connectome.matrix == (
        (0.0, 34.0, 0.0, 2.0),
        (34.0, 9.0, 0.0, 0.0),
        (0.0, 0.0, 0.0, 1.5),
        (2.0, 0.0, 1.5, 0.0),
    )
    assert connectome.size == GraphSize(nodes=4, edges=3)


def test_pairs_without_a_weight_are_no_edges() -> None:
    """The functional pipeline writes every pair, and `nan` where a region has no signal."""
    text = "1 2 0.000000\n1 3 -0.250000\n2 3 nan\n1 4 0.1\n"
    assert parse_connectome(text).size == GraphSize(nodes=3, edges=2)


def test_a_node_without_an_edge_keeps_its_row_where_the_number_of_nodes_is_known() -> None:
    text = "1 2 5.0\n2 4 1.0\n"
    assert parse_connectome(text, nodes=4).matrix == (
        (0.0, 5.0, 0.0, 0.0),
        (5.0, 0.0, 0.0, 1.0),
        (0.0, 0.0, 0.0, 0.0),
        (0.0, 1.0, 0.0, 0.0),
    )
    assert parse_connectome(text, nodes=4).size == parse_connectome(text).size == GraphSize(nodes=3, edges=2)
    # A number that the list does not keep to is not believed.
    assert parse_connectome(text, nodes=3) == parse_connectome(text)
    with pytest.raises(Problem, match="10,000 nodes"):
        parse_connectome(text, nodes=10_000)


@pytest.mark.parametrize("text", ["", " \n", "# only words\n"])
def test_an_empty_file_is_a_graph_without_edges(text: str) -> None:
    assert parse_connectome(text, nodes=2).size == GraphSize(nodes=0, edges=0)
    assert parse_connectome(text, nodes=2) == Connectome(((0.0, 0.0), (0.0, 0.0)))
    with pytest.raises(Problem, match="is empty"):
        parse_connectome(text)


def test_only_a_diagonal_is_a_graph_without_nodes() -> None:
    for text in ("1 1 5.0\n2 2 3.0\n", "5,0\n0,3\n"):
        assert parse_connectome(text).size == GraphSize(nodes=0, edges=0)


def test_both_ways_round_is_one_edge() -> None:
    text = "1 2 5\n2 1 5\n"
    assert parse_connectome(text).size == GraphSize(nodes=2, edges=1)


def test_three_lines_of_three_numbers() -> None:
    edges = parse_connectome("1 2 5\n1 3 6\n2 3 7\n")
    assert edges.matrix == ((0.0, 5.0, 6.0), (5.0, 0.0, 7.0), (6.0, 7.0, 0.0))
    assert parse_connectome("0 5 6\n5 0 7\n6 7 0\n") == edges
    assert parse_connectome("0,5,6\n0,0,7\n0,0,0\n").matrix[0] == (0.0, 5.0, 6.0)


def test_comments_and_empty_lines_are_not_data() -> None:
    assert parse_connectome("# made by m2g\n\n0,1\n1,0\n\n").size.edges == 1


@pytest.mark.parametrize("text", ["0 1\n1 0", "0 1\r\n1 0\r\n"])
def test_line_ends(text: str) -> None:
    assert parse_connectome(text) == Connectome(((0.0, 1.0), (1.0, 0.0)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\nc,d\n", "something else than numbers"),
        ("<html></html>", "something else than numbers"),
        ("0,1,2,3\n1,0,2,3\n", "neither a square matrix nor a list of edges"),
        ("0,1\n1\n", "neither"),
        ("0,,1\n1,0,2\n", "something else"),
        ("1.5 2 3\n1 2 3\n", "neither"),
        ("nan 2 3\n1 2 3\n", "neither"),
        ("inf 2 3\n1 2 3\n", "neither"),
    ],
)
def test_what_is_no_connectome_is_said(text: str, message: str) -> None:
    with pytest.raises(Problem, match=message):
        parse_connectome(text)


def test_a_graph_too_large_for_a_matrix_is_refused() -> None:
    """The largest of m2g's parcellations, DS72784, would be a matrix of 40 GB."""
    text = "".join(f"{node} {node + 1} 1.0\n" for node in range(1, 72_784))
    with pytest.raises(Problem, match="72,784 nodes"):
        parse_connectome(text)
    assert MOST_NODES < 72_784


def test_the_usual_edge_list_is_read_as_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        "1 2 34.0\n1 7 2.0\n2 2 9.0\n3 7 1.5\n",
        "1 2 3\n2 1 4\n01 2 5\n1 3 nan\n",
        "1 2 3\n1 3 1e3\n4 5 x\n1 2 3\n",
    ]
    quick = [outcome(text) for text in texts]
    monkeypatch.setattr(connectome, "_plain_edges", lambda _: None)
    assert [outcome(text) for text in texts] == quick


def outcome(text: str) -> str:
    try:
        return repr([parse_connectome(text, nodes=nodes).matrix for nodes in (None, 2, 9)])
    except Problem as problem:
        return problem.what

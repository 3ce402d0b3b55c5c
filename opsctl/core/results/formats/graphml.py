"""A connectome as GraphML, which networkx, igraph, Gephi and Cytoscape read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from opsctl.core.harmless import harmless
from opsctl.core.results.formats.dense_table import number_text
from opsctl.core.results.formats.stack_tables import are_labels_known, names_of

if TYPE_CHECKING:
    from opsctl.core.reliability.graph_stack import GraphStack

#: Of a node: id, GraphML's type, and the name under which programs show it.
_NODE_KEYS = {
    "node": "int",
    "label": "int",
    "name": "string",
    "x_mm": "double",
    "y_mm": "double",
    "z_mm": "double",
    "lost": "boolean",
}
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"})


def graphml_lines(
    stack: GraphStack, matrix: NDArray[np.float64], *, lost: Sequence[int], about: Mapping[str, str]
) -> Iterator[str]:
    """The lines of a scan's graph: the nodes by their labels in the atlas, and the edges with a weight other than 0.

    Parameters
    ----------
    matrix
        The scan's.
    lost
        The rows, from 0, of the regions that the scan lost: nodes with `lost`, and without an edge.
    about
        What is said of the graph as a whole, by name.
    """
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
    for name in about:
        yield _key(name, "graph", "string")
    for name, kind in _NODE_KEYS.items():
        yield _key(name, "node", kind)
    yield _key("weight", "edge", "double")
    yield '  <graph edgedefault="undirected">\n'
    for name, text in about.items():
        yield f'    <data key="graph_{name}">{_escaped(text)}</data>\n'
    ids = [str(label) for label in stack.labels]
    yield from _nodes(stack, ids, frozenset(lost))
    yield from _edges(matrix, ids)
    yield "  </graph>\n</graphml>\n"


def _nodes(stack: GraphStack, ids: Sequence[str], lost: frozenset[int]) -> Iterator[str]:
    for index, name in enumerate(names_of(stack)):
        values = {"node": str(index + 1)}
        if are_labels_known(stack):
            values["label"] = ids[index]
        values["name"] = _escaped(name)
        if stack.centres is not None:
            values |= {
                axis: f"{value:.1f}" for axis, value in zip(("x_mm", "y_mm", "z_mm"), stack.centres[index], strict=True)
            }
        values["lost"] = "true" if index in lost else "false"
        data = "".join(f'<data key="node_{key}">{value}</data>' for key, value in values.items())
        yield f'    <node id="{ids[index]}">{data}</node>\n'


def _edges(matrix: NDArray[np.float64], ids: Sequence[str]) -> Iterator[str]:
    for row in range(len(ids)):
        weights = matrix[row, row + 1 :]
        for column in np.flatnonzero(~np.isnan(weights) & (weights != 0)).tolist():
            text = number_text(np.float32(weights[column]))
            ends = f'source="{ids[row]}" target="{ids[row + 1 + column]}"'
            yield f'    <edge {ends}><data key="edge_weight">{text}</data></edge>\n'


def _key(name: str, owner: str, kind: str) -> str:
    return f'  <key id="{owner}_{name}" for="{owner}" attr.name="{name}" attr.type="{kind}"/>\n'


def _escaped(text: str) -> str:
    return harmless(text).translate(_ESCAPES)

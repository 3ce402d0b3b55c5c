"""Files that hold a graph, in m2g's formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .connectome import Edges


def write_counts(path: Path, edges: Edges) -> None:
    """Write a connectome of streamline counts: `node node weight`, a line for each edge (`save_graph` in m2g)."""
    # As Python's own numbers: NumPy's take ten times as long to print.
    rows = zip(edges.first.tolist(), edges.second.tolist(), edges.weights.tolist(), strict=True)
    path.write_text("".join(f"{first} {second} {weight}\n" for first, second, weight in rows), encoding="utf-8")


def write_lost(folder: Path, labels: Sequence[int]) -> None:
    """Write the labels of lost regions beside a connectome; no file where none is lost."""
    if labels:
        (folder / "lost_roi.csv").write_text(",".join(str(label) for label in labels) + "\r\n", encoding="utf-8")


def write_correlations(stub: Path, matrix: NDArray[np.float64]) -> None:
    """Write `…_edgelist.csv` and `…_abs_edgelist.csv`: every pair of nodes, counted from 1 (`func_dir_reorg` in m2g).

    Parameters
    ----------
    stub
        The files' path without `_edgelist.csv`.
    """
    stub.parent.mkdir(parents=True, exist_ok=True)
    first, second = np.triu_indices(len(matrix), k=1)
    rows = zip((first + 1).tolist(), (second + 1).tolist(), matrix[first, second].tolist(), strict=True)
    text = "".join(f"{node} {other} {weight:f}\n" for node, other, weight in rows)
    stub.with_name(f"{stub.name}_edgelist.csv").write_text(text, encoding="utf-8")
    stub.with_name(f"{stub.name}_abs_edgelist.csv").write_text(text.replace("-", ""), encoding="utf-8")

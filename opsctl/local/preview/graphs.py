"""Files that hold a graph, in m2g's formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .connectome import Edges


def write_counts(path: Path, edges: Edges) -> None:
    """Write a connectome of streamline counts: `node node weight`, a line for each edge (`save_graph` in m2g)."""
    rows = zip(edges.first, edges.second, edges.weights, strict=True)
    path.write_text("".join(f"{first} {second} {weight:.1f}\n" for first, second, weight in rows), encoding="utf-8")


def write_lost(folder: Path, labels: Sequence[int]) -> None:
    """Write the labels of lost regions beside a connectome; no file where none is lost."""
    if labels:
        (folder / "lost_roi.csv").write_text(",".join(str(label) for label in labels) + "\r\n", encoding="utf-8")


def write_correlations(path: Path, matrix: NDArray[Any]) -> None:
    """Write every pair of nodes once as `node node weight`, nodes counted from 1 (`func_dir_reorg` in m2g)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first, second = np.triu_indices(len(matrix), k=1)
    np.savetxt(path, np.column_stack([first + 1, second + 1, matrix[first, second]]), fmt="%d %d %f")

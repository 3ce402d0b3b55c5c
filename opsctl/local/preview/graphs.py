"""Files that hold a graph, in m2g's formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_matrix(path: Path, matrix: NDArray[np.int64]) -> None:
    """Write a connectome as comma-separated numbers, one row a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, matrix, fmt="%d", delimiter=",")


def write_edges(path: Path, matrix: NDArray[Any]) -> None:
    """Write every pair of nodes once as `node node weight`, nodes counted from 1.

    m2g's functional pipeline writes the same format (`func_dir_reorg` in m2g/functional/m2g_func.py).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    first, second = np.triu_indices(len(matrix), k=1)
    np.savetxt(path, np.column_stack([first + 1, second + 1, matrix[first, second]]), fmt="%d %d %f")

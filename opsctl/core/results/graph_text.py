"""The text of a connectome's file with its numbers: whoever compares it and whoever draws it parse it once."""

from __future__ import annotations

import warnings
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from opsctl.core.results.connectome import MATRIX_OR_EDGES, MOST_NODES, is_plain_edge_list, parse_connectome


class GraphText:
    """The text of a connectome's file.

    Attributes
    ----------
    text
        All of it.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def table(self) -> NDArray[np.float64] | None:
        """The three columns of an edge list; None where the text must be looked at line by line."""
        text = self.text
        is_empty = not text.strip()
        lines = text.count("\n") + (not text.endswith("\n") and not is_empty)
        if is_empty:
            return np.empty((0, 3))
        if lines <= MATRIX_OR_EDGES or len(text[: text.find("\n")].split()) != MATRIX_OR_EDGES:
            return None
        with warnings.catch_warnings():
            # NumPy only warns of a text that is no number.
            warnings.simplefilter("error", DeprecationWarning)
            try:
                numbers = np.fromstring(text, sep=" ")
            except (DeprecationWarning, ValueError):
                return None
        return numbers.reshape(-1, 3) if len(numbers) == 3 * lines else None

    def matrix(self, *, nodes: int | None) -> NDArray[np.float64]:
        """The matrix of weights, as `parse_connectome` makes it in ten times the time.

        Raises
        ------
        Problem
            As `parse_connectome` does.
        """
        table = self.table if is_plain_edge_list(self.text) else None
        if table is not None:
            numbers, places = np.unique(table[:, :2], return_inverse=True)
            if 0 < (nodes or 0) >= numbers[-1] and numbers[0] >= 1:
                numbers, places = np.arange(1.0, (nodes or 0) + 1), table[:, :2].astype(np.intp) - 1
            if len(numbers) <= MOST_NODES and (nodes or 0) <= MOST_NODES:
                places = places.reshape(-1, 2)
                low, high = places.min(axis=1), places.max(axis=1)
                matrix = np.zeros((len(numbers), len(numbers)))
                # Of the same edge several times the last counts.
                matrix[low, high] = table[:, 2]
                matrix[high, low] = matrix[low, high]
                return matrix
        return np.array(parse_connectome(self.text, nodes=nodes).matrix, dtype=np.float64)

"""A matrix as text: tab-separated, a line for each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from opsctl.core.results.table_cell import cell

#: The largest whole number that is written without a point: beyond it a 32-bit float has not every whole number.
_WHOLE = 2**24


def dense_lines(matrix: NDArray[np.float64], names: Sequence[str], *, missing: str = "NaN") -> Iterator[str]:
    """The lines of a matrix, with the rows' names as header and in the first column.

    Parameters
    ----------
    names
        Of the rows, which are those of the columns; none: the numbers alone.
    missing
        What is written for a number that is not known.
    """
    shown = list(map(cell, names))
    if shown:
        yield "\t".join(["region", *shown]) + "\n"
    values, places = np.unique(np.asarray(matrix, dtype=np.float32), return_inverse=True)
    texts = np.array([number_text(value, missing=missing) for value in values], dtype=object)
    places = places.reshape(matrix.shape)
    for index, row in enumerate(places):
        cells = texts[row].tolist()
        yield "\t".join([shown[index], *cells] if shown else cells) + "\n"


def number_text(value: np.float32, *, missing: str = "NaN") -> str:
    """A weight with as many digits as it has: `92`, `0.3125`."""
    if np.isnan(value):
        return missing
    if abs(value) <= _WHOLE and value == np.floor(value):
        return str(int(value))
    # The shortest text that gives the same 32-bit float again.
    return str(value)

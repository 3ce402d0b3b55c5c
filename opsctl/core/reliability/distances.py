"""The distances between the connectomes of a stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from opsctl.core.errors import UsageProblem
from opsctl.core.reliability.graph_stack import GraphStack
from opsctl.core.reliability.ranks import rank_scans
from opsctl.core.runs.output_kinds import GraphKind

#: What is done to the weights before they are compared: their ranks within the scan, nothing, or log(1 + weight).
Transform = Literal["ranks", "raw", "log"]

#: Scans of one block, and pairs of regions that are compared at once: 32 MB of numbers on either side, so that 1,000
#: scans of 400 regions fit into 1 GiB with their weights and ranks, and 10,000 scans into 2 GiB with their distances.
_SCANS = 1250
_PAIRS = 3200
#: A squared distance below this share of the two scans' squares has lost digits to rounding: such scans, which are
#: almost equal, are subtracted one by one.
_CANCELLED = 1e-6

#: The binary digits of a distance: 12 decimal ones. The order in which a product is summed changes the last of 52.
_BITS = 40

_STREAMLINES: GraphKind = "streamlines"


def distances(
    stack: GraphStack,
    transform: Transform = "ranks",
    *,
    ranks: NDArray[np.float32] | None = None,
    on_block: Callable[[int], None] = lambda _: None,
) -> NDArray[np.float64]:
    """The Frobenius distance of every two scans' matrices.

    Pairs of regions of which one is lost in either scan are not compared; the sum over the others is scaled up to all
    pairs (as scikit-learn's `nan_euclidean_distances` and R's `dist` do it). Infinite where two scans have no pair in
    common.

    Parameters
    ----------
    transform
        `ranks`: see `opsctl.core.reliability.ranks`.
    ranks
        Room for the ranks, of the shape of the stack's weights, such as a file that is mapped into memory. None: an
        array in memory.
    on_block
        Called with the number of comparisons of two scans that are complete.

    Returns
    -------
    ndarray
        Scans x scans, symmetric, with a diagonal of zeros.

    Raises
    ------
    UsageProblem
        If `log` is asked for of weights that may be negative.
    """
    if transform == "log" and stack.kind != _STREAMLINES:
        raise UsageProblem(
            f"--transform log is for numbers of streamlines, and these weights are a {stack.kind}.",
            "Use --transform ranks or --transform raw.",
        )
    count = len(stack.scans)
    result = np.zeros((count, count))
    source, scales = stack.weights, np.ones(count)
    if transform == "ranks":
        source = np.empty(stack.weights.shape, dtype=np.float32) if ranks is None else ranks
        scales = rank_scans(stack, source)
    for top in range(0, count, _SCANS):
        for left in range(top, count, _SCANS):
            rows, columns = slice(top, min(top + _SCANS, count)), slice(left, min(left + _SCANS, count))
            block = _block(source, scales, rows, columns, is_log=transform == "log")
            result[rows, columns] = block
            result[columns, rows] = block.T
            on_block(block.size if top == left else 2 * block.size)
    return result


def _block(
    source: NDArray[np.float32], scales: NDArray[np.float64], rows: slice, columns: slice, *, is_log: bool
) -> NDArray[np.float64]:
    """The distances of some scans from some others, by the product of their matrices."""
    pairs, is_diagonal = source.shape[1], rows == columns
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    products, squares, common = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    of_left, of_right = np.zeros(shape[0]), np.zeros(shape[1])
    complete = 0
    for start in range(0, pairs, _PAIRS):
        piece = slice(start, min(start + _PAIRS, pairs))
        left = _loaded(source, scales, rows, piece, is_log=is_log)
        right = left if is_diagonal else _loaded(source, scales, columns, piece, is_log=is_log)
        has_left, has_right = ~np.isnan(left), ~np.isnan(right)
        if has_left.all() and has_right.all():
            complete += piece.stop - piece.start
            of_left += np.einsum("ij,ij->i", left, left)
            of_right += np.einsum("ij,ij->i", right, right)
        else:
            left, right = np.nan_to_num(left), np.nan_to_num(right)
            are_left, are_right = has_left.astype(np.float64), has_right.astype(np.float64)
            common += are_left @ are_right.T
            squares += (left * left) @ are_right.T
            squares += are_left @ (right * right).T
        products += left @ right.T
    squares += of_left[:, None]
    squares += of_right
    common += complete
    squared = squares - 2 * products
    for row, column in np.argwhere(squared < _CANCELLED * squares):
        if is_diagonal and column <= row:
            continue
        first, second = rows.start + row, columns.start + column
        difference = _loaded(source, scales, slice(first, first + 1), slice(None), is_log=is_log)
        difference -= _loaded(source, scales, slice(second, second + 1), slice(None), is_log=is_log)
        squared[row, column] = np.nansum(difference * difference)
    with np.errstate(invalid="ignore", divide="ignore"):
        squared = np.where(common > 0, np.maximum(squared, 0) * (pairs / common), np.inf)
    result = _rounded(np.sqrt(2 * squared))
    if is_diagonal:
        result = np.triu(result, 1)
        result += result.T
    return result


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values with so many digits that the distances of a scan from two equal scans are equal."""
    mantissas, exponents = np.frexp(values)
    rounded: NDArray[np.float64] = np.ldexp(np.round(mantissas * 2.0**_BITS), exponents - _BITS)
    return rounded


def _loaded(
    source: NDArray[np.float32], scales: NDArray[np.float64], rows: slice, columns: slice, *, is_log: bool
) -> NDArray[np.float64]:
    """A part of the weights or ranks as numbers to compute with."""
    part = source[rows, columns].astype(np.float64)
    if is_log:
        return np.log1p(part)
    return part * scales[rows, None]

"""The connectomes in an array that `results --format npz` wrote, as a source of graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from opsctl.commands.reliability.graph_files import GraphFile
from opsctl.commands.results.formats.array_stack import read_array, read_unplaced
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.reliability.graph_stack import lost_rows


class ArrayGraphs:
    """The connectomes of one array.

    Parameters
    ----------
    path
        An `.npz` file.

    Raises
    ------
    Problem
        If `results --format npz` did not write it.
    """

    def __init__(self, path: Path) -> None:
        self._stack = read_array(path)
        unplaced = read_unplaced(path)
        if len(unplaced) != len(self._stack.scans):
            raise Problem(f"{path} counts the lost regions of other scans.", code=ErrorCode.FILE_UNREADABLE)
        regions = len(self._stack.labels)
        self._pairs = np.column_stack(np.triu_indices(regions, k=1)) + 1
        self._lost = [lost_rows(self._stack.weights[index], regions) for index in range(len(self._stack.scans))]
        self._files = [
            GraphFile(
                scan=scan,
                atlas=self._stack.atlas,
                kind=self._stack.kind,
                model=self._stack.model,
                address=f"{path}:{scan.name}",
                regions=regions,
                lost=None if (count := unplaced[index]) is None else int(self._lost[index].sum()) + count,
                index=index,
                is_preview=self._stack.is_preview,
            )
            for index, scan in enumerate(self._stack.scans)
        ]

    def files(self) -> list[GraphFile]:
        """One for each scan."""
        return self._files

    def read(
        self,
        files: Sequence[GraphFile],
        take: Callable[[GraphFile, str], None],
        *,
        on_file: Callable[[GraphFile], None] = lambda _: None,
    ) -> dict[GraphFile, Problem]:
        """Give each connectome as the edge list that m2g wrote: the pairs with a weight other than 0."""
        problems = {}
        for file in files:
            weights = self._stack.weights[file.index]
            # Every pair of a functional connectome has a line, NaN where a region has no signal.
            is_edge = weights != 0 if file.kind != "streamlines" else (weights != 0) & ~np.isnan(weights)
            rows = zip(self._pairs[is_edge].tolist(), weights[is_edge].tolist(), strict=True)
            try:
                take(file, "".join(f"{first} {second} {weight}\n" for (first, second), weight in rows))
            except Problem as problem:
                problems[file] = problem
            on_file(file)
        return problems

    def read_lost(self, files: Sequence[GraphFile]) -> dict[GraphFile, str | Problem]:
        """The labels of the rows that are NaN."""
        labels = np.array(self._stack.labels)
        return {file: ",".join(map(str, labels[self._lost[file.index]].tolist())) for file in files if file.lost}

"""The connectomes in a folder that `opsctl results` wrote."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from opsctl.commands.reliability.graph_files import GraphFile
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.foreign_json import parse_object
from opsctl.core.preview import BANNER
from opsctl.core.reliability.graph_stack import StackedScan
from opsctl.core.results.connectome_table import LOST_NAME, NAME, UNKNOWN, atlas_of, kind_of
from opsctl.core.runs.output_kinds import GraphKind
from opsctl.open_folder import InTheWay
from opsctl.safe_folder import SafeFolder

#: 100,000 scans with 45 connectomes have 1 GB; a table is read into memory.
_TABLE_BYTES = 1_000_000_000
#: An edge list of 4,096 regions has 120 MB.
_CONNECTOME_BYTES = 256_000_000
_README_BYTES = 65_536
_README = "README.md"
_DESCRIPTION = "dataset_description.json"
_COLUMNS = ("scan", "file", "kind", "regions", "lost")
#: No atlas has as many regions as such a number has digits.
_MOST_DIGITS = 9


class FolderGraphs:
    """The connectomes that `connectomes.tsv` lists.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    Problem
        If it is no folder that `results` wrote.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_preview = BANNER.encode() in (self._content(_README, at_most=_README_BYTES) or b"")
        self._files = [file for cells in self.rows() if (file := self._graph_file(cells)) is not None]

    def rows(self) -> Iterator[dict[str, str]]:
        """The lines of the table, each cell by its column; they are read again each time, and not kept.

        Raises
        ------
        Problem
            If the folder is none that `results` wrote.
        """
        path = self.path
        table = self._content(NAME, at_most=_TABLE_BYTES)
        if table is None:
            raise Problem(
                f"{path} has no {NAME}: it is no folder that `opsctl results` wrote.",
                f"`opsctl results {path}` downloads the connectomes of the latest run into it."
                if not path.exists()
                else "Name the folder that `opsctl results` wrote, or leave it out to read a run on S3.",
                code=ErrorCode.NO_RESULTS,
            )
        yield from self._listed(table.decode("utf-8", errors="replace"))

    def description(self) -> Mapping[str, Any]:
        """The folder's `dataset_description.json`; empty where there is none that can be read."""
        body = self._content(_DESCRIPTION, at_most=_README_BYTES)
        try:
            return parse_object(body) if body is not None else {}
        except ValueError:
            return {}

    def files(self) -> list[GraphFile]:
        """All connectomes of the table."""
        return self._files

    def _listed(self, table: str) -> Iterator[dict[str, str]]:
        reader = csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE)
        missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise Problem(
                f"{self.path / NAME} has no column {missing[0]}: `opsctl results` did not write it.",
                "Download the connectomes into a new folder.",
                code=ErrorCode.RECORD_UNREADABLE,
            )
        for row in reader:
            yield {name: (value or "").removeprefix("'") for name, value in row.items() if isinstance(name, str)}

    def _graph_file(self, cells: Mapping[str, str]) -> GraphFile | None:
        """The connectome of a line; None where it is not known what it is."""
        kind, place = _kind(cells), cells["file"]
        if kind is None or not cells["scan"].startswith("sub-"):
            return None
        return GraphFile(
            scan=StackedScan.of(cells["scan"]),
            atlas=atlas_of(place),
            kind=kind,
            model="" if cells.get("model", UNKNOWN) == UNKNOWN else cells["model"],
            address=place,
            regions=_number(cells["regions"]),
            lost=_number(cells["lost"]),
            lost_address=f"{place.rpartition('/')[0]}/{LOST_NAME}",
            is_preview=self._is_preview,
        )

    def read(
        self,
        files: Sequence[GraphFile],
        take: Callable[[GraphFile, str], None],
        *,
        on_file: Callable[[GraphFile], None] = lambda _: None,
    ) -> dict[GraphFile, Problem]:
        """Read connectomes one after the other: they are on this machine's disk."""
        problems = {}
        for file in files:
            try:
                body = self._content(file.address, at_most=_CONNECTOME_BYTES)
                if body is None:
                    raise Problem("The file is missing.", code=ErrorCode.OUTPUT_CHANGED)
                take(file, body.decode("utf-8", errors="replace"))
            except Problem as problem:
                problems[file] = problem
            on_file(file)
        return problems

    def read_lost(self, files: Sequence[GraphFile]) -> dict[GraphFile, str | Problem]:
        """The lists of lost regions, which `results` brings with the connectomes."""
        lists: dict[GraphFile, str | Problem] = {}
        for file in files:
            try:
                body = self._content(file.lost_address, at_most=_README_BYTES)
            except Problem as problem:
                lists[file] = problem
            else:
                if body is not None:
                    lists[file] = body.decode("utf-8", errors="replace")
        return lists

    def _content(self, place: str, *, at_most: int) -> bytes | None:
        """A file's bytes; None if there is none. Links to files are followed, as DataLad makes them."""
        try:
            with SafeFolder(self.path) as folder, folder.reading(place, follow_link=True) as file:
                if file is None:
                    return None
                size_bytes = os.fstat(file.fileno()).st_size
                if size_bytes > at_most:
                    raise Problem(f"The file has more than {at_most:,} bytes.", code=ErrorCode.FILE_UNREADABLE)
                return file.read(size_bytes)
        except FileNotFoundError:
            return None
        except (OSError, InTheWay) as error:
            raise Problem(
                f"{self.path / place} cannot be read ({error.strerror}).", code=ErrorCode.FILE_UNREADABLE
            ) from error
        except ValueError as error:
            # A path out of the folder.
            raise Problem(f"{error}.", code=ErrorCode.FILE_UNREADABLE) from error


def _kind(cells: Mapping[str, str]) -> GraphKind | None:
    kinds: dict[str, GraphKind] = {kind: kind for kind in get_args(GraphKind)}
    return kinds.get(cells["kind"]) or kind_of(cells["file"])


def _number(cell: str) -> int | None:
    is_number = cell.isascii() and cell.isdigit()
    return int(cell) if is_number and len(cell) < _MOST_DIGITS else None

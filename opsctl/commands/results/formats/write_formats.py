"""`results --format`: the connectomes of a download folder in the formats of other programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, get_args

import numpy as np
from numpy.typing import NDArray

from opsctl import __version__
from opsctl.commands.reliability.folder_graphs import FolderGraphs
from opsctl.commands.reliability.graph_files import GraphFile
from opsctl.commands.reliability.graph_stacks import Atlases, StackFiles, read_stack, stack_files
from opsctl.commands.results.download_folder import DownloadFolder
from opsctl.commands.results.faults import Faults
from opsctl.commands.results.formats.format_folder import FormatFolder
from opsctl.commands.results.formats.stack_array import write_array
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.foreign_json import parse_object
from opsctl.core.reliability.graph_stack import GraphStack
from opsctl.core.results import connectome_table
from opsctl.core.results.connectome import MOST_NODES
from opsctl.core.results.formats import relmat
from opsctl.core.results.formats.dense_table import dense_lines
from opsctl.core.results.formats.format_name import FOLDER, format_folder, scan_stem, stack_name
from opsctl.core.results.formats.formats_readme import formats_readme
from opsctl.core.results.formats.graphml import graphml_lines
from opsctl.core.results.formats.stack_about import about, weight_text, with_columns
from opsctl.core.results.formats.stack_tables import ScanLosses, ScanSource, losses, names_of, node_table, scan_table
from opsctl.core.results.request import ResultsRequest
from opsctl.core.runs.output_kinds import Format, GraphKind

_DESCRIPTION = "dataset_description.json"
_MOST_BYTES = 1_000_000
#: The text of a larger matrix is written line by line, and not held in memory.
_MOST_CELLS_IN_MEMORY = 1_000_000


@dataclass(frozen=True, kw_only=True)
class FormatsWritten:
    """What `results --format` wrote.

    Attributes
    ----------
    formats
        As typed, each once.
    stacks, scans
        The number of stacks, and the largest number of scans that one has.
    places
        The files that are in the folder now, below the download folder.
    written
        How many of them are new or changed.
    unplaced
        The number of matrices with lost regions of which only the number is known.
    too_large
        The parcellations that are in no format, because they have too many regions for a matrix.
    """

    formats: tuple[Format, ...]
    stacks: int
    scans: int
    places: tuple[str, ...]
    written: int
    unplaced: int
    too_large: tuple[str, ...]

    def as_json(self, folder: Path) -> list[dict[str, Any]]:
        """The entry `formats` of `results --json`."""
        return [
            {
                "format": name,
                "folder": str(folder / format_folder(name)),
                "files": sum(place.startswith(f"{format_folder(name)}/") for place in self.places),
            }
            for name in self.formats
        ]


@dataclass(frozen=True, kw_only=True)
class FormatPlan:
    """The connectomes of a folder that are written in other formats.

    Attributes
    ----------
    source
        The folder's `connectomes.tsv`.
    stacks
        By kind, parcellation and model.
    too_large
        The parcellations, by their folders, that have more than `MOST_NODES` regions.
    """

    source: FolderGraphs
    stacks: tuple[StackFiles, ...]
    too_large: tuple[str, ...]

    @property
    def connectomes(self) -> int:
        """The number of connectomes."""
        return sum(len(stack.files) for stack in self.stacks)


def plan_formats(folder: Path, request: ResultsRequest, atlases: Atlases) -> FormatPlan:
    """Choose the selected parcellations and kinds of a folder, with all scans that its `connectomes.tsv` lists.

    Raises
    ------
    Problem
        When `results` did not write the folder, or it has no connectome that is selected.
    """
    source = FolderGraphs(folder)
    request.ensure_selected((file.address, file.kind) for file in source.files())
    selected = [
        stack
        for kind in get_args(GraphKind)
        for stack in stack_files(source, atlases, kind=kind)
        if request.selects_connectome(stack.files[0].address, kind)
    ]
    stacks = tuple(stack for stack in selected if (stack.regions or 0) <= MOST_NODES)
    if not stacks:
        raise Problem(
            f"{folder / connectome_table.NAME} lists no connectome that can be written in another format.",
            f"They have at most {MOST_NODES:,} regions. Leave out --parcellation and --kind, or download others first.",
            code=ErrorCode.NO_RESULTS,
        )
    too_large = sorted({stack.atlas for stack in selected} - {stack.atlas for stack in stacks})
    return FormatPlan(source=source, stacks=stacks, too_large=tuple(too_large))


def write_formats(
    plan: FormatPlan,
    folder: DownloadFolder,
    formats: Sequence[Format],
    *,
    faults: Faults,
    atlases: Atlases,
    on_file: Callable[[GraphFile], None] = lambda _: None,
) -> FormatsWritten:
    """Write connectomes in some formats, stack by stack: one is in memory at a time.

    Parameters
    ----------
    formats
        At least one.
    faults
        Gets the files that could not be written, and the scans whose connectome could not be read or is of other
        regions.
    on_file
        Called after each connectome.

    Raises
    ------
    Problem
        When the disk refuses.
    """
    writer = _Writer(FormatFolder(folder, faults), dict.fromkeys(formats), _description(folder))
    previews, scans = [], []
    for files in plan.stacks:
        stack = read_stack(plan.source, files, atlases=atlases, on_file=on_file)
        for entry in stack.left_out:
            what = f"{entry.scan} is not among the formats of {stack_name(stack)}. {entry.reason}"
            faults.add(Problem(what, code=ErrorCode.FILE_UNREADABLE))
        previews.append(stack.is_preview)
        scans.append(len(stack.scans))
        if stack.scans:
            writer.write(stack, files)
    writer.finish(is_preview=any(previews))
    return FormatsWritten(
        formats=writer.formats,
        stacks=sum(map(bool, scans)),
        scans=max(scans),
        places=writer.folder.places,
        written=writer.folder.written,
        unplaced=writer.unplaced,
        too_large=plan.too_large,
    )


def _description(folder: DownloadFolder) -> dict[str, Any]:
    """The `dataset_description.json` of the folder; empty where it has none that can be read."""
    try:
        with folder.files.reading(_DESCRIPTION, follow_link=True) as file:
            return parse_object(file.read(_MOST_BYTES)) if file else {}
    except (OSError, ValueError):
        return {}


class _Writer:
    """Writes stacks in some formats."""

    def __init__(self, folder: FormatFolder, formats: Iterable[Format], description: Mapping[str, Any]) -> None:
        self.folder = folder
        self.formats = tuple(formats)
        self.unplaced = 0
        self._description = description

    def write(self, stack: GraphStack, files: StackFiles) -> None:
        """Write one stack in each format."""
        by_scan = {file.scan.name: file for file in files.files}
        of_scans = [by_scan[scan.name] for scan in stack.scans]
        sources = [ScanSource(file.address, file.lost) for file in of_scans]
        lost: list[ScanLosses] = []
        for index, source in enumerate(sources):
            matrix = stack.matrix(index)
            of_scan = losses(np.flatnonzero(np.isnan(np.diagonal(matrix))).tolist(), source.lost)
            lost.append(of_scan)
            self._write_scan(stack, index, matrix, of_scan, source)
        unplaced = sum(of_scan.unplaced != 0 for of_scan in lost)
        self.unplaced += unplaced
        value = about(stack, unplaced=unplaced, version=__version__)
        tables = {"nodes.tsv": node_table(stack), "scans.tsv": scan_table(stack, sources, lost)}
        name = stack_name(stack)
        described = _json_text(with_columns(value, tables=("nodes", "scans")))
        if "tsv" in self.formats:
            for place, text in {**tables, "about.json": described}.items():
                self.folder.add(f"{format_folder('tsv')}/{name}/{place}", [text])
        if "npz" in self.formats:
            top = f"{format_folder('npz')}/{name}"
            self.folder.stream(f"{top}.npz", lambda file: write_array(file, stack, lost, value))
            self.folder.add(f"{top}.json", [described])
            for place, text in tables.items():
                self.folder.add(f"{top}_{place}", [text])
        if "bids" in self.formats:
            top = format_folder("bids")
            for place, text in relmat.node_files(stack).items():
                self.folder.add(f"{top}/{place}", [text])
            indices = f"{relmat.atlas_entities(stack)}_nodeindices.json"
            self.folder.add(f"{top}/{indices}", [_json_text(relmat.node_sidecar(stack))])
        self.folder.flush()

    def _write_scan(
        self, stack: GraphStack, index: int, matrix: NDArray[np.float64], lost: ScanLosses, source: ScanSource
    ) -> None:
        scan, name = stack.scans[index], stack_name(stack)
        if "tsv" in self.formats:
            place = f"{format_folder('tsv')}/{name}/{scan_stem(scan)}.tsv"
            self._text(place, dense_lines(matrix, names_of(stack)), matrix)
        if "graphml" in self.formats:
            place = f"{format_folder('graphml')}/{name}/{scan_stem(scan)}.graphml"
            described = {
                "scan": scan.name,
                "atlas": stack.atlas,
                "kind": stack.kind,
                "model": stack.model,
                "weight_description": weight_text(stack.kind),
                "lost_unplaced": "n/a" if lost.unplaced is None else str(lost.unplaced),
                "is_preview": str(stack.is_preview).lower(),
            }
            self._text(place, graphml_lines(stack, matrix, lost=lost.rows, about=described), matrix)
        if "bids" in self.formats:
            top = f"{format_folder('bids')}/{relmat.relmat_stem(stack, scan)}_relmat"
            sidecar = relmat.sidecar(stack, lost, source=source.file, software=relmat.software_uri(self._description))
            self._text(f"{top}.dense.tsv", dense_lines(matrix, (), missing="n/a"), matrix)
            self.folder.add(f"{top}.json", [_json_text(sidecar)])

    def _text(self, place: str, lines: Iterable[str], matrix: NDArray[np.float64]) -> None:
        if matrix.size <= _MOST_CELLS_IN_MEMORY:
            self.folder.add(place, lines)
            return

        def write(file: BinaryIO) -> None:
            for line in lines:
                file.write(line.encode())

        self.folder.stream(place, write)

    def finish(self, *, is_preview: bool) -> None:
        """Write what is said of all stacks."""
        self.folder.add(f"{FOLDER}/README.md", [formats_readme(is_preview=is_preview)])
        if "bids" in self.formats:
            top = format_folder("bids")
            value = relmat.dataset_description(self._description, version=__version__)
            self.folder.add(f"{top}/{_DESCRIPTION}", [_json_text(value)])
            self.folder.add(f"{top}/README.md", [relmat.readme(is_preview=is_preview)])
            self.folder.add(f"{top}/.bidsignore", [relmat.BIDSIGNORE])
        self.folder.flush()


def _json_text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"

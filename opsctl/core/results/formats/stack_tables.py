"""What the rows of an array are: the tables of its scans and of its nodes, in BIDS's format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.core.results.connectome_table import UNKNOWN
from opsctl.core.results.formats.format_name import row_names
from opsctl.core.results.table_cell import table_text

if TYPE_CHECKING:
    from opsctl.core.reliability.graph_stack import GraphStack

NODE_COLUMNS: dict[str, dict[str, str]] = {
    "index": {"Description": "The row and column of the region in the matrix, counted from 0"},
    "node": {"Description": "Number of the node in m2g's files: the rank of the region's label in the atlas"},
    "label": {"Description": "Value of the region in the atlas's image; n/a where it is not known"},
    "name": {"Description": "Name of the row, different for each: the region, with its label where it has no name"},
    "region": {"Description": "Name of the region; n/a where neuroparc has none"},
    "x_mm": {"Description": "Centre of the region in MNI space (MNI152NLin6), left to right", "Units": "mm"},
    "y_mm": {"Description": "Centre of the region in MNI space, back to front", "Units": "mm"},
    "z_mm": {"Description": "Centre of the region in MNI space, bottom to top", "Units": "mm"},
}

SCAN_COLUMNS: dict[str, dict[str, str]] = {
    "index": {"Description": "The place of the scan in the array, counted from 0"},
    "scan": {"Description": "The scan's name in opsctl"},
    "participant_id": {"Description": "BIDS subject"},
    "session_id": {"Description": "BIDS session; n/a where the dataset has none"},
    "file": {"Description": "The connectome as m2g wrote it, from the folder of `opsctl results`"},
    "lost": {"Description": "Regions of the atlas without a voxel in this scan; n/a where not counted"},
    "lost_rows": {"Description": "How many of them are known by name: their rows and columns are NaN in the matrix"},
    "lost_unplaced": {
        "Description": "Lost regions of which only the number is known: their rows have zeros like those of regions"
        " that no edge reaches"
    },
}


@dataclass(frozen=True, slots=True)
class ScanSource:
    """Where a matrix comes from.

    Attributes
    ----------
    file
        The connectome's path below the download folder.
    lost
        How many regions the scan lost; None where it was not counted.
    """

    file: str
    lost: int | None


@dataclass(frozen=True, slots=True)
class ScanLosses:
    """The lost regions of one matrix.

    Attributes
    ----------
    rows
        The rows, from 0, that are NaN.
    unplaced
        How many lost regions are not among them, because only their number is known; None where it is not known
        either.
    """

    rows: tuple[int, ...]
    unplaced: int | None


def losses(rows: Sequence[int], lost: int | None) -> ScanLosses:
    """Compare the rows that are NaN with the number of lost regions.

    Parameters
    ----------
    lost
        As the job counted them; None where it did not.
    """
    return ScanLosses(tuple(rows), None if lost is None else max(0, lost - len(rows)))


def are_labels_known(stack: GraphStack) -> bool:
    """Whether `stack.labels` are the atlas's labels, and not the numbers of m2g's nodes."""
    return stack.centres is not None


def names_of(stack: GraphStack) -> tuple[str, ...]:
    """A name of its own for each row."""
    return row_names(stack.labels, stack.regions, are_labels_known=are_labels_known(stack))


def node_table(stack: GraphStack) -> str:
    """The content of `…_nodes.tsv`."""
    return table_text([tuple(NODE_COLUMNS), *_node_rows(stack)])


def _node_rows(stack: GraphStack) -> Iterator[tuple[str, ...]]:
    names = names_of(stack)
    for index, (label, region) in enumerate(zip(stack.labels, stack.regions, strict=True)):
        centre = [UNKNOWN] * 3 if stack.centres is None else [f"{value:.1f}" for value in stack.centres[index]]
        shown_label = str(label) if are_labels_known(stack) else UNKNOWN
        yield str(index), str(index + 1), shown_label, names[index], region or UNKNOWN, *centre


def scan_table(stack: GraphStack, sources: Sequence[ScanSource], lost: Sequence[ScanLosses]) -> str:
    """The content of `…_scans.tsv`.

    Parameters
    ----------
    sources
        Of each scan of the stack.
    lost
        Of each scan of the stack.
    """
    lines = [tuple(SCAN_COLUMNS)]
    for index, (scan, source, of_scan) in enumerate(zip(stack.scans, sources, lost, strict=True)):
        lines.append(
            (
                str(index),
                scan.name,
                scan.subject,
                scan.session or UNKNOWN,
                source.file,
                _number(source.lost),
                str(len(of_scan.rows)),
                _number(of_scan.unplaced),
            )
        )
    return table_text(lines)


def _number(value: int | None) -> str:
    return UNKNOWN if value is None else str(value)

"""What is said of the matrices of one parcellation, kind and model: the JSON beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opsctl.core.preview import BANNER
from opsctl.core.results.formats.stack_tables import NODE_COLUMNS, SCAN_COLUMNS, are_labels_known

if TYPE_CHECKING:
    from opsctl.core.reliability.graph_stack import GraphStack
    from opsctl.core.runs.output_kinds import GraphKind

SCHEMA_VERSION = 1

_WEIGHTS: dict[GraphKind, str] = {
    "streamlines": "Number of streamlines between two regions",
    "correlation": "Pearson correlation of the mean signals of two regions, from -1 to 1",
    "absolute correlation": "Pearson correlation of the mean signals of two regions without its sign, from 0 to 1",
}

LOST_ROWS = "The rows and columns of a region that the scan lost are NaN. A region that no edge reaches has zeros."
LOST_UNPLACED = (
    "Of the lost regions of some scans only the number is known, and not which they are: `lost_unplaced` counts them."
    " Their rows have zeros like those of regions that no edge reaches."
)
NODE_NUMBERS = (
    "The labels of this atlas are not known at this voxel size: a row has the number of m2g's node, which is the rank"
    " of the region's label, and not the label."
)


def weight_text(kind: GraphKind) -> str:
    """What the weights of a kind are."""
    return _WEIGHTS[kind]


def notes(stack: GraphStack, *, unplaced: int) -> list[str]:
    """What a reader of the matrices must know, as sentences.

    Parameters
    ----------
    unplaced
        The number of scans with lost regions of which only the number is known.
    """
    return [
        *([BANNER] if stack.is_preview else []),
        LOST_ROWS,
        *([LOST_UNPLACED] if unplaced else []),
        *([] if are_labels_known(stack) else [NODE_NUMBERS]),
        "The diagonal is 0 and means nothing. The weights are 32-bit floats.",
    ]


def about(stack: GraphStack, *, unplaced: int, version: str) -> dict[str, Any]:
    """The JSON beside the matrices, which is in the file of the array as well.

    Parameters
    ----------
    unplaced
        As for `notes`.
    version
        opsctl's.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "atlas": stack.atlas,
        "kind": stack.kind,
        "model": stack.model,
        "weight": weight_text(stack.kind),
        "is_preview": stack.is_preview,
        "are_labels_known": are_labels_known(stack),
        "notes": notes(stack, unplaced=unplaced),
        "left_out": [{"scan": entry.scan, "reason": entry.reason} for entry in stack.left_out],
        "unplaced": [{"scan": entry.scan, "reason": entry.reason} for entry in stack.unplaced],
        "opsctl_version": version,
    }


def with_columns(value: dict[str, Any], *, tables: Sequence[str]) -> dict[str, Any]:
    """The same with the descriptions of the columns of the tables beside it."""
    columns = {"nodes": NODE_COLUMNS, "scans": SCAN_COLUMNS}
    return {**value, "columns": {table: columns[table] for table in tables}}

"""The connectomes of a stack as one NumPy file: an array and what its places are, in `.npz`."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from opsctl.core.results.formats.stack_tables import names_of

if TYPE_CHECKING:
    from opsctl.core.reliability.graph_stack import GraphStack
    from opsctl.core.results.formats.stack_tables import ScanLosses

#: Names of the arrays.
CONNECTOMES = "connectomes"
ABOUT = "about"

#: Level 6 takes six times as long for counts of streamlines, and saves a twentieth of their size.
_COMPRESSION = 1


def write_array(file: BinaryIO, stack: GraphStack, lost: Sequence[ScanLosses], about: Mapping[str, Any]) -> None:
    """Write the array matrix by matrix, of which one is in memory; the same stack gives the same bytes.

    Parameters
    ----------
    lost
        Of each scan of the stack.
    about
        The JSON that is in the file as text.
    """
    regions = len(stack.labels)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION) as archive:
        header = {"descr": "<f4", "fortran_order": False, "shape": (len(stack.scans), regions, regions)}
        with archive.open(f"{CONNECTOMES}.npy", "w", force_zip64=True) as entry:
            np.lib.format.write_array_header_1_0(entry, header)
            for index in range(len(stack.scans)):
                entry.write(stack.matrix(index).astype("<f4").tobytes())
        for name, array in _arrays(stack, lost, about).items():
            with archive.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


def _arrays(stack: GraphStack, lost: Sequence[ScanLosses], about: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    regions = len(stack.labels)
    is_lost = np.zeros((len(stack.scans), regions), dtype=bool)
    for index, of_scan in enumerate(lost):
        is_lost[index, list(of_scan.rows)] = True
    centres = np.full((regions, 3), np.nan) if stack.centres is None else np.asarray(stack.centres, dtype=np.float64)
    return {
        "scan": np.array([scan.name for scan in stack.scans], dtype=np.str_),
        "participant_id": np.array([scan.subject for scan in stack.scans], dtype=np.str_),
        "session_id": np.array([scan.session for scan in stack.scans], dtype=np.str_),
        "label": np.array(stack.labels, dtype=np.int64),
        "name": np.array(names_of(stack), dtype=np.str_),
        "region": np.array(stack.regions, dtype=np.str_),
        "centre_mm": centres,
        "lost": is_lost,
        "lost_unplaced": np.array([-1 if of_scan.unplaced is None else of_scan.unplaced for of_scan in lost]),
        ABOUT: np.array(json.dumps(about, ensure_ascii=False)),
    }

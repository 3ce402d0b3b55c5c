"""Reads an array that `results --format npz` wrote, as a stack. The file may come from anywhere."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, get_args

import numpy as np
from numpy.typing import NDArray

from opsctl.commands.reliability.stack_room import room
from opsctl.commands.results.formats.stack_array import ABOUT, CONNECTOMES
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.foreign_json import parse_object
from opsctl.core.reliability.graph_stack import GraphStack, LeftOut, StackedScan, pair_count
from opsctl.core.results.connectome import MOST_NODES
from opsctl.core.runs.output_kinds import GraphKind

#: Of everything but the matrices: names of 100,000 scans, and what is said of them.
_MOST_BYTES = 64_000_000
_MOST_SCANS = 100_000
_WEIGHT = np.dtype("<f4")


def read_array(path: Path) -> GraphStack:
    """Read a stack matrix by matrix: one of them is in memory besides the weights of all pairs.

    Parameters
    ----------
    path
        An `.npz` file.

    Raises
    ------
    Problem
        If `results --format npz` did not write it, or the disk has no room for its weights.
    """
    with _opened(path) as archive:
        return _stack(archive)


def read_unplaced(path: Path) -> list[int | None]:
    """How many regions each scan lost of which only the number is known; None where that is not known either.

    Raises
    ------
    Problem
        As `read_array`.
    """
    with _opened(path) as archive:
        return [None if count < 0 else int(count) for count in _array(archive, "lost_unplaced").tolist()]


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).strip("'\"").rstrip(".")
        raise Problem(
            f"{path} is no array that `opsctl results DIR --format npz` wrote ({reason}).",
            "Write it again from the folder with the connectomes.",
            code=ErrorCode.FILE_UNREADABLE,
        ) from error


def _stack(archive: zipfile.ZipFile) -> GraphStack:
    about = parse_object(str(_array(archive, ABOUT)))
    kinds: dict[str, GraphKind] = {kind: kind for kind in get_args(GraphKind)}
    kind = kinds[_text(about, "kind")]
    weights, regions = _weights(archive)
    scans = [StackedScan.of(name) for name in _array(archive, "scan").tolist()]
    labels, names = _array(archive, "label").tolist(), _array(archive, "region").tolist()
    centres = _array(archive, "centre_mm") if about.get("are_labels_known") is True else None
    if (len(scans), len(labels), len(names)) != (len(weights), regions, regions):
        raise ValueError("its tables have another length than its matrices")
    if centres is not None and centres.shape != (regions, 3):
        raise ValueError("its centres have another length than its matrices")
    return GraphStack(
        atlas=_text(about, "atlas"),
        kind=kind,
        model=_text(about, "model"),
        scans=tuple(scans),
        labels=tuple(map(int, labels)),
        regions=tuple(map(str, names)),
        centres=centres,
        weights=weights,
        left_out=_entries(about, "left_out"),
        unplaced=_entries(about, "unplaced"),
        is_preview=about.get("is_preview") is True,
    )


def _weights(archive: zipfile.ZipFile) -> tuple[NDArray[np.float32], int]:
    """The upper triangles of all matrices, and the number of regions."""
    with archive.open(f"{CONNECTOMES}.npy") as entry:
        shape, dtype = _header(entry)
        if len(shape) != 3 or shape[1] != shape[2] or dtype != _WEIGHT:
            raise ValueError("its matrices have another form")
        scans, regions = shape[:2]
        if regions > MOST_NODES or scans > _MOST_SCANS:
            raise ValueError(f"it has {scans:,} matrices of {regions:,} regions, which are too many")
        weights = room(scans, pair_count(regions))
        pairs = np.triu_indices(regions, k=1)
        for index in range(scans):
            matrix = _read(entry, (regions, regions), dtype)
            if not np.array_equal(matrix, matrix.T, equal_nan=True):
                raise ValueError("a matrix is not symmetric")
            weights[index] = matrix[pairs]
    return weights, regions


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """One of the small arrays."""
    with archive.open(f"{name}.npy") as entry:
        shape, dtype = _header(entry)
        if dtype.kind not in "Uif" or math.prod(shape) * dtype.itemsize > _MOST_BYTES:
            raise ValueError(f"its {name} is of another kind, or too large")
        return _read(entry, shape, dtype)


def _header(entry: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(entry)
    if version != (1, 0):
        raise ValueError("it is of another version")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(entry)
    if is_fortran and len(shape) > 1:
        raise ValueError("its arrays have another order")
    return shape, dtype


def _read(entry: IO[bytes], shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
    size_bytes = math.prod(shape) * dtype.itemsize
    body = entry.read(size_bytes)
    if len(body) != size_bytes:
        raise ValueError("it is cut off")
    return np.frombuffer(body, dtype=dtype).reshape(tuple(shape))


def _text(about: dict[str, Any], name: str) -> str:
    value = about.get(name)
    if not isinstance(value, str):
        raise ValueError(f"it does not say its {name}")
    return value


def _entries(about: dict[str, Any], name: str) -> tuple[LeftOut, ...]:
    value = about.get(name)
    if not isinstance(value, list):
        return ()
    return tuple(
        LeftOut(str(entry.get("scan")), str(entry.get("reason"))) for entry in value if isinstance(entry, dict)
    )

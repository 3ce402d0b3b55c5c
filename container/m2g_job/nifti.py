"""Checks of NIfTI images: whether they are intact, and how many volumes they have.

m2g would fail on a truncated image after an hour, so every image is read to its end first.
"""

from __future__ import annotations

import contextlib
import gzip
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Callable, Iterator

from m2g_job import bold_timing, causes
from m2g_job.faults import WrongInput

_HEADER_BYTES = 540  # NIfTI-2's; NIfTI-1's 348 are fewer
#: Codes of the time unit in `xyzt_units`.
_TIME_UNITS = {8: "sec", 16: "msec", 24: "usec"}
_CHUNK_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Header:
    """What an image's header says.

    Attributes
    ----------
    volumes
        1 for a three-dimensional image.
    size_bytes
        The least size of the whole file, uncompressed.
    slices
        Voxels along the third axis.
    tr_seconds
        Repetition time in s; None where the header has none.
    """

    volumes: int
    size_bytes: int
    slices: int
    tr_seconds: float | None


def parse_header(head: bytes, name: str) -> Header:
    """Parse a header of NIfTI-1 or NIfTI-2, of either byte order.

    Parameters
    ----------
    head
        The file's first 540 bytes, uncompressed.
    name
        The file's name in error messages.

    Raises
    ------
    WrongInput
        The bytes are not a NIfTI header.
    """
    for order in "<>":
        if len(head) >= 348 and struct.unpack_from(f"{order}i", head)[0] == 348 and head[344:347] in (b"n+1", b"ni1"):
            dim = struct.unpack_from(f"{order}8h", head, 40)
            bits, offset = struct.unpack_from(f"{order}h", head, 72)[0], struct.unpack_from(f"{order}f", head, 108)[0]
            tr, units = struct.unpack_from(f"{order}f", head, 92)[0], head[123]
            break
        if len(head) >= 540 and struct.unpack_from(f"{order}i", head)[0] == 540 and head[4:7] in (b"n+2", b"ni2"):
            dim = struct.unpack_from(f"{order}8q", head, 16)
            bits, offset = struct.unpack_from(f"{order}h", head, 14)[0], struct.unpack_from(f"{order}q", head, 168)[0]
            tr, units = struct.unpack_from(f"{order}d", head, 136)[0], struct.unpack_from(f"{order}i", head, 500)[0]
            break
    else:
        raise WrongInput(f"{name} is not a NIfTI image", causes.IMAGE_INVALID, file=name)
    sizes = dim[1 : dim[0] + 1]
    if not 3 <= dim[0] <= 7 or min(sizes) < 1 or bits < 1 or not 0 <= offset < 2**40:
        raise WrongInput(f"{name} has a broken NIfTI header (dimensions {list(dim)})", causes.IMAGE_INVALID, file=name)
    voxels = 1
    for size in sizes:
        voxels *= size
    return Header(
        volumes=sizes[3] if len(sizes) > 3 else 1,
        size_bytes=int(offset) + voxels * bits // 8,
        slices=sizes[2],
        tr_seconds=bold_timing.header_seconds(tr, _TIME_UNITS.get(units & 0x38, "")),
    )


@contextlib.contextmanager
def _open(path: str) -> Iterator[BinaryIO]:
    if path.endswith(".gz"):
        with gzip.open(path, "rb") as stream:
            yield stream
    else:
        with open(path, "rb") as stream:
            yield stream


def check(path: str, name: str, *, on_bytes: Callable[[int], None]) -> Header:
    """Read an image to its end.

    Parameters
    ----------
    path, name
        The file, and its name in error messages.
    on_bytes
        Called with the size of each block; an exception that it raises ends the reading.

    Returns
    -------
    Header
        The header of a complete image.

    Raises
    ------
    WrongInput
        The file is not gzip, truncated, corrupt, or not NIfTI.
    """
    if path.endswith(".gz"):
        with open(path, "rb") as raw:
            if raw.read(2) != b"\x1f\x8b":
                raise WrongInput(f"{name} is not a gzip file", causes.IMAGE_INVALID, file=name)
    try:
        with _open(path) as stream:
            head = stream.read(_HEADER_BYTES)
            header = parse_header(head, name)
            size = len(head)
            while True:
                block = stream.read(_CHUNK_BYTES)
                if not block:
                    break
                size += len(block)
                on_bytes(len(block))
    except EOFError:
        raise WrongInput(f"{name} is truncated: its gzip stream has no end", causes.IMAGE_TRUNCATED, file=name)
    except (OSError, zlib.error) as error:
        # Python 3.7 raises OSError for a wrong checksum in a gzip stream, and for a broken disk too: in that case the
        # user has to run the scan again.
        raise WrongInput(f"{name} is corrupt: {error}", causes.IMAGE_CORRUPT, file=name)
    if size < header.size_bytes:
        raise WrongInput(f"{name} is truncated: {size} bytes of {header.size_bytes}", causes.IMAGE_TRUNCATED, file=name)
    return header

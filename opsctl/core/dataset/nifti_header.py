"""The part of a NIfTI header that decides whether m2g can use an image.

docs/inputs.md has the rules as a table. The job runner has the same in container/m2g_job/nifti.py.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass

from opsctl.core.dataset.bold_timing import header_seconds

#: NIfTI-2's header in bytes; NIfTI-1's 348 are fewer. Extensions follow the header: they are not read.
HEADER_BYTES = 540

#: The header comes with the first bytes of a file, also where gzip's own header, which may hold a long name, is before
#: it.
WITHIN_BYTES = 128 * 1024

# Extensions of the header come before the voxels.
_LARGEST_OFFSET = 2**28

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS
# bgzip ends a file with one member that holds nothing. A file of nothing else would take hours.
_MOST_EMPTY_MEMBERS = 1000

#: Bytes of a voxel by datatype. `bitpix` says the same, but readers go by the datatype where the two disagree.
_VOXEL_BYTES = {2: 1, 4: 2, 8: 4, 16: 4, 64: 8, 256: 1, 512: 2, 768: 4, 1024: 8, 1280: 8}

#: Codes of the time unit in `xyzt_units`.
_TIME_UNITS = {8: "sec", 16: "msec", 24: "usec"}

# What stands in the place of an image that was never fetched.
_POINTERS = {
    b"version https://git-lfs": "a Git LFS pointer, not the image itself: `git lfs pull` fetches it",
    b"annex/objects/": "a git-annex pointer, not the image itself: `datalad get` or `git annex get` fetches it",
}


@dataclass(frozen=True)
class ImageHeader:
    """What an image's header says.

    Attributes
    ----------
    shape
        Voxels along each axis, without trailing axes of 1 beyond the third; the fourth axis is the volumes.
    bytes_per_voxel
        Of the stored data.
    offset
        The byte, uncompressed, at which the voxels begin.
    tr_seconds
        Repetition time in s; None where the header has none.
    """

    shape: tuple[int, ...]
    bytes_per_voxel: int
    offset: int = 352
    tr_seconds: float | None = None

    @property
    def volumes(self) -> int:
        """Number of volumes."""
        return self.shape[3] if len(self.shape) > 3 else 1

    @property
    def series_bytes(self) -> int:
        """Size of the uncompressed voxels."""
        return math.prod(self.shape) * self.bytes_per_voxel

    @property
    def file_bytes(self) -> int:
        """The least size of the uncompressed file."""
        return self.offset + self.series_bytes


def parse(head: bytes) -> ImageHeader:
    """Parse a header of NIfTI-1 or NIfTI-2, of either byte order.

    Parameters
    ----------
    head
        The file's first `HEADER_BYTES`, uncompressed, or all of a shorter file.

    Raises
    ------
    ValueError
        The image cannot be used: the message says why, as a phrase that follows its name.
    """
    for order in "<>":
        if len(head) >= 348 and struct.unpack_from(f"{order}i", head)[0] == 348 and head[344:348] == b"n+1\0":
            dim, datatype = struct.unpack_from(f"{order}8h", head, 40), struct.unpack_from(f"{order}h", head, 70)[0]
            offset, least_offset = struct.unpack_from(f"{order}f", head, 108)[0], 352
            tr, units = struct.unpack_from(f"{order}f", head, 92)[0], head[123]
            break
        if len(head) >= 540 and struct.unpack_from(f"{order}i", head)[0] == 540 and head[4:8] == b"n+2\0":
            dim, datatype = struct.unpack_from(f"{order}8q", head, 16), struct.unpack_from(f"{order}h", head, 12)[0]
            offset, least_offset = struct.unpack_from(f"{order}q", head, 168)[0], 544
            tr, units = struct.unpack_from(f"{order}d", head, 136)[0], struct.unpack_from(f"{order}i", head, 500)[0]
            break
    else:
        raise ValueError(f"is {pointer(head) or 'not a NIfTI image'}")
    sizes = dim[1 : dim[0] + 1]
    if not 1 <= dim[0] <= 7 or min(sizes) < 1:
        raise ValueError(f"has a broken NIfTI header (dimensions {list(dim)})")
    if datatype not in _VOXEL_BYTES:
        raise ValueError(f"has the NIfTI datatype {datatype}, which is no type of real numbers")
    # 0 stands for the least offset.
    if not (offset == 0 or least_offset <= offset < _LARGEST_OFFSET):
        raise ValueError(f"has a broken NIfTI header (its voxels begin at byte {offset:g})")
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes = sizes[:-1]
    if len(sizes) not in (3, 4):
        raise ValueError(f"has the shape {sizes}: neither a volume nor a series of volumes")
    tr_seconds = header_seconds(tr, _TIME_UNITS.get(units & 0x38, ""))
    return ImageHeader(sizes, _VOXEL_BYTES[datatype], int(offset) or least_offset, tr_seconds)


def pointer(head: bytes) -> str:
    """What a file is that only points to an image; empty where it is none."""
    return next((kind for mark, kind in _POINTERS.items() if mark in head[:200]), "")


def inflated(data: bytes) -> bytes:
    """The first bytes of an image in a gzip stream, which may have several members.

    Parameters
    ----------
    data
        The compressed file's first bytes, `WITHIN_BYTES` at most.

    Returns
    -------
    bytes
        Up to `HEADER_BYTES`.

    Raises
    ------
    ValueError
        It is no gzip stream, or a broken one: the message says why, as a phrase that follows the file's name.
    """
    if not data.startswith(_GZIP_MAGIC):
        raise ValueError(f"is {pointer(data) or 'not a gzip file'}")
    head = b""
    empty_members = 0
    while data.startswith(_GZIP_MAGIC) and len(head) < HEADER_BYTES:
        member = zlib.decompressobj(_GZIP)
        try:
            content = member.decompress(data, HEADER_BYTES - len(head))
        except zlib.error as error:
            raise ValueError(f"is corrupt: {error}") from error
        head += content
        empty_members = 0 if content else empty_members + 1
        if empty_members > _MOST_EMPTY_MEMBERS:
            raise ValueError(f"is corrupt: more than {_MOST_EMPTY_MEMBERS:,} gzip members in a row hold nothing")
        data = member.unused_data
    return head

"""Checks of NIfTI images: whether they are intact, and how many volumes they have.

m2g would fail on a truncated image after an hour, so every image is read first, as far as its header announces.
docs/inputs.md has the rules as a table. opsctl has those of the header in opsctl/core/dataset/nifti_header.py.
"""

from __future__ import annotations

import os
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
_GZIP_MAGIC = b"\x1f\x8b"
#: An image's header comes with the first bytes of its file: `opsctl check` asks S3 for so many. Gzip's own header,
#: which may hold a long name, comes before it.
_HEADER_WITHIN_BYTES = 128 * 1024
# Extensions of the header come before the voxels.
_LARGEST_OFFSET = 2**28
# Bytes that one byte of a gzip stream can hold: 258 in two bits.
_LARGEST_RATIO = 1032
# bgzip ends a file with one member that holds nothing. A file of nothing else would take hours.
_MOST_EMPTY_MEMBERS = 1000

#: Bytes of a voxel by datatype. `bitpix` says the same, but readers go by the datatype where the two disagree.
_VOXEL_BYTES = {2: 1, 4: 2, 8: 4, 16: 4, 64: 8, 256: 1, 512: 2, 768: 4, 1024: 8, 1280: 8}

# What stands in the place of an image that was never fetched.
_POINTERS = {b"version https://git-lfs": "a Git LFS pointer", b"annex/objects/": "a git-annex pointer"}


@dataclass(frozen=True)
class Header:
    """What an image's header says.

    Attributes
    ----------
    volumes
        1 for a three-dimensional image; axes of 1 behind the volumes do not count.
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
    """Parse a header of NIfTI-1 or NIfTI-2, of either byte order; extensions behind it are not read.

    Parameters
    ----------
    head
        The file's first 540 bytes, uncompressed, or all of a shorter file.
    name
        The file's name in error messages.

    Raises
    ------
    WrongInput
        m2g cannot use the image.
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
        raise _invalid(name, f"is {_pointer(head) or 'not a NIfTI image'}")
    sizes = dim[1 : dim[0] + 1]
    if not 1 <= dim[0] <= 7 or min(sizes) < 1:
        raise _invalid(name, f"has a broken NIfTI header (dimensions {list(dim)})")
    if datatype not in _VOXEL_BYTES:
        raise _invalid(name, f"has the NIfTI datatype {datatype}, which is no type of real numbers")
    # 0 stands for the least offset.
    if not (offset == 0 or least_offset <= offset < _LARGEST_OFFSET):
        raise _invalid(name, f"has a broken NIfTI header (its voxels begin at byte {offset:g})")
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes = sizes[:-1]
    if len(sizes) not in (3, 4):
        raise _invalid(name, f"has the shape {sizes}: neither a volume nor a series of volumes")
    voxels = 1
    for size in sizes:
        voxels *= size
    size_bytes = (int(offset) or least_offset) + voxels * _VOXEL_BYTES[datatype]
    return Header(
        volumes=sizes[3] if len(sizes) > 3 else 1,
        size_bytes=size_bytes,
        slices=sizes[2],
        tr_seconds=bold_timing.header_seconds(tr, _TIME_UNITS.get(units & 0x38, "")),
    )


def check(path: str, name: str, *, on_bytes: Callable[[int], None]) -> Header:
    """Read an image as far as its header announces; what follows is neither read nor refused.

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
        The file is not gzip, truncated, corrupt, or not an image that m2g can use.
    """
    with open(path, "rb") as raw:
        is_compressed = path.endswith(".gz")
        blocks = _Inflated(raw, name).blocks() if is_compressed else iter(lambda: raw.read(_HEADER_WITHIN_BYTES), b"")
        head, size = b"", 0
        for block in blocks:
            size += len(block)
            if raw.tell() > _HEADER_WITHIN_BYTES:
                break
            head += block
            if len(head) >= _HEADER_BYTES:
                break
        header = parse_header(head[:_HEADER_BYTES], name)
        file_size = os.path.getsize(path)
        if is_compressed and file_size * _LARGEST_RATIO < header.size_bytes:
            raise WrongInput(
                f"{name} is truncated: {file_size} compressed bytes of {header.size_bytes}",
                causes.IMAGE_TRUNCATED,
                file=name,
            )
        while size < header.size_bytes:
            block = next(blocks, b"")
            if not block:
                raise WrongInput(
                    f"{name} is truncated: {size} bytes of {header.size_bytes}", causes.IMAGE_TRUNCATED, file=name
                )
            size += len(block)
            on_bytes(len(block))
        if is_compressed and size == header.size_bytes:
            # Where the member ends with the image, its checksum belongs to the image, too.
            next(blocks, b"")
    return header


class _Inflated:
    """A gzip file, uncompressed; what is no further member ends it, as it does for zlib's own reader.

    Raises
    ------
    WrongInput
        The file is not gzip, a member is corrupt, or has no end.
    """

    def __init__(self, raw: BinaryIO, name: str) -> None:
        self._raw, self._name = raw, name
        self._data = b""

    def blocks(self) -> Iterator[bytes]:
        """The uncompressed content in blocks of at most 4 MiB, none of them empty."""
        self._data = self._raw.read(_HEADER_WITHIN_BYTES)
        if not self._data.startswith(_GZIP_MAGIC):
            raise _invalid(self._name, f"is {_pointer(self._data) or 'not a gzip file'}")
        empty_members = 0
        while self._data.startswith(_GZIP_MAGIC):
            empty_members += 1
            for block in self._member():
                empty_members = 0
                yield block
            if empty_members > _MOST_EMPTY_MEMBERS:
                raise WrongInput(
                    f"{self._name} is corrupt: more than {_MOST_EMPTY_MEMBERS:,} gzip members in a row hold nothing",
                    causes.IMAGE_CORRUPT,
                    file=self._name,
                )
            if len(self._data) < len(_GZIP_MAGIC):
                self._data += self._raw.read(_HEADER_WITHIN_BYTES)

    def _member(self) -> Iterator[bytes]:
        """A member's content. Few bytes of the file are in memory at once, because each member copies the rest."""
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        while not member.eof:
            try:
                block = member.decompress(self._data, _CHUNK_BYTES)
            except zlib.error as error:
                raise WrongInput(f"{self._name} is corrupt: {error}", causes.IMAGE_CORRUPT, file=self._name)
            self._data = member.unconsumed_tail
            if block:
                yield block
            if not member.eof and not self._data:
                self._data = self._raw.read(_HEADER_WITHIN_BYTES)
                if not self._data:
                    raise WrongInput(
                        f"{self._name} is truncated: its gzip stream has no end",
                        causes.IMAGE_TRUNCATED,
                        file=self._name,
                    )
        self._data = member.unused_data


def _invalid(name: str, reason: str) -> WrongInput:
    return WrongInput(f"{name} {reason}", causes.IMAGE_INVALID, file=name)


def _pointer(head: bytes) -> str:
    return next((kind for mark, kind in _POINTERS.items() if mark in head[:200]), "")

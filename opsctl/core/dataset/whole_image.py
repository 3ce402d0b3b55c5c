"""Whether an image is complete: its bytes are read as they come, as far as its header announces.

The job runner reads an image in the same way before it starts m2g (container/m2g_job/nifti.py). docs/inputs.md has the
rules as a table.
"""

from __future__ import annotations

import zlib
from typing import Any

from opsctl.core.dataset.nifti_header import ImageHeader

#: How many bytes of a file are fed at once.
PIECE_BYTES = 128 * 1024

_MAGIC = b"\x1f\x8b"
_BLOCK_BYTES = 4 * 1024 * 1024
# bgzip ends a file with one member that holds nothing. A file of nothing else would take hours.
_MOST_EMPTY_MEMBERS = 1000


class WholeImage:
    """Counts an image's bytes while they come, in little memory.

    Parameters
    ----------
    header
        Of the image.
    is_compressed
        Whether the file is a gzip stream.

    Raises
    ------
    ValueError
        From `feed` and `finish`: the image is truncated or corrupt, as a phrase that follows its name.
    """

    def __init__(self, header: ImageHeader, *, is_compressed: bool) -> None:
        self._expected = header.file_bytes
        self._is_compressed = is_compressed
        self._size = 0
        self._pending = b""
        self._member: Any = None
        self._member_bytes = 0
        self._empty_members = 0
        self._is_over = False

    @property
    def is_complete(self) -> bool:
        """Whether the rest of the file need not be read."""
        # Where the last member ends with the image, its checksum belongs to the image, too.
        is_enough = self._size > self._expected if self._is_compressed else self._size >= self._expected
        return is_enough or self._is_over

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the file, `PIECE_BYTES` at most."""
        if not self._is_compressed:
            self._size += len(piece)
            return
        self._pending += piece
        while self._pending and not self.is_complete:
            if self._member is None:
                if len(self._pending) < len(_MAGIC):
                    return
                if not self._pending.startswith(_MAGIC):
                    self._is_over = True
                    return
                self._member, self._member_bytes = zlib.decompressobj(16 + zlib.MAX_WBITS), 0
            self._inflate()

    def finish(self) -> None:
        """Judge what has come, after the last byte or when `is_complete`."""
        if self._member is not None and not self.is_complete:
            raise ValueError("is truncated: its gzip stream has no end")
        if self._size < self._expected:
            raise ValueError(f"is truncated: {self._size} bytes of {self._expected}")

    def _inflate(self) -> None:
        try:
            block = self._member.decompress(self._pending, _BLOCK_BYTES)
        except zlib.error as error:
            raise ValueError(f"is corrupt: {error}") from error
        self._size += len(block)
        self._member_bytes += len(block)
        self._pending = self._member.unconsumed_tail
        if not self._member.eof:
            return
        self._pending = self._member.unused_data
        self._member = None
        self._empty_members = 0 if self._member_bytes else self._empty_members + 1
        if self._empty_members > _MOST_EMPTY_MEMBERS:
            raise ValueError(f"is corrupt: more than {_MOST_EMPTY_MEMBERS:,} gzip members in a row hold nothing")

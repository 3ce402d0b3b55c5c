"""Reads image headers from the first bytes of images, and the small sidecars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from opsctl.core.dataset.nifti_header import HEADER_BYTES, WITHIN_BYTES, ImageHeader, inflated, parse
from opsctl.core.dataset.scan import Input, Role, Scan
from opsctl.core.dataset.scan_validation import ScanMetadata
from opsctl.core.dataset.unreadable import UnreadableFile
from opsctl.core.dataset.whole_image import WholeImage
from opsctl.core.size_limits import SIDECAR_BYTES

# More than either header takes, also compressed; the second where gzip's own header holds a long name or comment.
_RANGES_BYTES = (4096, WITHIN_BYTES)

#: Bytes that one byte of a gzip stream can hold: 258 in two bits.
_LARGEST_RATIO = 1032

_Content = TypeVar("_Content", bytes, ImageHeader)


class ScanFiles(Protocol):
    """The files of scans, on S3 or on this machine.

    Each method raises `UnreadableFile` where one file cannot be read, and `Problem` where none can.
    """

    def beginning(self, uri: str, *, size_bytes: int) -> bytes:
        """The first bytes of a file."""

    def whole(self, uri: str, *, at_most: int) -> bytes:
        """A small file's bytes; one that is larger than `at_most` bytes is unreadable."""

    def pass_through(self, uri: str, begin: Callable[[], WholeImage]) -> None:
        """Give an image's bytes to what `begin` makes, until it is complete; again from the start if they break off."""


class Headers:
    """Reads the metadata of scans; of their images only the first bytes, unless they are wanted whole.

    Parameters
    ----------
    files
        The scans' files.
    """

    def __init__(self, files: ScanFiles) -> None:
        self._files = files

    def facts(self, scan: Scan, *, is_whole: bool = False) -> ScanMetadata:
        """A scan's sidecars and its images' headers, and why a file could not be read.

        Parameters
        ----------
        is_whole
            Whether each image is read as far as its header announces.

        Raises
        ------
        Problem
            No file can be read. One that alone cannot be read is among the faults.
        """
        files = {file.role: file for file in scan.inputs}
        faults: dict[Role, str] = {}

        def read_if_there(role: Role, read_file: Callable[[Input], _Content]) -> _Content | None:
            return read_or_fault(files[role], read_file) if role in files else None

        def read_or_fault(file: Input, read_file: Callable[[Input], _Content]) -> _Content | None:
            try:
                return read_file(file)
            except UnreadableFile as error:
                faults[file.role] = f"{file.name} {error}"
                return None

        sidecars: list[bytes] = []
        for file in scan.inputs:
            if file.role == "bold_json" and (sidecar := read_or_fault(file, self._body)) is not None:
                sidecars.append(sidecar)
                if sum(map(len, sidecars)) > SIDECAR_BYTES:
                    faults["bold_json"] = f"its JSON sidecars have more than {SIDECAR_BYTES:,} bytes together"
                    break

        read_image = self._whole if is_whole else self.header
        return ScanMetadata(
            bval=read_if_there("bval", self._body),
            bvec=read_if_there("bvec", self._body),
            sidecars=tuple(sidecars),
            header=read_if_there(scan.primary_role, read_image),
            t1w=read_if_there("T1w", read_image),
            faults=faults,
        )

    def _body(self, file: Input) -> bytes:
        return self._files.whole(file.uri, at_most=SIDECAR_BYTES)

    def header(self, file: Input) -> ImageHeader:
        """An image's header.

        Raises
        ------
        UnreadableFile
            If it is none, or the file is shorter than it says.
        """
        is_compressed = file.uri.endswith(".gz")
        try:
            header = parse(self._head(file, is_compressed=is_compressed))
        except ValueError as error:
            raise UnreadableFile(str(error)) from error
        if file.size_bytes * (_LARGEST_RATIO if is_compressed else 1) < header.file_bytes:
            kind = "compressed bytes" if is_compressed else "bytes"
            raise UnreadableFile(f"is truncated: {file.size_bytes} {kind} of {header.file_bytes}")
        return header

    def _whole(self, file: Input) -> ImageHeader:
        """The header of an image that is complete."""
        header = self.header(file)
        is_compressed = file.uri.endswith(".gz")
        try:
            self._files.pass_through(file.uri, lambda: WholeImage(header, is_compressed=is_compressed))
        except ValueError as error:
            raise UnreadableFile(str(error)) from error
        return header

    def _head(self, file: Input, *, is_compressed: bool) -> bytes:
        """The first bytes of an image, uncompressed."""
        head = b""
        for size in _RANGES_BYTES:
            data = self._files.beginning(file.uri, size_bytes=size)
            head = inflated(data) if is_compressed else data
            if len(head) >= HEADER_BYTES or len(data) < size:
                break
        return head

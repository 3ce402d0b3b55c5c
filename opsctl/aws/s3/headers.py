"""Reads image headers on S3 with one small range request each, and the small sidecars."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError

from opsctl.aws.errors import translated
from opsctl.aws.s3.body import ATTEMPTS, CUT_OFF, read
from opsctl.core.dataset.archived import restore_hint
from opsctl.core.dataset.nifti_header import HEADER_BYTES, WITHIN_BYTES, ImageHeader, inflated, parse
from opsctl.core.dataset.scan import Input, Role, Scan
from opsctl.core.dataset.scan_validation import ScanMetadata
from opsctl.core.dataset.whole_image import PIECE_BYTES, WholeImage
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import parse_uri
from opsctl.core.record import UnreadableRecord
from opsctl.core.size_limits import SIDECAR_BYTES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# More than either header takes, also compressed; the second where gzip's own header holds a long name or comment.
_RANGES_BYTES = (4096, WITHIN_BYTES)

#: Bytes that one byte of a gzip stream can hold: 258 in two bits.
_LARGEST_RATIO = 1032

#: Errors of one object. Any other (no login, no network, no bucket) would be that of every object.
_OF_ONE_OBJECT = {ErrorCode.AWS_DENIED, ErrorCode.AWS_NOT_FOUND, ErrorCode.AWS_REFUSED, ErrorCode.AWS_UNREACHABLE}

_Content = TypeVar("_Content", bytes, ImageHeader)


class Headers:
    """Reads the metadata of scans without downloading their images."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def facts(self, scan: Scan, *, is_whole: bool = False) -> ScanMetadata:
        """A scan's sidecars and its images' headers, and why a file could not be read.

        Parameters
        ----------
        is_whole
            Whether each image is read as far as its header announces.

        Raises
        ------
        Problem
            S3 cannot be read at all. An object that alone cannot be read is among the faults.
        """
        files = {file.role: file for file in scan.inputs}
        faults: dict[Role, str] = {}

        def read_if_there(role: Role, read_file: Callable[[Input], _Content]) -> _Content | None:
            return read_or_fault(files[role], read_file) if role in files else None

        def read_or_fault(file: Input, read_file: Callable[[Input], _Content]) -> _Content | None:
            try:
                return read_file(file)
            except _UnreadableError as error:
                faults[file.role] = f"{file.name} {error}"
                return None

        sidecars: list[bytes] = []
        for file in scan.inputs:
            if file.role == "bold_json" and (sidecar := read_or_fault(file, self._body)) is not None:
                sidecars.append(sidecar)
                if sum(map(len, sidecars)) > SIDECAR_BYTES:
                    faults["bold_json"] = f"its JSON sidecars have more than {SIDECAR_BYTES:,} bytes together"
                    break

        read_image = self._whole if is_whole else self._header
        return ScanMetadata(
            bval=read_if_there("bval", self._body),
            bvec=read_if_there("bvec", self._body),
            sidecars=tuple(sidecars),
            header=read_if_there(scan.primary_role, read_image),
            t1w=read_if_there("T1w", read_image),
            faults=faults,
        )

    def _body(self, file: Input) -> bytes:
        return self._get(file, at_most=SIDECAR_BYTES)

    def _header(self, file: Input) -> ImageHeader:
        is_compressed = file.uri.endswith(".gz")
        try:
            header = parse(self._head(file, is_compressed=is_compressed))
        except ValueError as error:
            raise _UnreadableError(str(error)) from error
        if file.size_bytes * (_LARGEST_RATIO if is_compressed else 1) < header.file_bytes:
            kind = "compressed bytes" if is_compressed else "bytes"
            raise _UnreadableError(f"is truncated: {file.size_bytes} {kind} of {header.file_bytes}")
        return header

    def _whole(self, file: Input) -> ImageHeader:
        """The header of an image that is complete."""
        header = self._header(file)
        try:
            for attempts_left in reversed(range(ATTEMPTS)):
                try:
                    self._read_to_its_end(file, WholeImage(header, is_compressed=file.uri.endswith(".gz")))
                    break
                except CUT_OFF:
                    if not attempts_left:
                        raise
        except ValueError as error:
            raise _UnreadableError(str(error)) from error
        except Problem as problem:
            raise self._of_one_object(problem, file) from problem
        except CUT_OFF as error:
            raise _UnreadableError(f"cannot be read: {_answer(error, file.uri)}") from error
        return header

    def _read_to_its_end(self, file: Input, image: WholeImage) -> None:
        location = parse_uri(file.uri)
        with translated(f"reading {file.uri}"):
            body = self._client.get_object(Bucket=location.bucket, Key=location.prefix)["Body"]
        try:
            while not image.is_complete and (piece := body.read(PIECE_BYTES)):
                image.feed(piece)
        finally:
            # The connection is of no use with the rest of the body still on its way.
            body.close()
        image.finish()

    def _head(self, file: Input, *, is_compressed: bool) -> bytes:
        """The first bytes of an image, uncompressed."""
        head = b""
        for size in _RANGES_BYTES:
            data = self._get(file, at_most=size, Range=f"bytes=0-{size - 1}")
            head = inflated(data) if is_compressed else data
            if len(head) >= HEADER_BYTES or len(data) < size:
                break
        return head

    def _get(self, file: Input, *, at_most: int, **request: str) -> bytes:
        location = parse_uri(file.uri)
        try:
            with translated(f"reading {file.uri}"):
                return read(self._client, at_most=at_most, Bucket=location.bucket, Key=location.prefix, **request)[0]
        except UnreadableRecord as problem:
            raise _UnreadableError(problem.detail.rstrip(".")) from problem
        except Problem as problem:
            raise self._of_one_object(problem, file) from problem

    def _of_one_object(self, problem: Problem, file: Input) -> Exception:
        """The error of one file where S3 refused it alone; else the problem, which is that of every file."""
        cause = problem.__cause__
        if problem.code in _OF_ONE_OBJECT and isinstance(cause, (ClientError, *CUT_OFF)):
            return _UnreadableError(f"cannot be read: {_answer(cause, file.uri)}")
        return problem


class _UnreadableError(Exception):
    """Why one file cannot be used: a phrase that follows its name."""


def _answer(error: BaseException, uri: str) -> str:
    """What S3 said of an object."""
    if not isinstance(error, ClientError):
        return "its content broke off in each attempt"
    code = str(error.response.get("Error", {}).get("Code", ""))
    storage_class = str(error.response.get("StorageClass", ""))
    message = " ".join(str(error.response.get("Error", {}).get("Message") or "").split()).rstrip(".")
    answer = f"S3 answered {code}" + (f" ({message})" if message and message != code else "")
    if code != "InvalidObjectState":
        return answer
    at = parse_uri(uri)
    return f"{answer}: it is archived; {restore_hint(at.bucket, at.prefix, storage_class=storage_class)}"

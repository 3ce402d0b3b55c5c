"""The files of scans on S3: their first bytes by one small range request each, small ones whole, images in pieces."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from opsctl.aws.errors import translated
from opsctl.aws.s3.body import ATTEMPTS, CUT_OFF, read
from opsctl.core.dataset.archived import restore_hint
from opsctl.core.dataset.unreadable import UnreadableFile
from opsctl.core.dataset.whole_image import PIECE_BYTES, WholeImage
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import parse_uri
from opsctl.core.record import UnreadableRecord

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Errors of one object. Any other (no login, no network, no bucket) would be that of every object.
_OF_ONE_OBJECT = {ErrorCode.AWS_DENIED, ErrorCode.AWS_NOT_FOUND, ErrorCode.AWS_REFUSED, ErrorCode.AWS_UNREACHABLE}


class ScanObjects:
    """The objects of scans; see `opsctl.commands.dataset.headers.ScanFiles`."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def beginning(self, uri: str, *, size_bytes: int) -> bytes:
        """The first bytes of an object."""
        return self._get(uri, at_most=size_bytes, Range=f"bytes=0-{size_bytes - 1}")

    def whole(self, uri: str, *, at_most: int) -> bytes:
        """A small object's bytes."""
        return self._get(uri, at_most=at_most)

    def pass_through(self, uri: str, begin: Callable[[], WholeImage]) -> None:
        """Give an image's bytes to what `begin` makes; a reply that breaks off is asked for again."""
        try:
            for attempts_left in reversed(range(ATTEMPTS)):
                try:
                    self._read_to_its_end(uri, begin())
                    break
                except CUT_OFF:
                    if not attempts_left:
                        raise
        except Problem as problem:
            raise _of_one_object(problem, uri) from problem
        except CUT_OFF as error:
            raise UnreadableFile(f"cannot be read: {_answer(error, uri)}") from error

    def _read_to_its_end(self, uri: str, image: WholeImage) -> None:
        location = parse_uri(uri)
        with translated(f"reading {uri}"):
            body = self._client.get_object(Bucket=location.bucket, Key=location.prefix)["Body"]
        try:
            while not image.is_complete and (piece := body.read(PIECE_BYTES)):
                image.feed(piece)
        finally:
            # The connection is of no use with the rest of the body still on its way.
            body.close()
        image.finish()

    def _get(self, uri: str, *, at_most: int, **request: str) -> bytes:
        location = parse_uri(uri)
        try:
            with translated(f"reading {uri}"):
                return read(self._client, at_most=at_most, Bucket=location.bucket, Key=location.prefix, **request)[0]
        except UnreadableRecord as problem:
            raise UnreadableFile(problem.detail.rstrip(".")) from problem
        except Problem as problem:
            raise _of_one_object(problem, uri) from problem


def _of_one_object(problem: Problem, uri: str) -> Exception:
    """The error of one object where S3 refused it alone; else the problem, which is that of every object."""
    cause = problem.__cause__
    if problem.code in _OF_ONE_OBJECT and isinstance(cause, (ClientError, *CUT_OFF)):
        return UnreadableFile(f"cannot be read: {_answer(cause, uri)}")
    return problem


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

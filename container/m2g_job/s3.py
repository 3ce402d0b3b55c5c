"""The S3 operations that a job needs, with conditional writes, checksums and the job's own errors."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import time
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Callable, Iterator, TypeVar

import boto3
import botocore.loaders
import botocore.session
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import S3Transfer, TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.parsers import ResponseParserError
from s3transfer import exceptions as transfer_errors

from m2g_job import causes, record
from m2g_job.faults import ConditionFailed, S3Missing, TransientFault
from m2g_job.s3_errors import translate
from m2g_job.s3_objects import Document, ListedObject, ObjectHead, head_of

#: Enough to hide S3's latency in a push of some hundred files, few enough not to be throttled.
PUSH_THREADS = 32
_SMALL_BYTES = 1024 * 1024
_MULTIPART_BYTES = 32 * 1024 * 1024
_UPLOAD = TransferConfig(multipart_threshold=_MULTIPART_BYTES, multipart_chunksize=_MULTIPART_BYTES, max_concurrency=4)
#: S3 gives one connection about 90 MB/s, and an instance's network carries many times that, so a file comes in parts.
#: At most 32 MiB of received data wait for the disk.
PART_BYTES = 16 * 1024 * 1024
_DOWNLOAD = TransferConfig(
    multipart_threshold=PART_BYTES,
    multipart_chunksize=PART_BYTES,
    max_concurrency=16,
    io_chunksize=1024 * 1024,
    max_io_queue=32,
)
#: SDKs newer than the image's compare the etags of the parts, and raise this where the object was replaced.
_REPLACED_ERROR: Any = getattr(transfer_errors, "S3DownloadFailedError", ())

#: The requests that write an object, or lead to one.
_GUARDED_OPERATIONS = ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")

#: A result with the files of 35 atlases has 30 kB.
_LARGEST_DOCUMENT_BYTES = 4 * 1024 * 1024
_PIECE_BYTES = 256 * 1024

#: The services' models, read once a process: reading S3's takes longer than anything else that a client needs.
_MODELS = botocore.loaders.create_loader()

_BODY_PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0)
_Reply = TypeVar("_Reply")


def make_client() -> Any:
    """Make the job's S3 client.

    Standard retries wait up to 20 s between attempts; `AWS_MAX_ATTEMPTS` is the SDK's own variable for their number.
    With an endpoint other than AWS's (`AWS_ENDPOINT_URL`) a bucket's name seldom resolves as a host name.
    """
    other_endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    config = Config(
        retries={"mode": "standard", "total_max_attempts": int(os.environ.get("AWS_MAX_ATTEMPTS") or 8)},
        max_pool_connections=PUSH_THREADS + 8,
        connect_timeout=10,
        read_timeout=30,
        s3={"addressing_style": "path"} if other_endpoint else {},
        user_agent_extra="opsctl-job",  # shown in CloudTrail
    )
    session = botocore.session.get_session()
    session.register_component("data_loader", _MODELS)
    # Without its role's credentials a job must fail, and not go on with those of its instance, which every job of the
    # instance can have.
    session.get_component("credential_provider").remove("iam-role")
    client = boto3.session.Session(botocore_session=session).client("s3", config=config)
    # boto3 1.33, the last for Python 3.7, has no IfNoneMatch and no IfMatch on PutObject. They are moved to the
    # request's context before boto3 checks the parameters, and added as headers before the request is signed.
    for operation in _GUARDED_OPERATIONS:
        client.meta.events.register_first(f"provide-client-params.s3.{operation}", _move_conditions_to_context)
        client.meta.events.register_first(f"request-created.s3.{operation}", _call_guard)
    client.meta.events.register("before-call.s3.PutObject", _add_condition_headers)
    client.meta.events.register_last("before-call.s3", _remove_expect_header)
    return client


def _move_conditions_to_context(params: dict[str, Any], context: dict[str, Any], **_rest: Any) -> None:
    for name in ("IfNoneMatch", "IfMatch", "Guard"):
        if name in params:
            context[f"opsctl_{name}"] = params.pop(name)


def _add_condition_headers(params: dict[str, Any], context: dict[str, Any], **_rest: Any) -> None:
    for name, header in (("IfNoneMatch", "If-None-Match"), ("IfMatch", "If-Match")):
        if f"opsctl_{name}" in context:
            params["headers"][header] = context[f"opsctl_{name}"]


def _call_guard(request: Any, **_rest: Any) -> None:
    # This event comes before each of the SDK's attempts: a process that was suspended past its lease must not retry
    # when it wakes up, and so write over the next holder's object.
    guard = request.context.get("opsctl_Guard")
    if guard is not None:
        guard()


class _GuardedClient:
    """A client whose uploads in parts call a guard before each attempt at a request; s3transfer passes none on."""

    def __init__(self, client: Any, guard: Callable[[], None]) -> None:
        self._client = client
        self._guard = guard

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name in ("create_multipart_upload", "upload_part", "complete_multipart_upload"):
            return partial(method, Guard=self._guard)
        return method


def _remove_expect_header(params: dict[str, Any], **_rest: Any) -> None:
    # With `Expect: 100-continue`, which a handler of `before-call.s3` adds, the SDK waits for a reply of S3 before it
    # sends the body: that doubles the time of a small upload.
    if isinstance(params.get("body"), io.BytesIO):
        params["headers"].pop("Expect", None)


def bucket_and_key(uri: str) -> dict[str, str]:
    """`Bucket` and `Key` of an S3 URI; the key's bytes stay as they are."""
    bucket, key = uri[len("s3://") :].split("/", 1)
    return {"Bucket": bucket, "Key": key}


@contextlib.contextmanager
def _translated_errors(operation: str, uri: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError, Boto3Error, ConnectionError) as error:
        raise translate(error, operation, uri) from error


def _retry_body(request: Callable[[], _Reply]) -> _Reply:
    # The SDK retries a request that fails, but not one whose reply breaks off in its body.
    for pause in _BODY_PAUSES_SECONDS:
        try:
            return request()
        except (IncompleteReadError, ResponseStreamingError, ResponseParserError):
            time.sleep(pause)
    return request()


def _read_piece(body: Any) -> bytes:
    try:
        return body.read(_PIECE_BYTES)
    except ReadTimeoutError as error:
        # The same error as of a reply that never began, which the SDK has tried again already.
        raise ResponseStreamingError(error=error) from error


class S3:
    """Reads, writes, uploads, downloads and listings.

    Every method raises `TransientFault`, `S3Refused` or `S3Missing` (see `faults`). No object gets an ACL: buckets made
    since 2023 refuse ACLs.

    Parameters
    ----------
    client
        From `make_client`; several threads may use it at once.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def head(self, uri: str) -> ObjectHead:
        """Ask for an object's size and etag."""
        with _translated_errors("HeadObject", uri):
            return head_of(self._client.head_object(**bucket_and_key(uri)))

    def read(self, uri: str, *, at_most: int = _LARGEST_DOCUMENT_BYTES) -> Document | None:
        """Read a small object, at most so many bytes of it; None where there is none."""
        try:
            with _translated_errors("GetObject", uri):
                return _retry_body(lambda: self._document(uri, at_most))
        except S3Missing:
            return None

    def _document(self, uri: str, at_most: int) -> Document:
        reply = self._client.get_object(**bucket_and_key(uri))
        content, body = b"", reply["Body"]
        # Read until nothing comes: botocore compares the length in the read that returns nothing.
        while len(content) < at_most:
            piece = body.read(min(_PIECE_BYTES, at_most - len(content)))
            if not piece:
                break
            content += piece
        else:
            body.close()
        return Document(content, reply["ETag"].strip('"'))

    def write(
        self, uri: str, value: dict[str, Any], *, if_none: bool = False, if_etag: str | None = None, indent: int = 0
    ) -> str:
        """Write a small JSON document.

        Parameters
        ----------
        uri, value
            The object, and its JSON.
        if_none
            Write only where there is no object.
        if_etag
            Write only over an object with this etag.
        indent
            Spaces for each level, for what people read; 0: in one line.

        Returns
        -------
        str
            The new object's etag.

        Raises
        ------
        ConditionFailed
            Another writer has written the object, or is writing it. After a lost reply it may have been this one.
        ConditionsUnsupported
            This S3 has no conditional writes.
        """
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if if_none else {}
        if if_etag is not None:
            condition = {"IfMatch": f'"{if_etag}"'}
        try:
            return self._put(uri, record.encoded(value, indent=indent), **condition)
        except S3Missing as error:
            if if_etag is None:
                raise
            # S3 answers If-Match with 404 where there is no object.
            raise ConditionFailed(str(error)) from error

    def put(self, uri: str, data: bytes, *, guard: Callable[[], None]) -> str:
        """Write the bytes of a JSON document, also over an existing object.

        Parameters
        ----------
        uri, data
            The object, and its bytes.
        guard
            As for `upload`.

        Returns
        -------
        str
            The new object's etag.
        """
        return self._put(uri, data, Guard=guard)

    def _put(self, uri: str, data: bytes, **parameters: Any) -> str:
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")
        with _translated_errors("PutObject", uri):
            reply = self._client.put_object(
                Body=data,
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=checksum,
                **bucket_and_key(uri),
                **parameters,
            )
        return str(reply["ETag"]).strip('"')

    def upload(self, path: str, uri: str, *, sha256: bytes, guard: Callable[[], None]) -> str | None:
        """Upload a file; S3 refuses bytes whose SHA-256 differs.

        Parameters
        ----------
        path, uri
            The file, and the object.
        sha256
            The file's digest. For an upload in parts the SDK computes a digest of each part instead.
        guard
            Called before each attempt at a request, and for each block of an upload in parts; an exception that it
            raises ends the upload, and of one in parts nothing is left.

        Returns
        -------
        str or None
            The new object's etag; None after an upload in parts.
        """
        if os.path.getsize(path) > _MULTIPART_BYTES:
            target = bucket_and_key(uri)
            client = _GuardedClient(self._client, guard)
            with _translated_errors("PutObject", uri), S3Transfer(client, _UPLOAD) as transfer:
                transfer.upload_file(
                    path,
                    target["Bucket"],
                    target["Key"],
                    extra_args={"ChecksumAlgorithm": "SHA256"},
                    callback=lambda _count: guard(),
                )
            return None
        with _translated_errors("PutObject", uri), open(path, "rb") as body:
            reply = self._client.put_object(
                Body=body.read() if os.path.getsize(path) <= _SMALL_BYTES else body,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=base64.b64encode(sha256).decode("ascii"),
                Guard=guard,
                **bucket_and_key(uri),
            )
        return str(reply["ETag"]).strip('"')

    def download(self, uri: str, path: str, *, on_bytes: Callable[[int], None]) -> None:
        """Download an object into a file, a large one in parallel parts.

        Parameters
        ----------
        uri, path
            The object, and the file.
        on_bytes
            Called with the size of each block; an exception that it raises ends the download.
        """
        source = bucket_and_key(uri)
        with _translated_errors("GetObject", uri):
            try:
                self._client.download_file(source["Bucket"], source["Key"], path, Callback=on_bytes, Config=_DOWNLOAD)
            except _REPLACED_ERROR as error:
                raise TransientFault(
                    f"{uri} was replaced while it was read", causes.S3_UNAVAILABLE, file=uri
                ) from error

    def fetch(
        self, uri: str, path: str, *, on_head: Callable[[ObjectHead], None], on_bytes: Callable[[int], None]
    ) -> ObjectHead:
        """Download a small object by a single request.

        Parameters
        ----------
        uri, path
            The object, and the file.
        on_head
            Called with the object's size and etag before its bytes are read; an exception that it raises ends the
            download.
        on_bytes
            As for `download`.

        Returns
        -------
        ObjectHead
            What `head` returns.
        """
        with _translated_errors("GetObject", uri):
            return _retry_body(lambda: self._fetch(uri, path, on_head, on_bytes))

    def _fetch(
        self, uri: str, path: str, on_head: Callable[[ObjectHead], None], on_bytes: Callable[[int], None]
    ) -> ObjectHead:
        reply = self._client.get_object(**bucket_and_key(uri))
        head = head_of(reply)
        with contextlib.closing(reply["Body"]) as body, open(path, "wb") as file:
            on_head(head)
            # Read until nothing comes: botocore compares the length in the read that returns nothing.
            for piece in iter(lambda: _read_piece(body), b""):
                on_bytes(len(piece))
                file.write(piece)
        return head

    def ages(self, prefix_uri: str) -> list[tuple[str, timedelta]]:
        """The keys under a prefix (at most 1,000), each with its age.

        The age is the reply's `Date` minus `LastModified`, both by S3's clock: the clocks of two instances may differ.
        """
        target = bucket_and_key(prefix_uri)
        with _translated_errors("ListObjectsV2", prefix_uri):
            reply = _retry_body(lambda: self._client.list_objects_v2(Bucket=target["Bucket"], Prefix=target["Key"]))
        now = parsedate_to_datetime(reply["ResponseMetadata"]["HTTPHeaders"]["date"])
        return [(entry["Key"], now - entry["LastModified"]) for entry in reply.get("Contents", [])]

    def list_objects(self, prefix_uri: str) -> dict[str, ListedObject]:
        """All objects under a prefix, by their URIs."""
        target = bucket_and_key(prefix_uri)
        paginator = self._client.get_paginator("list_objects_v2")
        with _translated_errors("ListObjectsV2", prefix_uri):
            pages = _retry_body(lambda: list(paginator.paginate(Bucket=target["Bucket"], Prefix=target["Key"])))
        return {
            f"s3://{target['Bucket']}/{entry['Key']}": ListedObject(entry["Size"], entry["ETag"].strip('"'))
            for page in pages
            for entry in page.get("Contents", [])
        }

"""S3 as the job uses it: one client for a few threads, conditional writes, checksums, errors in the job's words."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import time
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Callable, Iterator, TypeVar

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError, ResponseStreamingError
from botocore.parsers import ResponseParserError
from s3transfer import exceptions as transfer_errors

from m2g_job.faults import ConditionFailed, PassingFault, S3Missing
from m2g_job.s3_errors import translated

#: Enough that the latency of S3 hardly counts in a push of some hundred files; few enough not to be throttled.
PUSH_THREADS = 32
_SMALL_BYTES = 1024 * 1024
_MULTIPART_BYTES = 32 * 1024 * 1024
_UPLOAD = TransferConfig(multipart_threshold=_MULTIPART_BYTES, multipart_chunksize=_MULTIPART_BYTES, max_concurrency=4)
#: S3 gives one connection about 90 MB/s, and an instance's network takes many times that. At most 32 MiB of it wait
#: for the disk.
_PART_BYTES = 16 * 1024 * 1024
_DOWNLOAD = TransferConfig(
    multipart_threshold=_PART_BYTES,
    multipart_chunksize=_PART_BYTES,
    max_concurrency=16,
    io_chunksize=1024 * 1024,
    max_io_queue=32,
)
#: Later SDKs than the image's compare the parts' etags by themselves.
_REPLACED: Any = getattr(transfer_errors, "S3DownloadFailedError", ())

_BODY_PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0)
_Reply = TypeVar("_Reply")


@dataclass(frozen=True)
class Head:
    """What S3 says about an object.

    Attributes
    ----------
    etag
        Without quotes.
    plain_md5
        Whether the etag is the MD5 of the bytes: not for multipart uploads, nor under KMS or customer keys.
    """

    size_bytes: int
    etag: str
    plain_md5: bool


@dataclass(frozen=True)
class Listed:
    """What a listing says about an object; the etag without quotes."""

    size_bytes: int
    etag: str


@dataclass(frozen=True)
class Document:
    """A small object with its etag; `value` is None where its bytes are no JSON object."""

    data: bytes
    etag: str

    @property
    def value(self) -> dict[str, Any] | None:
        """The JSON object in it."""
        try:
            value = json.loads(self.data.decode("utf-8"))
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


def make_client() -> Any:
    """The job's one S3 client.

    Standard retries wait up to 20 s between attempts; `AWS_MAX_ATTEMPTS` is the SDK's own variable for their number.
    An endpoint of the user's own (`AWS_ENDPOINT_URL`) seldom resolves a bucket's name as a host.
    """
    own_endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    config = Config(
        retries={"mode": "standard", "total_max_attempts": int(os.environ.get("AWS_MAX_ATTEMPTS") or 8)},
        max_pool_connections=PUSH_THREADS + 8,
        connect_timeout=10,
        read_timeout=30,
        s3={"addressing_style": "path"} if own_endpoint else {},
        user_agent_extra="opsctl-job",  # what CloudTrail tells apart by
    )
    client = boto3.session.Session().client("s3", config=config)
    # boto3 1.33, the last for Python 3.7, has no IfNoneMatch and no IfMatch on PutObject: they travel past its
    # parameter check in the request's context and become headers just before the request is signed.
    client.meta.events.register_first("provide-client-params.s3.PutObject", _set_condition_aside)
    client.meta.events.register("before-call.s3.PutObject", _put_condition_back)
    client.meta.events.register_first("request-created.s3.PutObject", _ask_guard)
    client.meta.events.register_last("before-call.s3", _send_at_once)
    return client


def _set_condition_aside(params: dict[str, Any], context: dict[str, Any], **_rest: Any) -> None:
    for name in ("IfNoneMatch", "IfMatch", "Guard"):
        if name in params:
            context[f"opsctl_{name}"] = params.pop(name)


def _put_condition_back(params: dict[str, Any], context: dict[str, Any], **_rest: Any) -> None:
    for name, header in (("IfNoneMatch", "If-None-Match"), ("IfMatch", "If-Match")):
        if f"opsctl_{name}" in context:
            params["headers"][header] = context[f"opsctl_{name}"]


def _ask_guard(request: Any, **_rest: Any) -> None:
    # Here, because this happens for each of the SDK's attempts: a process that slept through its claim must not wake up
    # into a retry that writes over the next holder's object.
    guard = request.context.get("opsctl_Guard")
    if guard is not None:
        guard()


def _send_at_once(params: dict[str, Any], **_rest: Any) -> None:
    # The SDK asks S3 before each body whether it may be sent (Expect: 100-continue), in a handler of `before-call.s3`,
    # and waits for the answer: that doubles the time of what is small.
    if isinstance(params.get("body"), io.BytesIO):
        params["headers"].pop("Expect", None)


def split(uri: str) -> dict[str, str]:
    """`Bucket` and `Key` of an S3 URI, the key's bytes kept as they are."""
    bucket, key = uri[len("s3://") :].split("/", 1)
    return {"Bucket": bucket, "Key": key}


@contextlib.contextmanager
def _asking(operation: str, uri: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError, Boto3Error, ConnectionError) as error:
        raise translated(error, operation, uri) from error


def _whole(ask: Callable[[], _Reply]) -> _Reply:
    # The SDK tries a request again that fails, but not one whose reply breaks off in its body.
    for pause in _BODY_PAUSES_SECONDS:
        try:
            return ask()
        except (IncompleteReadError, ResponseStreamingError, ResponseParserError):
            time.sleep(pause)
    return ask()


def _bytes(value: dict[str, Any]) -> bytes:
    return f"{json.dumps(value, indent=1, sort_keys=True)}\n".encode()


class S3:
    """The operations that a job needs.

    Every method raises `PassingFault`, `S3Refused` or `S3Missing` (see `faults`). No object gets an ACL: the bucket's
    rules decide, and buckets made since 2023 refuse any.

    Parameters
    ----------
    client
        From `make_client`; it may be used from several threads at once.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def head(self, uri: str) -> Head:
        """What S3 knows about an object."""
        with _asking("HeadObject", uri):
            reply = self._client.head_object(**split(uri))
        etag = reply["ETag"].strip('"')
        encrypted = reply.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in reply
        return Head(int(reply["ContentLength"]), etag, "-" not in etag and len(etag) == 32 and not encrypted)

    def read(self, uri: str) -> Document | None:
        """A small object's bytes, or None where there is none."""
        try:
            with _asking("GetObject", uri):
                return _whole(lambda: self._document(uri))
        except S3Missing:
            return None

    def _document(self, uri: str) -> Document:
        reply = self._client.get_object(**split(uri))
        return Document(reply["Body"].read(), reply["ETag"].strip('"'))

    def write(self, uri: str, value: dict[str, Any], *, if_none: bool = False, if_etag: str | None = None) -> None:
        """Write a small JSON document.

        Parameters
        ----------
        uri, value
            Where, and what.
        if_none
            Only where no object stands yet.
        if_etag
            Only where the object that stands has this etag.

        Raises
        ------
        ConditionFailed
            Another writer was there, or is writing just now. After a lost reply it may have been this one.
        ConditionsUnsupported
            This S3 has no conditional writes.
        """
        data = _bytes(value)
        condition: dict[str, Any] = {}
        if if_none:
            condition = {"IfNoneMatch": "*"}
        elif if_etag is not None:
            condition = {"IfMatch": f'"{if_etag}"'}
        try:
            self._put(uri, data, **condition)
        except S3Missing as error:
            if if_etag is None:
                raise
            raise ConditionFailed(str(error)) from error

    def put(self, uri: str, data: bytes, *, guard: Callable[[], None]) -> str:
        """Write a JSON document's bytes over whatever stands there.

        Parameters
        ----------
        uri, data
            Where, and what.
        guard
            As for `upload`.

        Returns
        -------
        str
            The new object's etag.
        """
        return self._put(uri, data, Guard=guard)

    def _put(self, uri: str, data: bytes, **more: Any) -> str:
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")
        with _asking("PutObject", uri):
            reply = self._client.put_object(
                Body=data,
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=checksum,
                **split(uri),
                **more,
            )
        return str(reply["ETag"]).strip('"')

    def upload(self, path: str, uri: str, *, sha256: bytes, guard: Callable[[], None]) -> str | None:
        """Upload a file; S3 compares the bytes it receives with a SHA-256 and refuses others.

        Parameters
        ----------
        path, uri
            From where to where.
        sha256
            The file's digest. A file of several parts is compared part by part instead, by digests of the SDK's.
        guard
            Called before each attempt at a request, and for each piece of a file of several parts; what it raises ends
            the upload.

        Returns
        -------
        str or None
            The new object's etag; None after an upload in parts.
        """
        if os.path.getsize(path) > _MULTIPART_BYTES:
            target = split(uri)
            with _asking("PutObject", uri):
                self._client.upload_file(
                    path,
                    target["Bucket"],
                    target["Key"],
                    ExtraArgs={"ChecksumAlgorithm": "SHA256"},
                    Callback=lambda _count: guard(),
                    Config=_UPLOAD,
                )
            return None
        with _asking("PutObject", uri), open(path, "rb") as body:
            reply = self._client.put_object(
                Body=body.read() if os.path.getsize(path) <= _SMALL_BYTES else body,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=base64.b64encode(sha256).decode("ascii"),
                Guard=guard,
                **split(uri),
            )
        return str(reply["ETag"]).strip('"')

    def download(self, uri: str, path: str, *, on_bytes: Callable[[int], None]) -> None:
        """Download an object into a file, a large one in parts at once; what `on_bytes` raises ends the download."""
        source = split(uri)
        with _asking("GetObject", uri):
            try:
                self._client.download_file(source["Bucket"], source["Key"], path, Callback=on_bytes, Config=_DOWNLOAD)
            except _REPLACED as error:
                raise PassingFault(f"{uri} was replaced while it was read") from error

    def ages(self, prefix_uri: str) -> list[tuple[str, timedelta]]:
        """The keys under a prefix (at most 1,000), each with its age by S3's own clock.

        The age is the reply's `Date` less `LastModified`: the clocks of two jobs' machines never meet.
        """
        target = split(prefix_uri)
        with _asking("ListObjectsV2", prefix_uri):
            reply = _whole(lambda: self._client.list_objects_v2(Bucket=target["Bucket"], Prefix=target["Key"]))
        now = parsedate_to_datetime(reply["ResponseMetadata"]["HTTPHeaders"]["date"])
        return [(entry["Key"], now - entry["LastModified"]) for entry in reply.get("Contents", [])]

    def listed(self, prefix_uri: str) -> dict[str, Listed]:
        """All objects under a prefix, by their URIs."""
        target = split(prefix_uri)
        pages = self._client.get_paginator("list_objects_v2")
        with _asking("ListObjectsV2", prefix_uri):
            found = _whole(lambda: list(pages.paginate(Bucket=target["Bucket"], Prefix=target["Key"])))
        return {
            f"s3://{target['Bucket']}/{entry['Key']}": Listed(entry["Size"], entry["ETag"].strip('"'))
            for page in found
            for entry in page.get("Contents", [])
        }

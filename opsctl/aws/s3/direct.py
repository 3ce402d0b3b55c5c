"""Whole objects to and from S3 by plain HTTP: the usual case of many requests, in a tenth of botocore's time.

A request is sent once. Whatever is not a plain success (an error of any kind, a redirect, a key or a login that only
botocore can handle) is answered by None or False, and the caller lets botocore make the whole call: so retries,
translated errors, redirects, clocks, and the names that need care have one truth. See docs/decisions/0021.
"""

from __future__ import annotations

import base64
import hashlib
import ssl
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

from opsctl.aws.call_log import log_call
from opsctl.aws.s3.bulk.incoming_reply import Reply, UnusualReply
from opsctl.aws.s3.connection import Connection, Endpoint
from opsctl.aws.s3.signature import Credentials, signed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: The key of a request that botocore prepares, to learn where a bucket's requests go; it is not sent.
_KEY = "key"
_PREPARING: ContextVar[bool] = ContextVar("preparing", default=False)
#: What botocore leaves as it is in a key.
_SAFE = "/~"
_PORTS = {"http": 80, "https": 443}
#: Services that speak as S3 does keep a checksum only with this, which SDKs send beside it.
_KEPT = {"x-amz-sdk-checksum-algorithm": "SHA256"}
_QUERY = {
    "Prefix": "prefix",
    "Delimiter": "delimiter",
    "StartAfter": "start-after",
    "ContinuationToken": "continuation-token",
}
#: 1,000 keys of 1,024 bytes, each of them percent-encoded, have 4 MB.
_PAGE_BYTES = 16 * 1024 * 1024
_EMPTY_SHA256 = hashlib.sha256().hexdigest()


class _Bucket(NamedTuple):
    """How requests to a bucket are sent."""

    endpoint: Endpoint
    host: str
    path: str
    region: str
    user_agent: str


class Request(NamedTuple):
    """A signed request without its body.

    Attributes
    ----------
    head
        Its first line and its headers.
    """

    endpoint: Endpoint
    head: bytes


class _Prepared(Exception):
    """Ends botocore's preparation of a request that is not sent."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        super().__init__("prepared")
        self.request = request


class Direct:
    """S3 by plain HTTP, for any number of threads.

    Parameters
    ----------
    client
        Tells each bucket's address, region and user agent.
    credentials
        Gives the credentials of the moment, refreshed where they must be; None where there are none.
    ca_bundle
        The file or folder of the trusted certificates; None: botocore's own.
    """

    def __init__(
        self, client: S3Client, credentials: Callable[[], Credentials | None], *, ca_bundle: str | None = None
    ) -> None:
        self._client = client
        self._credentials = credentials
        self._ca_bundle = ca_bundle
        self._tls: ssl.SSLContext | None = None
        self._buckets: dict[str, _Bucket | None] = {}
        self._idle: dict[Endpoint, deque[Connection]] = {}
        client.meta.events.register_first("before-call.s3.PutObject", _end_preparation)

    def put(self, bucket: str, key: str, body: Iterable[bytes], *, sha256: bytes, size_bytes: int) -> bool:
        """Write an object, whose SHA-256 S3 verifies and keeps; False: botocore must do it.

        Parameters
        ----------
        body
            In pieces, together of `size_bytes`.
        sha256
            Of the body.
        """
        request = self.put_request(bucket, key, sha256=sha256, size_bytes=size_bytes)
        reply = None if request is None else self._exchange("PutObject", _of(bucket, key), request, body, at_most=0)
        return reply is not None and reply.status == 200

    def put_request(
        self, bucket: str, key: str, *, sha256: bytes, size_bytes: int, content_type: str = ""
    ) -> Request | None:
        """The head of a request that writes an object; None: botocore must do it.

        Its parameters are those of `put`.
        """
        headers = {"x-amz-checksum-sha256": base64.b64encode(sha256).decode(), **_KEPT}
        if content_type:
            headers["content-type"] = content_type
        return self._request("PUT", bucket, key, headers, sha256.hex(), size_bytes)

    def get(self, bucket: str, key: str, *, at_most: int) -> bytes | None:
        """An object's bytes, compared with the checksum that S3 keeps; None: botocore must do it.

        Parameters
        ----------
        at_most
            The largest object that is read, in bytes.
        """
        request = self.get_request(bucket, key)
        reply = None if request is None else self._exchange("GetObject", _of(bucket, key), request, (), at_most=at_most)
        if reply is None or reply.body is None or not _is_intact(reply.body, reply.headers):
            return None
        return reply.body

    def get_request(self, bucket: str, key: str, *, etag: str = "") -> Request | None:
        """A request that reads an object; None: botocore must do it.

        Parameters
        ----------
        etag
            The object must have this one, if any is given.
        """
        headers = {"x-amz-checksum-mode": "ENABLED", **({"if-match": f'"{etag}"'} if etag else {})}
        return self._request("GET", bucket, key, headers, _EMPTY_SHA256, None)

    def list_objects(self, query: Mapping[str, str]) -> bytes | None:
        """The XML of a page of ListObjectsV2; None: botocore must do it.

        Parameters
        ----------
        query
            Its parameters under botocore's names, `Bucket` among them.
        """
        bucket = query["Bucket"]
        values = {_QUERY[name]: value for name, value in query.items() if name != "Bucket"}
        values |= {"list-type": "2", "encoding-type": "url"}
        try:
            text = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in sorted(values.items()))
        except UnicodeEncodeError:
            return None
        headers = {"x-amz-optional-object-attributes": "RestoreStatus"}
        request = self._request("GET", bucket, None, headers, _EMPTY_SHA256, None, query=text)
        if request is None:
            return None
        params = {"Bucket": bucket, "Prefix": query.get("Prefix", "")}
        reply = self._exchange("ListObjectsV2", params, request, (), at_most=_PAGE_BYTES)
        return None if reply is None else reply.body

    def _request(
        self,
        method: str,
        bucket: str,
        key: str | None,
        headers: dict[str, str],
        payload_sha256: str,
        size_bytes: int | None,
        *,
        query: str = "",
    ) -> Request | None:
        """A signed request of an object; without a key, of the bucket."""
        target = self._bucket(bucket)
        if target is None or (path := _path(target, key)) is None:
            return None
        try:
            credentials = self._credentials()
        except BotoCoreError:
            return None
        if credentials is None:
            return None
        headers = signed(
            method,
            path,
            {**headers, "host": target.host, "user-agent": target.user_agent},
            payload_sha256=payload_sha256,
            credentials=credentials,
            region=target.region,
            query=query,
        )
        if size_bytes is not None:
            headers["content-length"] = str(size_bytes)
        address = f"{path}?{query}" if query else path
        lines = [f"{method} {address} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return Request(target.endpoint, "\r\n".join(lines).encode())

    def _exchange(
        self, operation: str, params: Mapping[str, str], request: Request, body: Iterable[bytes], *, at_most: int
    ) -> Reply | None:
        started = time.perf_counter()
        reply, error = None, None
        try:
            reply = self._sent(request.endpoint, request.head, body, at_most)
        except (UnusualReply, OSError, EOFError) as problem:
            error = problem
        self.note(operation, params, seconds=time.perf_counter() - started, reply=reply, error=error)
        return reply

    def note(
        self,
        operation: str,
        params: Mapping[str, str],
        *,
        seconds: float,
        reply: Reply | None,
        error: Exception | None,
    ) -> None:
        """Log a request with its reply, or with the error that it ended with; `params` as for `log_call`."""
        if isinstance(error, UnusualReply):
            # Each further request would be sent twice.
            self._buckets[params["Bucket"]] = None
        ids = (reply.headers.get("x-amz-request-id", ""), reply.headers.get("x-amz-id-2", "")) if reply else ()
        log_call(
            f"s3.{operation}",
            params,
            seconds=seconds,
            outcome=str(reply.status) if reply else type(error).__name__,
            request_id=" ".join(filter(None, ids)),
        )

    def free_connection(self, endpoint: Endpoint) -> Connection | None:
        """A connection that is open and that nobody uses; None where there is none."""
        idle = self._idle.setdefault(endpoint, deque())
        while idle:
            try:
                last = idle.pop()
            except IndexError:
                break
            if last.is_fresh:
                return last
            last.close()
        return None

    def give_back(self, connection: Connection) -> None:
        """Let others use a connection that waits for nothing."""
        self._idle.setdefault(connection.endpoint, deque()).append(connection)

    def _sent(self, endpoint: Endpoint, head: bytes, body: Iterable[bytes], at_most: int) -> Reply:
        connection = self.free_connection(endpoint) or Connection(endpoint)
        reply = connection.exchange(head, body, at_most=at_most)
        if connection.is_open:
            self.give_back(connection)
        return reply

    def _bucket(self, name: str) -> _Bucket | None:
        if name not in self._buckets:
            self._buckets[name] = self._prepared(name)
        return self._buckets[name]

    def _prepared(self, name: str) -> _Bucket | None:
        """Where botocore would send a request; None where it is not signed or not sent as here."""
        before = _PREPARING.set(True)
        try:
            self._client.put_object(Bucket=name, Key=_KEY, Body=b"")
        except _Prepared as prepared:
            request = prepared.request
        except (BotoCoreError, ClientError):
            return None
        else:
            raise AssertionError("botocore has sent a request that was to be prepared only")
        finally:
            _PREPARING.reset(before)
        address = urlsplit(request["url"])
        context = request["context"]
        signing = context.get("signing", {})
        region = signing.get("region") or self._client.meta.region_name
        is_usual = (
            context.get("auth_type") == "v4"
            and signing.get("signing_name", "s3") == "s3"
            and address.scheme in _PORTS
            and address.path.endswith(f"/{_KEY}")
            and not address.query
        )
        # A proxy is asked by botocore, which knows its kinds of login.
        if not is_usual or address.hostname is None or self._has_proxy(request["url"]):
            return None
        endpoint = Endpoint(
            host=address.hostname,
            port=address.port or _PORTS[address.scheme],
            tls=self._trust() if address.scheme == "https" else None,
        )
        return _Bucket(
            endpoint=endpoint,
            host=address.netloc,
            path=address.path[: -len(_KEY) - 1],
            region=region,
            user_agent=request["headers"]["User-Agent"],
        )

    def _has_proxy(self, url: str) -> bool:
        configured: Mapping[str, str] | None = vars(self._client.meta.config).get("proxies")
        return bool(get_environ_proxies(url) if configured is None else configured)

    def _trust(self) -> ssl.SSLContext:
        if self._tls is None:
            path = self._ca_bundle or get_cert_path(True)
            kind = "capath" if path is not None and Path(path).is_dir() else "cafile"
            self._tls = ssl.create_default_context()
            self._tls.load_verify_locations(**{kind: path})
        return self._tls


def _of(bucket: str, key: str) -> dict[str, str]:
    return {"Bucket": bucket, "Key": key}


def _path(target: _Bucket, key: str | None) -> str | None:
    """The path of an object, or of the bucket; None for what is no key."""
    if key is None:
        return target.path or "/"
    path = encoded(key)
    return None if path is None else f"{target.path}/{path}"


def encoded(key: str) -> str | None:
    """A key as a path, byte for byte; None for what is no key."""
    try:
        return quote(key, safe=_SAFE) or None
    except UnicodeEncodeError:
        return None


def _end_preparation(params: Mapping[str, Any], **_: Any) -> None:
    if _PREPARING.get():
        raise _Prepared(params)


def _is_intact(body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether a body has the checksum that came with it; S3 knows kinds that only a library can compute."""
    sha256, crc32 = headers.get("x-amz-checksum-sha256"), headers.get("x-amz-checksum-crc32")
    if headers.get("x-amz-checksum-type", "FULL_OBJECT") != "FULL_OBJECT":
        return True
    if sha256 is not None and "-" not in sha256:
        return sha256 == base64.b64encode(hashlib.sha256(body).digest()).decode()
    if crc32 is not None and "-" not in crc32:
        return crc32 == base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    return True

"""S3: synthetic datasets to list, objects to write and read, and one large scan."""

from __future__ import annotations

import hashlib
import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from urllib.parse import quote_plus

from bench.server.dataset import content_of, etag_of, keys_of, size_of
from bench.server.http import Reply, Request, Stream
from bench.server.outputs import content_of_output

#: `s3://BIG_BUCKET/<bytes>.nii.gz` has the size in its name.
BIG_BUCKET = "big"
BIG_ETAG = "0123456789abcdef0123456789abcdef-64"
#: The speed of one connection that reads the large scan.
BIG_BYTES_A_SECOND = 90e6
_BLOCK = bytes(range(256)) * 4096 * 4

_MODIFIED = "2026-01-02T03:04:05.000Z"
_LAST = "\U0010ffff"


@dataclass(frozen=True)
class _Object:
    body: bytes
    etag: str
    written: float


@dataclass
class _Bucket:
    """A dataset's keys, which never change, and the objects written beside them."""

    dataset: list[str]
    written: dict[str, _Object] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)


class S3:
    """The buckets; each exists as soon as a request names it."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        # Enough for the pages of two datasets of 100,000 keys: the measured runs get the pages of the warm-up.
        self._dataset_page = lru_cache(maxsize=2048)(self._page)

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        name, _, key = request.path[1:].partition("/")
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(keys_of(name))
        if not key:
            return self._list(name, bucket, request.query) if request.method == "GET" else Reply()
        if name == BIG_BUCKET:
            return _big(key, request)
        if "uploads" in request.query or "uploadId" in request.query:
            return _part(request)
        if request.method == "PUT":
            return _put(bucket, key, request)
        return _get(bucket, key, request)

    def write(self, name: str, objects: Iterable[tuple[str, bytes]]) -> None:
        """Write many objects at once, as jobs did in the past."""
        bucket = self._buckets.setdefault(name, _Bucket(keys_of(name)))
        for key, body in objects:
            bucket.written[key] = _Object(body, hashlib.md5(body, usedforsecurity=False).hexdigest(), time.time())
        bucket.order = sorted(bucket.written)

    def publish(self, name: str, keys: Iterable[str]) -> None:
        """Add keys to a bucket's dataset, as jobs publish them."""
        bucket = self._buckets[name]
        bucket.dataset = sorted([*bucket.dataset, *keys])
        self._dataset_page.cache_clear()

    def read(self, name: str, key: str) -> bytes:
        """An object's bytes."""
        return self._buckets[name].written[key].body

    def _list(self, name: str, bucket: _Bucket, query: dict[str, str]) -> Reply:
        prefix, most = query.get("prefix", ""), int(query.get("max-keys", 1000))
        page_query = (
            prefix,
            query.get("delimiter", ""),
            query.get("start-after", ""),
            query.get("continuation-token", ""),
            most,
        )
        at = bisect_left(bucket.order, prefix)
        is_written = at < len(bucket.order) and bucket.order[at].startswith(prefix)
        # No step lists a dataset and written objects in one request.
        body = self._page(name, *page_query) if is_written else self._dataset_page(name, *page_query)
        return Reply(headers={"Content-Type": "application/xml"}, body=body)

    def _page(self, name: str, prefix: str, delimiter: str, after: str, token: str, most: int) -> bytes:
        bucket = self._buckets[name]
        first = bisect_left(bucket.order, prefix)
        keys = bucket.order if first < len(bucket.order) and bucket.order[first].startswith(prefix) else bucket.dataset
        at = max(bisect_left(keys, prefix), bisect_right(keys, token), bisect_right(keys, after))
        stop = bisect_left(keys, prefix + _LAST)
        last = ""
        contents: list[str] = []
        folders: list[str] = []
        while at < stop and len(contents) + len(folders) < most:
            key = keys[at]
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            if end == -1:
                contents.append(_contents(bucket, key))
                last, at = key, at + 1
            else:
                folder = key[: end + 1]
                folders.append(f"<CommonPrefixes><Prefix>{quote_plus(folder, safe='/')}</Prefix></CommonPrefixes>")
                # `0` follows `/` in S3's order.
                last = folder[:-1] + "0"
                at = bisect_left(keys, last)
        more = f"<NextContinuationToken>{last}</NextContinuationToken>" if at < stop else ""
        contents += folders
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{name}</Name><Prefix>{prefix}</Prefix>{more}<KeyCount>{len(contents)}</KeyCount><MaxKeys>{most}</MaxKeys>"
            f"<EncodingType>url</EncodingType><IsTruncated>{str(bool(more)).lower()}</IsTruncated>"
            f"{''.join(contents)}</ListBucketResult>"
        ).encode()


def _contents(bucket: _Bucket, key: str) -> str:
    obj = bucket.written.get(key)
    etag, size = (obj.etag, len(obj.body)) if obj else (etag_of(key), size_of(key))
    return (
        f"<Contents><Key>{quote_plus(key, safe='/')}</Key><LastModified>{_MODIFIED}</LastModified>"
        f"<ETag>&quot;{etag}&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
        f"<ChecksumType>FULL_OBJECT</ChecksumType><Size>{size}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )


def _put(bucket: _Bucket, key: str, request: Request) -> Reply:
    if key in bucket.written and request.headers.get("if-none-match") == "*":
        return _error(412, "PreconditionFailed")
    expected = request.headers.get("if-match", "").strip('"')
    if expected and (key not in bucket.written or bucket.written[key].etag != expected):
        return _error(412, "PreconditionFailed")
    if key not in bucket.written:
        insort(bucket.order, key)
    obj = _Object(request.body, hashlib.md5(request.body, usedforsecurity=False).hexdigest(), time.time())
    bucket.written[key] = obj
    return Reply(headers={"ETag": f'"{obj.etag}"'})


def _part(request: Request) -> Reply:
    """A request of an upload in parts, of which nothing is kept."""
    if request.method == "PUT":
        return Reply(headers={"ETag": f'"{BIG_ETAG}"'})
    kind = "InitiateMultipartUploadResult" if "uploads" in request.query else "CompleteMultipartUploadResult"
    body = f"<{kind}><UploadId>1</UploadId><ETag>&quot;{BIG_ETAG}&quot;</ETag></{kind}>"
    return Reply(headers={"Content-Type": "application/xml"}, body=body.encode())


def _get(bucket: _Bucket, key: str, request: Request) -> Reply:
    obj = bucket.written.get(key)
    if obj is None:
        content = content_of_output(key)
        if content is None:
            at = bisect_left(bucket.dataset, key)
            content = content_of(key) if at < len(bucket.dataset) and bucket.dataset[at] == key else None
        if content is None:
            return _error(404, "NoSuchKey")
        obj = _Object(content, etag_of(key), 0)
    start, stop = _span(request, len(obj.body))
    headers = {"ETag": f'"{obj.etag}"', "Last-Modified": formatdate(obj.written, usegmt=True)}
    if "range" not in request.headers:
        return Reply(headers=headers, body=obj.body)
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(obj.body)}"
    return Reply(206, headers, obj.body[start:stop])


def _big(key: str, request: Request) -> Reply:
    size = int(key.partition(".")[0])
    if request.headers.get("if-match", f'"{BIG_ETAG}"').strip('"') != BIG_ETAG:
        return _error(412, "PreconditionFailed")
    start, stop = _span(request, size)
    headers = {"ETag": f'"{BIG_ETAG}"', "Last-Modified": formatdate(0, usegmt=True), "Accept-Ranges": "bytes"}
    if "range" in request.headers:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    stream = Stream(_BLOCK, start, stop - start, BIG_BYTES_A_SECOND)
    return Reply(206 if "range" in request.headers else 200, headers, stream)


def _span(request: Request, size: int) -> tuple[int, int]:
    byte_range = request.headers.get("range", f"bytes=0-{size - 1}").removeprefix("bytes=")
    first, _, last = byte_range.partition("-")
    return int(first), min(int(last or size - 1) + 1, size)


def _error(status: int, code: str) -> Reply:
    return Reply(status, {"Content-Type": "application/xml"}, f"<Error><Code>{code}</Code></Error>".encode())

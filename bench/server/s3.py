"""S3: synthetic datasets to list, objects that are written and read again, and one large scan."""

from __future__ import annotations

import hashlib
import time
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from urllib.parse import quote_plus

from bench.server.dataset import content_of, etag_of, keys_of, size_of
from bench.server.http import Reply, Request, Stream

#: `s3://BIG_BUCKET/<bytes>.nii.gz` is as large as its name says.
BIG_BUCKET = "big"
BIG_ETAG = "0123456789abcdef0123456789abcdef-64"
#: What one connection of the large scan carries.
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
    """A dataset's keys, which never change, and what was written beside them."""

    dataset: list[str]
    written: dict[str, _Object] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)


class S3:
    """The buckets; each is there once it is named."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        # Two datasets' worth of pages of 100,000 keys: those of the warm-up are there for the measured runs.
        self._dataset_page = lru_cache(maxsize=2048)(self._page)

    def answer(self, request: Request) -> Reply:
        """One request."""
        name, _, key = request.path[1:].partition("/")
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(keys_of(name))
        if not key:
            return self._listed(name, bucket, request.query) if request.method == "GET" else Reply()
        if name == BIG_BUCKET:
            return _big(key, request)
        if request.method == "PUT":
            return _put(bucket, key, request)
        return _get(bucket, key, request)

    def _listed(self, name: str, bucket: _Bucket, query: dict[str, str]) -> Reply:
        prefix, most = query.get("prefix", ""), int(query.get("max-keys", 1000))
        asked = (
            prefix,
            query.get("delimiter", ""),
            query.get("start-after", ""),
            query.get("continuation-token", ""),
            most,
        )
        at = bisect_left(bucket.order, prefix)
        is_written = at < len(bucket.order) and bucket.order[at].startswith(prefix)
        # No step lists a dataset and what was written in one breath.
        body = self._page(name, *asked) if is_written else self._dataset_page(name, *asked)
        return Reply(headers={"Content-Type": "application/xml"}, body=body)

    def _page(self, name: str, prefix: str, delimiter: str, after: str, token: str, most: int) -> bytes:
        bucket = self._buckets[name]
        first = bisect_left(bucket.order, prefix)
        keys = bucket.order if first < len(bucket.order) and bucket.order[first].startswith(prefix) else bucket.dataset
        at = max(bisect_left(keys, prefix), bisect_right(keys, token), bisect_right(keys, after))
        stop = bisect_left(keys, prefix + _LAST)
        last = ""
        found: list[str] = []
        folders: list[str] = []
        while at < stop and len(found) + len(folders) < most:
            key = keys[at]
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            if end == -1:
                found.append(_contents(bucket, key))
                last, at = key, at + 1
            else:
                folder = key[: end + 1]
                folders.append(f"<CommonPrefixes><Prefix>{quote_plus(folder, safe='/')}</Prefix></CommonPrefixes>")
                # `0` is what comes after `/`.
                last = folder[:-1] + "0"
                at = bisect_left(keys, last)
        more = f"<NextContinuationToken>{last}</NextContinuationToken>" if at < stop else ""
        found += folders
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{name}</Name><Prefix>{prefix}</Prefix>{more}<KeyCount>{len(found)}</KeyCount><MaxKeys>{most}</MaxKeys>"
            f"<EncodingType>url</EncodingType><IsTruncated>{str(bool(more)).lower()}</IsTruncated>"
            f"{''.join(found)}</ListBucketResult>"
        ).encode()


def _contents(bucket: _Bucket, key: str) -> str:
    there = bucket.written.get(key)
    etag, size = (there.etag, len(there.body)) if there else (etag_of(key), size_of(key))
    return (
        f"<Contents><Key>{quote_plus(key, safe='/')}</Key><LastModified>{_MODIFIED}</LastModified>"
        f"<ETag>&quot;{etag}&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
        f"<ChecksumType>FULL_OBJECT</ChecksumType><Size>{size}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )


def _put(bucket: _Bucket, key: str, request: Request) -> Reply:
    there = bucket.written.get(key)
    if there is not None and request.headers.get("if-none-match") == "*":
        return _error(412, "PreconditionFailed")
    if there is None:
        insort(bucket.order, key)
    made = _Object(request.body, hashlib.md5(request.body, usedforsecurity=False).hexdigest(), time.time())
    bucket.written[key] = made
    return Reply(headers={"ETag": f'"{made.etag}"'})


def _get(bucket: _Bucket, key: str, request: Request) -> Reply:
    there = bucket.written.get(key)
    if there is None:
        at = bisect_left(bucket.dataset, key)
        content = content_of(key)
        if content is None or at == len(bucket.dataset) or bucket.dataset[at] != key:
            return _error(404, "NoSuchKey")
        there = _Object(content, etag_of(key), 0)
    start, stop = _span(request, len(there.body))
    headers = {"ETag": f'"{there.etag}"', "Last-Modified": formatdate(there.written, usegmt=True)}
    if "range" not in request.headers:
        return Reply(headers=headers, body=there.body)
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(there.body)}"
    return Reply(206, headers, there.body[start:stop])


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
    asked = request.headers.get("range", f"bytes=0-{size - 1}").removeprefix("bytes=")
    first, _, last = asked.partition("-")
    return int(first), min(int(last or size - 1) + 1, size)


def _error(status: int, code: str) -> Reply:
    return Reply(status, {"Content-Type": "application/xml"}, f"<Error><Code>{code}</Code></Error>".encode())

"""An S3 client over a dictionary: whole objects, listings, etags and conditional writes, hundreds of calls in a ms."""

from __future__ import annotations

import hashlib
import io
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from threading import RLock
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

_PAGE = 1000


@dataclass(frozen=True)
class _Object:
    body: bytes
    etag: str
    modified: datetime


@dataclass
class _Bucket:
    objects: dict[str, _Object] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)


class _Body(io.BytesIO):
    """What is read of an object, as botocore's stream hands it out."""

    def iter_chunks(self, chunk_size: int = 1024) -> Iterator[bytes]:
        while chunk := self.read(chunk_size):
            yield chunk


class MemoryS3:
    """As much of a boto3 client of S3 as opsctl's adapters and the job runner call.

    Parameters
    ----------
    now
        S3's own clock: it dates objects and replies.

    Attributes
    ----------
    may_write
        False: every write is refused, as for a person who may only look.
    """

    def __init__(self, *buckets: str, now: Callable[[], datetime]) -> None:
        self._buckets = {name: _Bucket() for name in buckets}
        self._now = now
        self._lock = RLock()
        self.may_write = True
        # `Listing` registers a hook on botocore's parser; without botocore there is nothing to hook.
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_, **__: None))

    def reader(self) -> MemoryS3:
        """A client of the same objects that may not write."""
        reader = MemoryS3(now=self._now)
        reader._buckets, reader._lock, reader.may_write = self._buckets, self._lock, False
        return reader

    def put_object(
        self,
        *,
        Bucket: str,
        Key: str,
        Body: bytes,
        IfNoneMatch: str | None = None,
        IfMatch: str | None = None,
        Guard: Callable[[], None] = lambda: None,
        **_: Any,
    ) -> dict[str, Any]:
        """Write an object; `Guard` is the job runner's, which its own client calls before each request."""
        Guard()
        if not self.may_write:
            raise _error("AccessDenied", 403, "PutObject")
        with self._lock:
            bucket = self._bucket(Bucket, "PutObject")
            existing = bucket.objects.get(Key)
            if IfNoneMatch == "*" and existing is not None:
                raise _error("PreconditionFailed", 412, "PutObject")
            if IfMatch is not None and existing is None:
                raise _error("NoSuchKey", 404, "PutObject")
            if IfMatch is not None and existing is not None and IfMatch.strip('"') != existing.etag:
                raise _error("PreconditionFailed", 412, "PutObject")
            if existing is None:
                insort(bucket.keys, Key)
            bucket.objects[Key] = _Object(Body, hashlib.md5(Body).hexdigest(), self._now().replace(microsecond=0))
            return self._reply(ETag=f'"{bucket.objects[Key].etag}"')

    def get_object(self, *, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:
        obj = self._object(Bucket, Key, "GetObject")
        return self._reply(
            Body=_Body(obj.body), ContentLength=len(obj.body), ETag=f'"{obj.etag}"', LastModified=obj.modified
        )

    def head_object(self, *, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:
        obj = self._object(Bucket, Key, "HeadObject")
        return self._reply(ContentLength=len(obj.body), ETag=f'"{obj.etag}"', LastModified=obj.modified)

    def delete_object(self, *, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:
        if not self.may_write:
            raise _error("AccessDenied", 403, "DeleteObject")
        with self._lock:
            bucket = self._bucket(Bucket, "DeleteObject")
            if bucket.objects.pop(Key, None) is not None:
                del bucket.keys[bisect_left(bucket.keys, Key)]
        return self._reply()

    def list_objects_v2(
        self,
        *,
        Bucket: str,
        Prefix: str = "",
        Delimiter: str = "",
        StartAfter: str = "",
        ContinuationToken: str = "",
        MaxKeys: int = _PAGE,
        **_: Any,
    ) -> dict[str, Any]:
        with self._lock:
            bucket = self._bucket(Bucket, "ListObjectsV2")
            keys = bucket.keys[bisect_left(bucket.keys, Prefix) :]
            contents: list[dict[str, Any]] = []
            folders: dict[str, None] = {}
            after = max(StartAfter, ContinuationToken)
            last = ""
            for key in keys[bisect_right(keys, after) if after else 0 :]:
                if not key.startswith(Prefix):
                    break
                rest = key[len(Prefix) :]
                folder = Prefix + rest[: rest.index(Delimiter) + 1] if Delimiter and Delimiter in rest else ""
                if folder and (folder in folders or folder == after):
                    continue
                if len(contents) + len(folders) == MaxKeys:
                    return self._listed(contents, folders, last)
                last = folder or key
                if folder:
                    folders[folder] = None
                    continue
                obj = bucket.objects[key]
                contents.append(
                    {"Key": key, "ETag": f'"{obj.etag}"', "Size": len(obj.body), "LastModified": obj.modified}
                )
            return self._listed(contents, folders)

    def get_paginator(self, operation: str) -> MemoryS3:
        assert operation == "list_objects_v2", operation
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        while True:
            page = self.list_objects_v2(**request)
            yield page
            if not page["IsTruncated"]:
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def _listed(self, contents: list[dict[str, Any]], folders: dict[str, None], token: str = "") -> dict[str, Any]:
        more = {"NextContinuationToken": token} if token else {}
        found = {"CommonPrefixes": [{"Prefix": folder} for folder in folders]} if folders else {}
        return self._reply(**({"Contents": contents} if contents else {}), **found, **more, IsTruncated=bool(token))

    def _bucket(self, name: str, operation: str) -> _Bucket:
        if name not in self._buckets:
            raise _error("NoSuchBucket", 404, operation)
        return self._buckets[name]

    def _object(self, bucket: str, key: str, operation: str) -> _Object:
        with self._lock:
            obj = self._bucket(bucket, operation).objects.get(key)
        if obj is None:
            raise _error("NoSuchKey", 404, operation)
        return obj

    def _reply(self, **fields: Any) -> dict[str, Any]:
        return {**fields, "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {"date": _date(self._now())}}}


@lru_cache(maxsize=8)
def _date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _error(code: str, status: int, operation: str) -> ClientError:
    reply: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(reply, operation)

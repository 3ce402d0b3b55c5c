"""moto's S3 made durable: a request's changes are on disk before it is answered, and are restored at the next start.

It also lists in linear time with tokens that survive a restart, serves large objects without reading them whole, and
lets exactly one of several concurrent writers with `If-None-Match: *` win: moto checks and writes in two steps.
"""

from __future__ import annotations

import errno
import logging
import mmap
import sqlite3
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import moto.s3.models as models
import moto.s3.responses as responses
from moto.s3.exceptions import NoSuchUpload
from moto.s3.utils import ARCHIVE_STORAGE_CLASSES

from opsctl.core.aws_refusal import DISK_FULL_HEADER
from opsctl.local.s3.keys import Bucket, Keys
from opsctl.local.s3.objects import ChangeTracker, Key, Multipart, NotStored
from opsctl.local.s3.restoring import put_bucket_back, put_keys_back, save_bucket
from opsctl.local.s3.store import Store

_LOG = logging.getLogger(__name__)
_READ_METHODS = ("GET", "HEAD", "OPTIONS")
_CHUNK_BYTES = 256 * 1024
_PAGE_KEYS = 1000
# A request whose blob is deleted while it runs tries again: the key then has another blob, or is gone.
_TRIES = 5
_FULL = (errno.ENOSPC, errno.EDQUOT)
_INTERNAL_ERROR = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InternalError</Code>'
    "<Message>We encountered an internal error. Please try again.</Message></Error>"
)
# Keys share locks by their hash; there are enough that writers of different keys rarely wait for each other.
_KEY_LOCKS = [threading.RLock() for _ in range(512)]


class Backend(models.S3Backend):
    """S3 with listings by bisection, and NoSuchUpload for uploads that a restart has ended."""

    __module__ = "moto.s3.models"

    def list_objects(
        self, bucket: Any, prefix: str | None, delimiter: str | None, marker: str | None, max_keys: int | None
    ) -> Any:
        """Answer ListObjects: keys, common prefixes, whether there are more, and the next marker."""
        page, more = _list(bucket, prefix, delimiter, marker, max_keys)
        keys = [entry for entry in page if isinstance(entry, Key)]
        prefixes = [entry for entry in page if not isinstance(entry, Key)]
        return keys, prefixes, more, self._get_name(page[-1]) if more and page else None

    def list_objects_v2(
        self,
        bucket: Any,
        prefix: str | None,
        delimiter: str | None,
        continuation_token: str | None,
        start_after: str | None,
        max_keys: int,
    ) -> Any:
        """Answer ListObjectsV2. The token is the last name in hexadecimal, so the server need not remember it."""
        after = bytes.fromhex(continuation_token).decode() if continuation_token else start_after
        page, more = _list(bucket, prefix, delimiter, after, max_keys)
        return page, more, self._get_name(page[-1]).encode().hex() if more and page else None

    def list_object_versions(
        self,
        bucket_name: str,
        delimiter: str | None = None,
        key_marker: str | None = None,
        max_keys: int | None = None,
        prefix: str = "",
        version_id_marker: str | None = None,
    ) -> Any:
        """Answer ListObjectVersions: moto copies the bucket for each page, and stops at a marker that was deleted.

        With a delimiter, which opsctl does not use, moto answers.
        """
        if delimiter:
            return super().list_object_versions(bucket_name, delimiter, key_marker, max_keys, prefix, version_id_marker)
        keys: Keys = self.get_bucket(bucket_name).keys  # type: ignore[assignment]
        page, more = keys.versions_page(
            prefix=prefix,
            key_marker=key_marker or "",
            version_id_marker=version_id_marker or "",
            limit=min(_PAGE_KEYS if max_keys is None else max_keys, _PAGE_KEYS),
        )
        versions = [version for version in page if isinstance(version, Key)]
        markers = [version for version in page if not isinstance(version, Key)]
        next_markers = (page[-1].name, str(page[-1].version_id)) if more and page else (None, None)
        return versions, [], markers, *next_markers

    def put_bucket_lifecycle(self, bucket_name: str, rules: list[dict[str, Any]]) -> None:
        """Keep the rules also as the request gave them: moto's form of them cannot be restored."""
        super().put_bucket_lifecycle(bucket_name, rules)
        self.get_bucket(bucket_name).rules_as_put = rules  # type: ignore[attr-defined]

    def delete_bucket_lifecycle(self, bucket_name: str) -> None:
        """Delete the rules."""
        super().delete_bucket_lifecycle(bucket_name)
        self.get_bucket(bucket_name).rules_as_put = []  # type: ignore[attr-defined]

    def upload_part(self, bucket_name: str, multipart_id: str, part_id: int, value: bytes) -> models.FakeKey:
        """Answer UploadPart."""
        self._require_upload(bucket_name, multipart_id)
        return super().upload_part(bucket_name, multipart_id, part_id, value)

    def complete_multipart_upload(
        self, bucket_name: str, multipart_id: str, body: Iterator[tuple[int, str]]
    ) -> models.FakeKey | None:
        """Answer CompleteMultipartUpload."""
        self._require_upload(bucket_name, multipart_id)
        return super().complete_multipart_upload(bucket_name, multipart_id, body)

    def _require_upload(self, bucket_name: str, multipart_id: str) -> None:
        if multipart_id not in self.get_bucket(bucket_name).multiparts:
            raise NoSuchUpload(upload_id=multipart_id)


def _list(bucket: Any, prefix: str | None, delimiter: str | None, after: str | None, max_keys: int | None) -> Any:
    limit = min(_PAGE_KEYS if max_keys is None else max_keys, _PAGE_KEYS)
    if limit == 0:
        return [], False
    keys: Keys = bucket.keys
    return keys.page(prefix=prefix or "", delimiter=delimiter or "", after=after or "", limit=limit)


class DurableS3Response(responses.S3Response):
    """The HTTP side: one writer a key at a time, with its changes on disk before it is answered."""

    __module__ = "moto.s3.responses"

    def key_response(self, request: Any, full_url: str, headers: Any) -> Any:
        """Answer a request about an object."""
        if request.method in _READ_METHODS:
            return _streamed(self._with_retries(request, full_url, headers))
        # Read the body first: a slow sender must not hold the lock.
        _ = request.data
        path = unquote(urlsplit(full_url).path)
        with _KEY_LOCKS[hash(path) % len(_KEY_LOCKS)]:
            return _streamed(_stored(lambda: self._changed_key(request, full_url, headers)))

    def _changed_key(self, request: Any, full_url: str, headers: Any) -> Any:
        with Key.changes.request():
            answer = self._with_retries(request, full_url, headers)
            # moto sets metadata, checksum and tags after the object, so the key is marked once more.
            Key.changes.touch(self.bucket_name, self.parse_key_name())
        return answer

    def bucket_response(self, request: Any, full_url: str, headers: Any) -> Any:
        """Answer a request about a bucket."""
        if request.method in _READ_METHODS:
            return super().bucket_response(request, full_url, headers)
        return _stored(lambda: self._changed_bucket(request, full_url, headers))

    def _changed_bucket(self, request: Any, full_url: str, headers: Any) -> Any:
        with Key.changes.request():
            answer = super().bucket_response(request, full_url, headers)
        try:
            save_bucket(Key.changes.store, self.backend, self.bucket_name)
        except (OSError, sqlite3.Error):
            put_bucket_back(Key.changes.store, self.backend, self.bucket_name)
            raise
        return answer

    def serialized(self, action_result: Any) -> Any:
        """Add to a listing what it was asked for and moto leaves out: which archived objects are restored."""
        if "RestoreStatus" in self.headers.get("x-amz-optional-object-attributes", ""):
            keys = self.backend.get_bucket(self.bucket_name).keys
            decode = unquote if "encoding-type" in self.querystring else str
            for entry in action_result.result.get("Contents", ()):
                key = keys.get(decode(entry["Key"])) if entry["StorageClass"] in ARCHIVE_STORAGE_CLASSES else None
                if key is not None and key.restored_until:
                    # moto restores at once; S3 takes hours.
                    status = {"IsRestoreInProgress": False, "RestoreExpiryDate": key.restored_until}
                    entry["RestoreStatus"] = status
        if "encoding-type" in self.querystring:
            _encode_names(action_result.result)
        return super().serialized(action_result)

    def _with_retries(self, request: Any, full_url: str, headers: Any) -> Any:
        for _ in range(_TRIES - 1):
            try:
                return super().key_response(request, full_url, headers)
            except FileNotFoundError:
                continue
        return super().key_response(request, full_url, headers)


def _encode_names(listing: dict[str, Any]) -> None:
    """Encode the names that moto leaves as they are: no XML can hold the control characters of a key."""
    for name in ("StartAfter", "KeyMarker", "NextKeyMarker"):
        if listing.get(name):
            listing[name] = quote(listing[name])
    entries = [entry for name in ("Versions", "DeleteMarkers", "Uploads") for entry in listing.get(name) or ()]
    if "EncodingType" not in listing:
        listing["EncodingType"] = "url"
        listing["Prefix"] = quote(listing.get("Prefix") or "")
        for entry in entries:
            entry["Key"] = quote(entry["Key"])
        for entry in listing.get("CommonPrefixes", ()):
            entry["Prefix"] = quote(entry["Prefix"])


def _streamed(answer: Any) -> Any:
    status, headers, body = answer
    # Flask would send a memory map byte by byte.
    if not isinstance(body, mmap.mmap):
        return answer
    return status, headers, (body[start : start + _CHUNK_BYTES] for start in range(0, len(body), _CHUNK_BYTES))


def _stored(answer: Callable[[], Any]) -> Any:
    """Answer a request that changes something: when the disk does not take the changes, as S3 does when it fails."""
    try:
        return answer()
    except NotStored as failure:
        put_keys_back(Key.changes.store, failure)
        error = failure.__cause__
    except (OSError, sqlite3.Error) as failure:
        error = failure
    _LOG.error("a request's changes could not be stored: %s", error)
    is_full = getattr(error, "errno", 0) in _FULL or getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
    headers = {"Content-Type": "application/xml", **({DISK_FULL_HEADER: "true"} if is_full else {})}
    return 500, headers, _INTERNAL_ERROR


def install(store: Store) -> None:
    """Replace moto's classes by these. To be called before moto's application is created."""
    Key.changes = ChangeTracker(store)
    models.FakeKey = Key  # type: ignore[misc]
    models.FakeMultipart = Multipart  # type: ignore[misc]
    models.FakeBucket = Bucket  # type: ignore[misc]
    models.s3_backends.backend = Backend
    # moto reloads its URL table from this name.
    responses.S3Response = DurableS3Response  # type: ignore[misc]

"""moto's S3 objects and uploads with their bytes in `opsctl.local.s3.store` instead of in memory."""

from __future__ import annotations

import mmap
import sqlite3
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar

import moto.s3.models as models
from moto.core.utils import utcnow
from moto.s3.exceptions import EntityTooSmall, InvalidPart, MalformedXML
from moto.s3.utils import compute_checksum
from moto.settings import S3_UPLOAD_PART_MIN_SIZE
from moto.utilities.utils import LowercaseDict, md5_hash

from opsctl.local.s3.store import Blob, Record, Store

# The attributes of a moto key that must be restored after a restart.
_FACTS = (
    "_etag", "_version_id", "_is_versioned", "_storage_class", "encryption", "kms_key_id", "bucket_key_enabled",
    "checksum_algorithm", "checksum_value", "checksum_type", "checksum_parts", "website_redirect_location",
)  # fmt: skip


class _RequestChanges(threading.local):
    """The changes of the current request: keys to write to the index, and blobs to remove afterwards."""

    def __init__(self) -> None:
        self.depth = 0
        self.keys: dict[tuple[str, str], None] = {}
        self.garbage: list[Blob] = []


class NotStored(Exception):
    """The disk did not take a request's changes: memory has them, the index has not.

    Parameters
    ----------
    keys
        The bucket and name of each changed object.
    blobs
        Those that the changes wrote or no longer need. The index may still name some of them.
    """

    def __init__(self, keys: Collection[tuple[str, str]], blobs: Collection[Blob]) -> None:
        super().__init__(keys, blobs)
        self.keys = keys
        self.blobs = blobs


class ChangeTracker:
    """Writes the changes that moto makes in memory to the store, before the request is answered.

    moto's dictionary of keys is the truth, and the index follows it: of two requests that change one key, the later one
    writes the state that moto has then.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._changes = _RequestChanges()

    @contextmanager
    def request(self) -> Iterator[None]:
        """Collect the changes made inside and write them at the end, also after an error.

        Raises
        ------
        NotStored
            When the disk does not take them.
        """
        self._changes.depth += 1
        try:
            yield
        finally:
            self._changes.depth -= 1
            if self._changes.depth == 0:
                self._flush()

    def touch(self, bucket: str, key: str) -> None:
        """Note that a key may have changed."""
        with self.request():
            self._changes.keys[bucket, key] = None

    def discard(self, blob: Blob) -> None:
        """Note that a blob is no longer needed. It is removed after the index has stopped naming it."""
        with self.request():
            self._changes.garbage.append(blob)

    def _flush(self) -> None:
        keys, self._changes.keys = self._changes.keys, {}
        garbage, self._changes.garbage = self._changes.garbage, []
        if keys:
            try:
                with self.store.transaction():
                    for bucket, key in keys:
                        self._write(bucket, key)
            except (OSError, sqlite3.Error) as error:
                raise NotStored(keys, garbage) from error
        for blob in garbage:
            blob.path.unlink(missing_ok=True)

    def _write(self, bucket_name: str, name: str) -> None:
        backend = backend_of(bucket_name)
        bucket = backend.buckets.get(bucket_name) if backend else None
        versions = bucket.keys.getlist(name) if bucket is not None else None
        if versions:
            records = [_record(version, backend, bucket=bucket_name) for version in versions]
            self.store.save(bucket_name, name, records)
        else:
            self.store.forget(bucket_name, name)


def backend_of(bucket: str) -> Any:
    """Return moto's S3 of the account that has a bucket, or None when there is no such bucket."""
    account = models.s3_backends.bucket_accounts.get(bucket)
    return models.s3_backends[account[1]][account[0]] if account else None


def _record(version: Any, backend: Any, *, bucket: str) -> Record:
    if isinstance(version, Key):
        tags = backend.tagger.get_tag_dict_for_resource(version.arn)
        return Record(bucket, version.name, version.blob, {**version.facts(), "tags": tags})
    facts = {"_version_id": version.version_id, "last_modified": version.last_modified.isoformat()}
    return Record(bucket, version.name, None, facts)


class Key(models.FakeKey):
    """An object (or a part of an upload) whose value is a blob."""

    __module__ = "moto.s3.models"
    changes: ClassVar[ChangeTracker]

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Key:
        """Create a key that moto does not track: its __new__ would keep every object in a list."""
        return object.__new__(cls)

    @property  # type: ignore[override]
    def value(self) -> bytes | mmap.mmap:
        """The bytes, or a memory map of them. Set it to bytes, which are written at once, or to a blob."""
        return self.blob.read()

    @value.setter
    def value(self, new_value: bytes | mmap.mmap | str | Blob) -> None:
        if isinstance(new_value, str):
            new_value = new_value.encode()
        self.blob = new_value if isinstance(new_value, Blob) else self.changes.store.write((new_value,))
        self.contentsize = self.blob.size_bytes
        if self._etag is None:
            self._etag = self.blob.md5

    @property
    def etag(self) -> str:
        """The etag in quotes; with a KMS key it is no digest of the bytes, and another for every upload."""
        if getattr(self, "encryption", None) != "aws:kms":
            return f'"{self._etag}"'
        digest, dash, count = str(self._etag).partition("-")
        return f'"{md5_hash(f"{digest} {self.blob.path.name}".encode()).hexdigest()}{dash}{count}"'

    def facts(self) -> dict[str, Any]:
        """Return the attributes to store beside the blob."""
        facts = {name: getattr(self, name) for name in _FACTS}
        restored_until = self._expiry.isoformat() if self._expiry else None
        return {
            **facts,
            "last_modified": self.last_modified.isoformat(),
            "metadata": dict(self._metadata),
            "restored_until": restored_until,
        }

    @property
    def restored_until(self) -> datetime | None:
        """When the restored copy of an archived object ends, in UTC without a zone; None where there is none."""
        return self._expiry if self._expiry and self._expiry > utcnow() else None

    @property
    def response_dict(self) -> dict[str, Any]:
        """The headers of GetObject and HeadObject, which decide whether moto returns an archived object."""
        self._expiry = self.restored_until
        headers: dict[str, Any] = super().response_dict
        return headers

    def restored(self, record: Record) -> Key | models.FakeDeleteMarker:
        """Create a version from the index, otherwise a copy of this one, without reading its blob.

        It takes a tenth of the time and memory of moto's __init__, which matters with 100,000 objects.
        """
        facts = record.facts
        if record.blob is None:
            marker = models.FakeDeleteMarker(self)
            marker.name, marker._version_id = record.key, facts["_version_id"]
            marker.last_modified = datetime.fromisoformat(facts["last_modified"])
            return marker
        key = object.__new__(type(self))
        key.__dict__.update(self.__dict__)
        key.__dict__.update({name: facts[name] for name in _FACTS})
        key.name, key.blob, key.contentsize = record.key, record.blob, record.blob.size_bytes
        key.last_modified = datetime.fromisoformat(facts["last_modified"])
        key._expiry = datetime.fromisoformat(facts["restored_until"]) if facts["restored_until"] else None
        key._metadata = LowercaseDict()
        key._metadata.update(facts["metadata"])
        return key

    def dispose(self, garbage: bool = False) -> None:  # noqa: ARG002 moto's signature
        """Discard the blob: moto calls this when nothing refers to the object any more."""
        if not self.disposed:
            self.disposed = True
            self.changes.discard(self.blob)

    def __del__(self) -> None:
        # moto calls `dispose` here. But Python deletes all keys when it ends, and their blobs must stay.
        pass


class Multipart(models.FakeMultipart):
    """A multipart upload that is joined on disk."""

    __module__ = "moto.s3.models"

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Multipart:
        """Create an upload that moto does not track, as with `Key`."""
        return object.__new__(cls)

    def complete(self, body: Iterator[tuple[int, str]]) -> Any:
        """Join the named parts; moto's own code holds the object in memory three times."""
        parts: list[Key] = []
        for number, etag in body:
            part = self.parts.get(number)
            if not isinstance(part, Key) or part.etag.strip('"') != etag.strip('"'):
                raise InvalidPart()
            if parts and parts[-1].contentsize < S3_UPLOAD_PART_MIN_SIZE:
                raise EntityTooSmall()
            parts.append(part)
        if not parts:
            raise MalformedXML
        blob = Key.changes.store.write(part.value for part in parts)
        etag_of_all = md5_hash(b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)).hexdigest()
        return blob, f"{etag_of_all}-{len(parts)}", self._checksum(parts, blob)

    def _checksum(self, parts: list[Key], blob: Blob) -> tuple[str, str, int]:
        algorithm = self.metadata.get("x-amz-checksum-algorithm") or "CRC64NVME"
        default = "FULL_OBJECT" if algorithm == "CRC64NVME" else "COMPOSITE"
        kind = self.metadata.get("x-amz-checksum-type") or default
        # compute_checksum accepts any buffer, so also a memory map.
        if kind == "COMPOSITE":
            sums = b"".join(compute_checksum(part.value, algorithm, encode_base64=False) for part in parts)  # type: ignore[arg-type]
            return kind, compute_checksum(sums, algorithm).decode(), len(parts)
        return kind, compute_checksum(blob.read(), algorithm).decode(), 1  # type: ignore[arg-type]

"""Objects on disk: a folder of blobs, and an SQLite index that maps keys to blobs.

A key never becomes a file name, so its bytes are kept exactly (`..`, `//`, `%20`, Unicode). A blob is written and
synced, then named in the index in one synced transaction, and only then the request is answered: an answered change
survives a kill or a power cut. A blob that the index does not name is garbage.
After a restart every version of each object is there again, delete markers included; unfinished uploads are not.
"""

from __future__ import annotations

import hashlib
import json
import logging
import mmap
import os
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsctl.core.errors import ErrorCode, Problem
from opsctl.whole_file import sync_folder

_LOG = logging.getLogger(__name__)
_CHUNK_BYTES = 1024 * 1024
# Smaller blobs are read: that is cheaper than a mapping, and needs little memory.
_MAP_FROM_BYTES = 1024 * 1024
_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key BLOB NOT NULL, number INTEGER NOT NULL, blob TEXT, size_bytes INTEGER NOT NULL,
    facts TEXT NOT NULL, PRIMARY KEY (bucket, key, number)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Blob:
    """The bytes of an object or a part, in a file that is written once.

    Parameters
    ----------
    path
        The file.
    size_bytes
        Its length.
    md5
        Hexadecimal; empty for a blob from the index, whose object has an etag.
    """

    path: Path
    size_bytes: int
    md5: str = ""

    def read(self) -> bytes | mmap.mmap:
        """Return the bytes, or for a large blob a memory map, of which only the parts that are used are read.

        Raises
        ------
        FileNotFoundError
            When the object was replaced or deleted meanwhile.
        """
        with self.path.open("rb") as file:
            if self.size_bytes < _MAP_FROM_BYTES:
                return file.read()
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


@dataclass(frozen=True)
class Record:
    """A version of an object as the index holds it; `facts` is JSON. A delete marker has no blob."""

    bucket: str
    key: str
    blob: Blob | None
    facts: Mapping[str, Any]


class Store:
    """The blobs and their index in one folder. Every method may be called from any thread.

    Parameters
    ----------
    root
        The folder; created if missing. Only its owner can read it: it holds patients' data.

    Raises
    ------
    Problem
        When there are blobs but no index.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._blobs = root / "blobs"
        # All at the start: a folder created later would have to be synced too.
        for number in range(256):
            (self._blobs / f"{number:02x}").mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self._blobs, root, *root.parents[:2]):
            sync_folder(folder)
        self.lock = threading.RLock()
        index = root / "index.sqlite3"
        if not index.exists() and any(self._blobs.glob("??/*")):
            # Without the index every blob would count as garbage.
            raise Problem(
                f"{index} is gone, but objects are there.",
                "Bring it back, or move the folder away.",
                code=ErrorCode.RECORD_UNREADABLE,
            )
        self._index = sqlite3.connect(index, check_same_thread=False, isolation_level=None)
        self._index.execute("PRAGMA journal_mode=WAL")
        self._index.execute("PRAGMA synchronous=FULL")
        # The keys of deleted objects, which name subjects, are overwritten.
        self._index.execute("PRAGMA secure_delete=ON")
        self._index.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Lock the index, and commit the changes made inside together, or none of them."""
        with self.lock:
            self._index.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._index.execute("COMMIT")
            except BaseException:
                # After some errors, as on a full disk, SQLite has rolled back by itself.
                if self._index.in_transaction:
                    self._index.execute("ROLLBACK")
                raise

    def write(self, chunks: Iterable[bytes | mmap.mmap]) -> Blob:
        """Write a blob and sync it to the disk; a partly written blob is removed."""
        name = uuid.uuid4().hex
        path = self._blobs / name[:2] / name
        digest, size_bytes = hashlib.md5(usedforsecurity=False), 0
        try:
            with path.open("xb", buffering=0) as file:
                for piece in _pieces(chunks):
                    digest.update(piece)
                    size_bytes += len(piece)
                    unwritten = piece
                    while unwritten:
                        unwritten = unwritten[file.write(unwritten) :]
                os.fsync(file.fileno())
            sync_folder(path.parent)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Blob(path, size_bytes, digest.hexdigest())

    def save(self, bucket: str, key: str, versions: Sequence[Record]) -> None:
        """Put all versions of an object into the index, oldest first, in place of those that it has there."""
        self.forget(bucket, key)
        self._index.executemany(
            "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?)",
            [
                (
                    bucket,
                    _key_bytes(key),
                    number,
                    version.blob.path.name if version.blob else None,
                    version.blob.size_bytes if version.blob else 0,
                    json.dumps(version.facts),
                )
                for number, version in enumerate(versions)
            ],
        )

    def forget(self, bucket: str, key: str) -> None:
        """Remove a key with all its versions from the index."""
        self._index.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, _key_bytes(key)))

    def save_bucket(self, name: str, facts: Mapping[str, Any]) -> None:
        """Put a bucket and its settings into the index."""
        self._index.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?)", (name, json.dumps(facts)))

    def forget_bucket(self, name: str) -> None:
        """Remove a bucket and all its keys from the index."""
        self._index.execute("DELETE FROM objects WHERE bucket = ?", (name,))
        self._index.execute("DELETE FROM buckets WHERE name = ?", (name,))

    def buckets(self) -> list[tuple[str, dict[str, Any]]]:
        """Return all buckets with their settings."""
        rows = self._index.execute("SELECT name, facts FROM buckets ORDER BY name").fetchall()
        return [(name, json.loads(facts)) for name, facts in rows]

    def records(self) -> Iterator[Record]:
        """Yield all versions of all objects, a key's oldest first, without reading any blob."""
        rows = self._index.execute("SELECT * FROM objects ORDER BY bucket, key, number")
        yield from map(self._record, rows.fetchall())

    def versions(self, bucket: str, key: str) -> list[Record]:
        """Return all versions of an object, oldest first; none when the index has no such key."""
        query = "SELECT * FROM objects WHERE bucket = ? AND key = ? ORDER BY number"
        with self.lock:
            return [self._record(row) for row in self._index.execute(query, (bucket, _key_bytes(key)))]

    def _record(self, row: tuple[str, bytes, int, str | None, int, str]) -> Record:
        bucket, key, _, name, size_bytes, facts = row
        blob = Blob(self._blobs / name[:2] / name, size_bytes) if name else None
        return Record(bucket, key.decode("utf-8", "surrogatepass"), blob, json.loads(facts))

    def sweep(self) -> frozenset[str]:
        """Remove the blobs that no key names (unfinished uploads); return the names of lost blobs."""
        named = {blob for (blob,) in self._index.execute("SELECT blob FROM objects WHERE blob IS NOT NULL")}
        present = {path.name: path for path in self._blobs.glob("??/*")}
        for name in present.keys() - named:
            present[name].unlink(missing_ok=True)
        missing = frozenset(named - present.keys())
        for name in sorted(missing):
            _LOG.error("the blob %s is named in the index but not on the disk", name)
        return missing

    def close(self) -> None:
        """Close the index, which writes its log back into the file."""
        with self.lock:
            self._index.close()


def _key_bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _pieces(chunks: Iterable[bytes | mmap.mmap]) -> Iterator[memoryview]:
    for chunk in chunks:
        view = memoryview(chunk)
        for start in range(0, len(view), _CHUNK_BYTES):
            yield view[start : start + _CHUNK_BYTES]

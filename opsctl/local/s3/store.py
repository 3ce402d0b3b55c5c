"""Objects on disk: a folder of blobs and an SQLite index that says which key each of them is.

A key never becomes a file name, so its bytes stay as they were given (`..`, `//`, `%20`, Unicode). A blob is written
and synced first, then named in the index in one synced transaction, then the caller answers: what was answered is there
after a kill or a power cut. A blob that the index does not name is garbage.
Only the current version of an object is kept over a restart, and no unfinished multipart upload.
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
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsctl.core.errors import Problem

_LOG = logging.getLogger(__name__)
_CHUNK_BYTES = 1024 * 1024
# Below this a read is cheaper than a mapping, and nobody misses the memory.
_MAP_FROM_BYTES = 1024 * 1024
_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key BLOB NOT NULL, blob TEXT NOT NULL, size_bytes INTEGER NOT NULL, facts TEXT NOT NULL,
    PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Blob:
    """Bytes in a file that is written once.

    Parameters
    ----------
    path
        Its file.
    size_bytes
        Its length.
    md5
        Hexadecimal; empty for one that came from the index, whose object knows its etag.
    """

    path: Path
    size_bytes: int
    md5: str = ""

    def read(self) -> bytes | mmap.mmap:
        """Give the bytes; of a large blob a mapping, of which only the parts that are used are read.

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
    """An object as the index keeps it: `facts` is plain JSON."""

    bucket: str
    key: str
    blob: Blob
    facts: Mapping[str, Any]


class Store:
    """The blobs and their index below one folder. Every method may be called from any thread.

    Parameters
    ----------
    root
        Made when it is not there. Readable by its owner alone: these are patients' data.

    Raises
    ------
    Problem
        When there are blobs but no index.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._blobs = root / "blobs"
        # All at once: a folder made later would be one more name to sync with the first blob in it.
        for number in range(256):
            (self._blobs / f"{number:02x}").mkdir(parents=True, exist_ok=True, mode=0o700)
        self.lock = threading.RLock()
        index = root / "index.sqlite3"
        if not index.exists() and any(self._blobs.glob("??/*")):
            # Without it every blob would count as garbage.
            raise Problem(f"{index} is gone, but objects are there.", "Bring it back, or move the folder away.")
        self._index = sqlite3.connect(index, check_same_thread=False, isolation_level=None)
        self._index.execute("PRAGMA journal_mode=WAL")
        self._index.execute("PRAGMA synchronous=FULL")
        self._index.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the index: the changes inside are there together, or not at all."""
        with self.lock:
            self._index.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._index.execute("ROLLBACK")
                raise
            self._index.execute("COMMIT")

    def write(self, chunks: Iterable[bytes | mmap.mmap]) -> Blob:
        """Write a blob, synced to the disk; nothing stays of one that could not be written whole."""
        name = uuid.uuid4().hex
        path = self._blobs / name[:2] / name
        digest, size_bytes = hashlib.md5(usedforsecurity=False), 0
        try:
            with path.open("xb", buffering=0) as file:
                for part in _parts(chunks):
                    digest.update(part)
                    size_bytes += len(part)
                    left = part
                    while left:
                        left = left[file.write(left) :]
                os.fsync(file.fileno())
            # The name of a new file is its folder's data, and synced apart.
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Blob(path, size_bytes, digest.hexdigest())

    def save(self, record: Record) -> None:
        """Name a blob as the object of a key, in the place of what was there."""
        self._index.execute(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)",
            (
                record.bucket,
                record.key.encode("utf-8", "surrogatepass"),
                record.blob.path.name,
                record.blob.size_bytes,
                json.dumps(record.facts),
            ),
        )

    def forget(self, bucket: str, key: str) -> None:
        """Take a key out of the index."""
        self._index.execute(
            "DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, key.encode("utf-8", "surrogatepass"))
        )

    def save_bucket(self, name: str, facts: Mapping[str, Any]) -> None:
        """Keep a bucket and its settings."""
        self._index.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?)", (name, json.dumps(facts)))

    def forget_bucket(self, name: str) -> None:
        """Take a bucket and all its keys out of the index."""
        self._index.execute("DELETE FROM objects WHERE bucket = ?", (name,))
        self._index.execute("DELETE FROM buckets WHERE name = ?", (name,))

    def buckets(self) -> list[tuple[str, dict[str, Any]]]:
        """Give all buckets with their settings."""
        rows = self._index.execute("SELECT name, facts FROM buckets ORDER BY name").fetchall()
        return [(name, json.loads(facts)) for name, facts in rows]

    def records(self) -> Iterator[Record]:
        """Give all objects, without reading any."""
        for bucket, key, blob, size_bytes, facts in self._index.execute("SELECT * FROM objects").fetchall():
            path = self._blobs / blob[:2] / blob
            yield Record(bucket, key.decode("utf-8", "surrogatepass"), Blob(path, size_bytes), json.loads(facts))

    def sweep(self) -> frozenset[str]:
        """Remove the blobs that no key names (replaced ones, parts of uploads that never ended); give the missing."""
        named = {blob for (blob,) in self._index.execute("SELECT blob FROM objects")}
        present = {path.name: path for path in self._blobs.glob("??/*")}
        for name in present.keys() - named:
            present[name].unlink(missing_ok=True)
        missing = frozenset(named - present.keys())
        for name in sorted(missing):
            _LOG.error("the blob %s is named in the index but not on the disk", name)
        return missing

    def close(self) -> None:
        """Write everything back into one file and let go of it."""
        with self.lock:
            self._index.close()


def _parts(chunks: Iterable[bytes | mmap.mmap]) -> Iterator[memoryview]:
    for chunk in chunks:
        view = memoryview(chunk)
        for start in range(0, len(view), _CHUNK_BYTES):
            yield view[start : start + _CHUNK_BYTES]

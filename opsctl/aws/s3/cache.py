"""A cache on this machine: records of S3, which do not change under one etag, and values for completion."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from opsctl.core.foreign_json import parse
from opsctl.core.size_limits import RECORD_BYTES

if TYPE_CHECKING:
    from opsctl.core.dataset.scan import S3Object

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS bodies (bucket TEXT, key TEXT, form TEXT, etag TEXT, body BLOB, used_on INTEGER,"
    " PRIMARY KEY (bucket, key, form))"
)
_BY_DAY = "CREATE INDEX IF NOT EXISTS bodies_by_day ON bodies (used_on)"
_NOTES = "CREATE TABLE IF NOT EXISTS notes (bucket TEXT, name TEXT, value TEXT, PRIMARY KEY (bucket, name))"
_QUERY_LIMIT = 500
_DAY_SECONDS = 86_400
#: Bodies that no verb has asked for in so many days are removed, and the oldest of more than so many: some 1 kB each,
#: two a scan.
_UNUSED_DAYS = 60
_MOST_BODIES = 400_000
# A body's day is written again only so often: a look should not rewrite 20,000 rows.
_RENEWED_AFTER_DAYS = 10
_LOCKED_SECONDS = 2.0
#: A value holds the names of a run's scans or of all runs. Larger ones are not read.
_LARGEST_VALUE_BYTES = 16_000_000
# The user waits for completion at the prompt: a locked file counts as missing.
_READ_TIMEOUT_SECONDS = 0.02


class Cache:
    """Bodies by bucket, key and etag, and values by bucket and name. Failures are ignored: a cache only saves time.

    What another program has put into the file counts as missing where it is of another type, or larger than what
    opsctl stores. Once the file has been locked for two seconds, it is not used any more.

    Parameters
    ----------
    path
        The cache's file. None, or a file that cannot be used: bodies are not stored, because they would only take
        memory; values last as long as this process.
    """

    def __init__(self, path: Path | None = None) -> None:
        # All threads share one connection: `runs` reads many runs in parallel.
        self._lock = Lock()
        self._is_pruned = False
        if path is not None and path.exists() and not path.is_file():
            path = None
        self._is_file = path is not None
        try:
            self._database = self._open(str(path) if path else ":memory:")
        except (OSError, sqlite3.Error):
            self._is_file = False
            self._database = self._open(":memory:")

    @staticmethod
    def _today() -> int:
        """The number of days since 1970."""
        return int(time.time()) // _DAY_SECONDS

    def _open(self, name: str) -> sqlite3.Connection:
        if self._is_file:
            # SQLite would create it with the umask's mode, and its other files with this one's.
            os.close(os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        database = sqlite3.connect(name, timeout=_LOCKED_SECONDS, check_same_thread=False)
        # What is removed is overwritten too: it may be a subject's.
        database.execute("PRAGMA secure_delete = ON")
        # Of effect for a new file only: what is removed makes the file smaller.
        database.execute("PRAGMA auto_vacuum = FULL")
        with database:
            database.execute(_SCHEMA)
            database.execute(_BY_DAY)
            database.execute(_NOTES)
        return database

    @contextmanager
    def _using(self) -> Iterator[None]:
        """Hold the database; an error ends the block, and the database too where another process has it locked."""
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    # Each further statement would wait as long, and `runs` makes thousands.
                    self._database.close()
                    self._is_file = False
                    self._database = self._open(":memory:")

    def get(self, bucket: str, objects: Iterable[S3Object], *, form: str = "") -> dict[str, bytes]:
        """The cached bodies, by key.

        Parameters
        ----------
        form
            What of the bodies was stored: as they are, or shortened in a way that has this name.
        """
        etags = {obj.key: obj.etag for obj in objects}
        keys = list(etags)
        bodies: dict[str, bytes] = {}
        with self._using():
            for start in range(0, len(keys), _QUERY_LIMIT):
                chunk = keys[start : start + _QUERY_LIMIT]
                marks = ", ".join("?" * len(chunk))
                query = (
                    "SELECT key, etag, body FROM bodies WHERE bucket = ? AND form = ? AND typeof(body) = 'blob' "  # noqa: S608
                    f"AND length(body) <= ? AND key IN ({marks})"
                )
                for key, etag, body in self._database.execute(query, (bucket, form, RECORD_BYTES, *chunk)):
                    if etags.get(key) == etag:
                        bodies[key] = body
                if self._is_file:
                    self._renew(bucket, form, chunk)
        return bodies

    def _renew(self, bucket: str, form: str, keys: Sequence[str]) -> None:
        """Note that bodies were asked for, where that was last noted some days ago."""
        today = self._today()
        marks = ", ".join("?" * len(keys))
        where = f"bucket = ? AND form = ? AND used_on < ? AND key IN ({marks})"
        values = (bucket, form, today - _RENEWED_AFTER_DAYS, *keys)
        query = f"SELECT 1 FROM bodies WHERE {where} LIMIT 1"  # noqa: S608
        if self._database.execute(query, values).fetchone():
            with self._database:
                self._database.execute(f"UPDATE bodies SET used_on = {today:d} WHERE {where}", values)  # noqa: S608

    def _prune(self) -> None:
        """Remove what nobody has asked for in a long time, once in a process that stores something."""
        if self._is_pruned:
            return
        self._is_pruned = True
        self._database.execute("DELETE FROM bodies WHERE used_on < ?", (self._today() - _UNUSED_DAYS,))
        oldest = "SELECT rowid FROM bodies ORDER BY used_on DESC LIMIT -1 OFFSET ?"
        self._database.execute(f"DELETE FROM bodies WHERE rowid IN ({oldest})", (_MOST_BODIES,))  # noqa: S608

    def keep(self, bucket: str, bodies: Mapping[S3Object, bytes], *, form: str = "") -> None:
        """Store bodies; each replaces an earlier one of the same key and form."""
        if not self._is_file or not bodies:
            return
        rows = [(bucket, obj.key, form, obj.etag, body, self._today()) for obj, body in bodies.items()]
        with self._using(), self._database:
            self._prune()
            self._database.executemany("INSERT OR REPLACE INTO bodies VALUES (?, ?, ?, ?, ?, ?)", rows)

    def forget(self, bucket: str, is_gone: Callable[[str], bool]) -> None:
        """Remove the bodies of a bucket whose keys are gone."""
        with self._using(), self._database:
            keys = [key for (key,) in self._database.execute("SELECT key FROM bodies WHERE bucket = ?", (bucket,))]
            rows = [(bucket, key) for key in keys if is_gone(key)]
            self._database.executemany("DELETE FROM bodies WHERE bucket = ? AND key = ?", rows)

    def forget_value(self, bucket: str, name: str) -> None:
        """Remove a value."""
        with self._using(), self._database:
            self._database.execute("DELETE FROM notes WHERE bucket = ? AND name = ?", (bucket, name))

    def forget_bucket(self, bucket: str) -> None:
        """Remove everything about a bucket."""
        self.forget(bucket, lambda _: True)
        with self._using(), self._database:
            self._database.execute("DELETE FROM notes WHERE bucket = ?", (bucket,))

    def put_value(self, bucket: str, name: str, value: Any) -> None:
        """Store a value about a bucket, if it has changed."""
        if self.get_value(bucket, name) == value:
            return
        with self._using(), self._database:
            self._database.execute("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", (bucket, name, json.dumps(value)))

    def get_value(self, bucket: str, name: str) -> Any:
        """The value stored under a name; None if there is none."""
        with self._using():
            return _read_value(self._database, bucket, name)
        return None


def read_if_free(path: Path, bucket: str, name: str) -> Any:
    """A stored value, for completion: creates no file and does not wait; None if there is none or it is locked."""
    with suppress(OSError, sqlite3.Error):
        # SQLite would wait for the other end of a pipe.
        if not path.is_file():
            return None
        database = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_READ_TIMEOUT_SECONDS)
        try:
            return _read_value(database, bucket, name)
        finally:
            database.close()
    return None


def _read_value(database: sqlite3.Connection, bucket: str, name: str) -> Any:
    query = "SELECT value FROM notes WHERE bucket = ? AND name = ? AND typeof(value) = 'text' AND length(value) <= ?"
    for (value,) in database.execute(query, (bucket, name, _LARGEST_VALUE_BYTES)):
        with suppress(ValueError):
            return parse(value)
    return None

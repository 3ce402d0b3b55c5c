"""What this machine has read or learnt already: records of S3, which do not change under one etag, and notes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from opsctl.core.dataset.scan import S3Object

_SCHEMA = "CREATE TABLE IF NOT EXISTS records (bucket TEXT, key TEXT, etag TEXT, body TEXT, PRIMARY KEY (bucket, key))"
_NOTES = "CREATE TABLE IF NOT EXISTS notes (bucket TEXT, name TEXT, value TEXT, PRIMARY KEY (bucket, name))"
_AT_ONCE = 500
# Completion answers while somebody waits at the prompt: a busy file is as good as none.
_GLANCE_SECONDS = 0.02


class Cache:
    """Bodies by bucket, key and etag; notes by bucket and name. It only saves time: what it cannot do, it does not.

    Parameters
    ----------
    path
        Its file, or None: it lasts as long as this process.
    """

    def __init__(self, path: Path | None = None) -> None:
        # One connection serves all threads, one after the other: `runs` looks at many runs at once.
        self._lock = Lock()
        try:
            self._database = self._open(str(path) if path else ":memory:")
        except (OSError, sqlite3.Error):
            self._database = self._open(":memory:")

    def _open(self, name: str) -> sqlite3.Connection:
        database = sqlite3.connect(name, timeout=2.0, check_same_thread=False)
        with database:
            database.execute(_SCHEMA)
            database.execute(_NOTES)
        return database

    def get(self, bucket: str, objects: Iterable[S3Object]) -> dict[str, str]:
        """The bodies that are known, by key."""
        wanted = {one.key: one.etag for one in objects}
        keys = list(wanted)
        found: dict[str, str] = {}
        with self._lock, suppress(sqlite3.Error):
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                marks = ", ".join("?" * len(some))
                query = f"SELECT key, etag, body FROM records WHERE bucket = ? AND key IN ({marks})"  # noqa: S608
                for key, etag, body in self._database.execute(query, (bucket, *some)):
                    if wanted[key] == etag:
                        found[key] = body
        return found

    def keep(self, bucket: str, bodies: Mapping[S3Object, str]) -> None:
        """Remember bodies; an earlier one of the same key is forgotten."""
        rows = [(bucket, one.key, one.etag, body) for one, body in bodies.items()]
        with self._lock, suppress(sqlite3.Error), self._database:
            self._database.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", rows)

    def put_value(self, bucket: str, name: str, value: Any) -> None:
        """Remember something that is known of a bucket; written only where it is news."""
        if self.get_value(bucket, name) == value:
            return
        with self._lock, suppress(sqlite3.Error), self._database:
            self._database.execute("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", (bucket, name, json.dumps(value)))

    def get_value(self, bucket: str, name: str) -> Any:
        """What was noted last under a name; None where nothing was."""
        with self._lock:
            return _read_value(self._database, bucket, name)


def read_if_free(path: Path, bucket: str, name: str) -> Any:
    """A note, for completion: nothing is made, and nobody waits; None where there is none, or the file is busy."""
    with suppress(OSError, sqlite3.Error):
        database = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_GLANCE_SECONDS)
        try:
            return _read_value(database, bucket, name)
        finally:
            database.close()
    return None


def _read_value(database: sqlite3.Connection, bucket: str, name: str) -> Any:
    with suppress(sqlite3.Error, ValueError):
        query = "SELECT value FROM notes WHERE bucket = ? AND name = ?"
        for (value,) in database.execute(query, (bucket, name)):
            return json.loads(value)
    return None

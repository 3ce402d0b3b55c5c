"""Records of S3 that this machine has read already: a result does not change under one etag."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from opsctl.core.scan import S3Object

_SCHEMA = "CREATE TABLE IF NOT EXISTS records (bucket TEXT, key TEXT, etag TEXT, body TEXT, PRIMARY KEY (bucket, key))"
_AT_ONCE = 500


class Cache:
    """Bodies by bucket, key and etag. It only saves time: what it cannot do, it does not.

    Parameters
    ----------
    path
        Its file, or None: it lasts as long as this process.
    """

    def __init__(self, path: Path | None = None) -> None:
        try:
            self._database = self._open(str(path) if path else ":memory:")
        except (OSError, sqlite3.Error):
            self._database = self._open(":memory:")

    def _open(self, name: str) -> sqlite3.Connection:
        database = sqlite3.connect(name, timeout=2.0, check_same_thread=False)
        with database:
            database.execute(_SCHEMA)
        return database

    def get(self, bucket: str, objects: Iterable[S3Object]) -> dict[str, str]:
        """The bodies that are known, by key."""
        wanted = {one.key: one.etag for one in objects}
        keys = list(wanted)
        found: dict[str, str] = {}
        with suppress(sqlite3.Error):
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
        with suppress(sqlite3.Error), self._database:
            self._database.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", rows)

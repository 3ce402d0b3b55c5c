"""The jobs' log lines on disk, so that they are there again after a restart of the server."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOG = logging.getLogger(__name__)
_DAY_MS = 86_400_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS groups (arn TEXT PRIMARY KEY, retention_days INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS streams (
    arn TEXT NOT NULL, stream TEXT NOT NULL, created_ms INTEGER NOT NULL, PRIMARY KEY (arn, stream)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lines (
    arn TEXT NOT NULL, stream TEXT NOT NULL, timestamp_ms INTEGER NOT NULL, event_id TEXT NOT NULL,
    ingested_ms INTEGER NOT NULL, message TEXT NOT NULL, PRIMARY KEY (arn, stream, timestamp_ms, event_id)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class StoredLine:
    """One event of CloudWatch Logs: a line, its id, and when it was written and ingested (milliseconds since 1970)."""

    event_id: str
    timestamp_ms: int
    ingested_ms: int
    message: str


class LogStore:
    """The lines of all log groups in one SQLite file. Every method may be called from any thread.

    A line that was written survives a kill of the server. The last lines before a power cut may be lost: syncing each
    of them to the disk would slow the jobs down. Where the disk is full or damaged, jobs go on and their lines are in
    the server's memory only, with an error in the server's log.

    Parameters
    ----------
    path
        The file. A damaged one is set aside as `.damaged`, because a platform without old lines is still of use.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._is_failing = False
        try:
            self._index = _opened(path)
        except sqlite3.DatabaseError as error:
            _LOG.error("%s is damaged and set aside, earlier log lines are gone (%s)", path, error)
            for suffix in ("-wal", "-shm"):
                path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)
            path.replace(path.with_name(f"{path.name}.damaged"))
            self._index = _opened(path)

    def add_stream(self, arn: str, stream: str, *, created_ms: int) -> None:
        """Store an empty stream of the group with this ARN."""
        self._change([("INSERT OR REPLACE INTO streams VALUES (?, ?, ?)", [(arn, stream, created_ms)])])

    def add_lines(self, arn: str, stream: str, lines: Sequence[StoredLine]) -> None:
        """Store lines of a stream."""
        rows = [(arn, stream, line.timestamp_ms, line.event_id, line.ingested_ms, line.message) for line in lines]
        self._change([("INSERT OR REPLACE INTO lines VALUES (?, ?, ?, ?, ?, ?)", rows)])

    def set_retention(self, arn: str, days: int | None) -> None:
        """Store after how many days a group's lines are to be removed; None: never."""
        self._change([("INSERT OR REPLACE INTO groups VALUES (?, ?)", [(arn, days)])])

    def forget_stream(self, arn: str, stream: str) -> None:
        """Remove a stream and its lines."""
        row = [(arn, stream)]
        self._change(
            [
                ("DELETE FROM lines WHERE arn = ? AND stream = ?", row),
                ("DELETE FROM streams WHERE arn = ? AND stream = ?", row),
            ]
        )

    def forget_group(self, arn: str) -> None:
        """Remove a group with its streams and lines."""
        row = [(arn,)]
        self._change(
            [
                ("DELETE FROM lines WHERE arn = ?", row),
                ("DELETE FROM streams WHERE arn = ?", row),
                ("DELETE FROM groups WHERE arn = ?", row),
            ]
        )

    def remove_expired(self, *, now: float | None = None) -> None:
        """Remove the lines that are older than their group's retention, as CloudWatch does.

        Parameters
        ----------
        now
            Seconds since 1970; by default the time of this machine.
        """
        now_ms = int((time.time() if now is None else now) * 1000)
        with self._lock:
            groups = self._index.execute("SELECT arn, retention_days FROM groups WHERE retention_days IS NOT NULL")
            limits = [(arn, now_ms - days * _DAY_MS) for arn, days in groups.fetchall()]
        self._change([("DELETE FROM lines WHERE arn = ? AND timestamp_ms < ?", limits)])

    def streams(self, arn: str) -> list[tuple[str, int]]:
        """The streams of a group and when each was created, in milliseconds since 1970."""
        with self._lock:
            rows = self._index.execute("SELECT stream, created_ms FROM streams WHERE arn = ? ORDER BY stream", (arn,))
            return rows.fetchall()

    def lines(self, arn: str, stream: str) -> list[StoredLine]:
        """The lines of a stream by time."""
        query = (
            "SELECT event_id, timestamp_ms, ingested_ms, message FROM lines WHERE arn = ? AND stream = ?"
            " ORDER BY timestamp_ms, event_id"
        )
        with self._lock:
            return [StoredLine(*row) for row in self._index.execute(query, (arn, stream))]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._index.close()

    def _change(self, statements: Iterable[tuple[str, Sequence[tuple[object, ...]]]]) -> None:
        try:
            with self._lock, self._index:
                for statement, rows in statements:
                    self._index.executemany(statement, rows)
            self._is_failing = False
        except sqlite3.Error as error:
            if not self._is_failing:
                _LOG.error("log lines cannot be written to the disk and will be gone after a restart (%s)", error)
            self._is_failing = True


def _opened(path: Path) -> sqlite3.Connection:
    index = sqlite3.connect(path, check_same_thread=False)
    try:
        index.execute("PRAGMA journal_mode=WAL")
        index.execute("PRAGMA synchronous=NORMAL")
        # Lines may hold file names, and so subjects' labels: removed ones are overwritten.
        index.execute("PRAGMA secure_delete=ON")
        index.executescript(_SCHEMA)
    except BaseException:
        index.close()
        raise
    return index

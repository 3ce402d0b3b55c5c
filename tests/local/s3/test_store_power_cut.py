"""An answered change survives a power cut: by the system calls that the store really makes before it answers."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from support.traced_disk import disk_after

from opsctl.local.s3 import store as store_module
from opsctl.local.s3.store import Store

PUT = """
import sys
from pathlib import Path
from opsctl.local.s3.store import Record, Store

store = Store(Path(sys.argv[1]) / "local" / "objects")
blob = store.write((b"some", b"bytes"))
with store.transaction():
    store.save("data", "key", [Record("data", "key", blob, {})])
print("done", flush=True)
"""


def test_nothing_that_an_answer_rests_on_is_only_in_memory(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    disk = disk_after(PUT, home, tmp_path / "trace")
    # SQLite makes the shared memory of its log anew when it opens the index.
    lost = {path for path in disk.unsafe_bytes | disk.unsafe_names if not path.name.endswith("-shm")}
    assert lost == set()
    assert len([path for path in disk.names if path.parent.parent.name == "blobs"]) == 1


def test_the_index_syncs_each_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connections: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def recorded(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connections.append(connect(*arguments, **options))
        return connections[-1]

    monkeypatch.setattr(store_module.sqlite3, "connect", recorded)
    store = Store(tmp_path)
    settings = [connections[0].execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    store.close()
    # With the log, 1 (NORMAL) syncs at checkpoints only, 2 (FULL) at each commit: https://sqlite.org/pragma.html
    assert settings == ["wal", 2]

"""What it costs the local platform to sync each object to the disk, so that a power cut loses none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from bench.row import Row, ratio_row, time_call
from opsctl.local.s3.store import Record, Store

_BODY = bytes(4096)
#: For a solid-state disk: one that turns takes some ten times as long for each sync.
_BAR = 10


def measure(*, quick: bool) -> list[Row]:
    """Write objects as PutObject does, with and without the syncs of files, folders and the index."""
    count = 200 if quick else 1_000
    pairs = []
    for _ in range(3 if quick else 5):
        ours = _seconds(count)
        with _without_syncs():
            plain = _seconds(count)
        pairs.append((ours, plain))
    ours_seconds, plain_seconds = zip(*pairs, strict=True)
    note = f"{len(_BODY):,} bytes each; plain: the same store without fsync"
    return [ratio_row(f"store {count:,} objects locally", ours=ours_seconds, plain=plain_seconds, bar=_BAR, note=note)]


def _seconds(count: int) -> float:
    # Beside the results: /tmp is in memory on many machines, where a sync costs nothing.
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        store = Store(Path(folder) / "objects")
        store.save_bucket("data", {})

        def put_all() -> None:
            for number in range(count):
                blob = store.write([_BODY])
                with store.transaction():
                    store.save("data", f"key-{number}", [Record("data", f"key-{number}", blob, {})])

        return time_call(put_all)


@contextmanager
def _without_syncs() -> Iterator[None]:
    open_synced = Store.__init__

    def open_unsynced(store: Store, root: Path) -> None:
        open_synced(store, root)
        store._index.execute("PRAGMA synchronous=OFF")

    with patch.object(os, "fsync", lambda _: None), patch.object(Store, "__init__", open_unsynced):
        yield

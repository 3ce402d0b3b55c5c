"""`results` of 13,500 connectomes, each verified by its SHA-256, beside s5cmd's plain copy."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import peers
from bench.row import Row, absolute_row, ratio_row
from bench.server import serving
from bench.transfer import Taken, Tools
from opsctl.aws.clients import Clients
from opsctl.aws.s3.storage import Storage

_LATENCY_MS = 30
_FILES, _QUICK_FILES = 13_500, 2_000
_FILE_BYTES = 20_000
_ATLASES = 45
_BAR, _CPU_BAR = 1.5, 3.0


def measure(*, quick: bool) -> list[Row]:
    """Each tool is a process of its own, its start included."""
    count = _QUICK_FILES if quick else _FILES
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        files, bodies = Path(folder) / "files.json", dict(_bodies(count))
        files.write_text(json.dumps([_record(key, body) for key, body in bodies.items()]))
        clients = Clients(endpoint_url=server.url)
        with Storage(clients.s3, clients.s3_direct).putting_bodies("data", bodies.items()) as wait:
            wait()
        server.set_latency(_LATENCY_MS)
        tools = Tools(server.url)
        ours: list[Taken] = []
        theirs: list[Taken] = []
        for number in range(3 if quick else 5):
            target = Path(folder) / str(number)
            ours.append(tools.opsctl("results", target, str(files), count=count))
            shutil.rmtree(target)
            taken = tools.s5cmd("s3://data/m2g/*", f"{target}/")
            theirs += [taken] if taken else []
            shutil.rmtree(target, ignore_errors=True)
        others = tools.others("s3://data/m2g", str(Path(folder) / "others"))
    step = f"results of {count:,} files"
    seconds, cpu = [taken.seconds for taken in ours], [taken.cpu_seconds for taken in ours]
    if not theirs:
        return [absolute_row(step, ours=seconds, bar=60, note=peers.UNAVAILABLE)]
    note = (
        f"{_LATENCY_MS} ms a request, {_FILE_BYTES // 1000} kB each; ours: each verified; peer: s5cmd, which does not"
    )
    note += f"; {others}" if others else ""
    return [
        ratio_row(step, ours=seconds, peer=[taken.seconds for taken in theirs], bar=_BAR, note=note),
        ratio_row(
            f"CPU of {step}",
            ours=cpu,
            peer=[taken.cpu_seconds for taken in theirs],
            bar=_CPU_BAR,
            note="user and system, the start of Python included",
        ),
    ]


def _bodies(count: int) -> Iterator[tuple[str, bytes]]:
    for number in range(count):
        scan, atlas = divmod(number, _ATLASES)
        yield (
            f"m2g/sub-{scan:05d}/connectomes_d/atlas-{atlas}/edges.csv",
            f"{number:08d} ".encode() * (_FILE_BYTES // 9),
        )


def _record(key: str, body: bytes) -> dict[str, Any]:
    return {
        "uri": f"s3://data/{key}",
        "size_bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "etag": hashlib.md5(body, usedforsecurity=False).hexdigest(),
    }

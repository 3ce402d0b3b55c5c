"""`upload` of many small files and of few large ones, beside s5cmd."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from bench import peers
from bench.row import Row, absolute_row, ratio_row
from bench.server import serving
from bench.transfer import Taken, Tools

_LATENCY_MS = 30
_SMALL, _MIDDLE = (2000, 40_000), (30, 6_000_000)
_LARGE, _QUICK_LARGE = (20, 512_000_000), (4, 128_000_000)
_BAR, _LARGE_BAR, _AGAIN_BAR = 1.3, 1.1, 0.5


def measure(*, quick: bool) -> list[Row]:
    """Each tool is a process of its own, its start included."""
    large = _QUICK_LARGE if quick else _LARGE
    # In memory where it fits, so that this machine's disk does not limit the speed.
    memory, needed = Path("/dev/shm"), 2 * large[0] * large[1]
    parent = memory if memory.is_dir() and shutil.disk_usage(memory).free > needed else None
    with serving(latency_ms=_LATENCY_MS) as server, tempfile.TemporaryDirectory(dir=parent) as folder:
        tools = Tools(server.url)
        mixed = Path(folder) / "mixed"
        _write(mixed, *_SMALL)
        _write(mixed, *_MIDDLE)
        rows = _rows(tools, mixed, "upload 2,030 files", bar=_BAR, pairs=3 if quick else 5, again=True)
        shutil.rmtree(mixed)
        files = Path(folder) / "large"
        _write(files, *large)
        step = f"upload {large[0]} files of {large[1] // 10**6} MB"
        return rows + _rows(tools, files, step, bar=_LARGE_BAR, pairs=2 if quick else 5, again=False)


def _rows(tools: Tools, folder: Path, step: str, *, bar: float, pairs: int, again: bool) -> list[Row]:
    count = sum(path.is_file() for path in folder.rglob("*"))
    first: list[Taken] = []
    second: list[Taken] = []
    theirs: list[Taken] = []
    for number in range(pairs):
        bucket = f"{folder.name}-{number}"
        first.append(tools.opsctl("upload", folder, bucket, count=count))
        if again:
            second.append(tools.opsctl("upload", folder, bucket, count=0))
        taken = tools.s5cmd(f"{folder}/", f"s3://{bucket}-s5cmd/DS/")
        theirs += [taken] if taken else []
    ours, peer = ([taken.seconds for taken in tool] for tool in (first, theirs))
    note = f"{_LATENCY_MS} ms a request; hashing and the start of Python included; peer: s5cmd"
    others = tools.others(str(folder), f"s3://{folder.name}-others/DS")
    note += f"; {others}" if others else ""
    rows = (
        [ratio_row(step, ours=ours, peer=peer, bar=bar, note=note)]
        if peer
        else [absolute_row(step, ours=ours, bar=10, note=peers.UNAVAILABLE)]
    )
    if again:
        note = "plain: the first upload; every file is hashed and none is sent"
        seconds = [taken.seconds for taken in second]
        rows.append(ratio_row(f"{step} again", ours=seconds, plain=ours, bar=_AGAIN_BAR, note=note))
    return rows


def _write(folder: Path, files: int, size_bytes: int) -> None:
    block = os.urandom(min(size_bytes, 8_000_000))
    for number in range(files):
        path = folder / f"sub-{number % 100:03d}" / f"{size_bytes}-{number}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(number.to_bytes(8, "big"))
            for start in range(8, size_bytes, len(block)):
                file.write(block[: size_bytes - start])

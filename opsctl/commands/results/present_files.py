"""Which files of a download are in the folder already: each is read and compared with its SHA-256."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import BinaryIO

from opsctl.aws.s3.partial_file import is_complete, part_name
from opsctl.commands.results.download_folder import DownloadFolder
from opsctl.commands.results.download_plan import Download
from opsctl.commands.results.faults import UnwrittenFile
from opsctl.core.errors import Problem
from opsctl.core.results.disk_pace import DiskPace
from opsctl.folder_walk import FolderWalk
from opsctl.open_folder import Taken

_THREADS = 16
#: Neighbours share folders.
_FILES_A_TASK = 90
#: A larger file is read piece by piece.
_MOST_WHOLE_BYTES = 1024 * 1024


def looks(folder: DownloadFolder, items: Sequence[Download]) -> list[bool | Problem]:
    """Whether each file is complete in the folder, or why it cannot get there."""
    tasks = [items[start : start + _FILES_A_TASK] for start in range(0, len(items), _FILES_A_TASK)]

    def looked(task: Sequence[Download]) -> list[bool | Problem]:
        with folder.files.walk() as walk:
            return [_look(folder, walk, item) for item in task]

    pace, position, each = DiskPace(), 0, list[list[bool | Problem]]()
    while position < len(tasks):
        started, started_cpu = time.perf_counter(), time.thread_time()
        each.append(looked(tasks[position]))
        seconds, cpu_seconds = time.perf_counter() - started, time.thread_time() - started_cpu
        position += 1
        if side_by_side := tasks[position : position + pace.side_by_side(seconds=seconds, cpu_seconds=cpu_seconds)]:
            with ThreadPoolExecutor(_THREADS) as pool:
                each += pool.map(looked, side_by_side)
            position += len(side_by_side)
    return [look for of_task in each for look in of_task]


def _look(folder: DownloadFolder, walk: FolderWalk, item: Download) -> bool | Problem:
    """Whether a file is complete in the folder, or why it cannot get there."""
    size_bytes = item.file.size_bytes
    if size_bytes <= _MOST_WHOLE_BYTES:
        try:
            content = walk.content(item.place, size_bytes)
        except FileNotFoundError:
            return False
        if content is not None and sha256(content).hexdigest() == item.file.sha256:
            return True
    return _look_closely(folder, walk, item)


def _look_closely(folder: DownloadFolder, walk: FolderWalk, item: Download) -> bool | Problem:
    """The same of whatever is there: a link, a large file, another one, or what a killed download has left."""
    try:
        # A link to the same bytes will do, as DataLad makes them. Nothing is written through a link.
        existing = walk.open(item.place, follow_link=True)
        if existing is None:
            return False
        with existing:
            if is_complete(existing, item.file):
                _tidy(folder, item, existing)
                return True
            return False if folder.may_replace(item.place)(existing) else UnwrittenFile(Taken(), item.target)
    except OSError as error:
        return UnwrittenFile(error, item.target)


def _tidy(folder: DownloadFolder, item: Download, existing: BinaryIO) -> None:
    """Remove the second name of a file whose download was killed between its two names."""
    if os.fstat(existing.fileno()).st_nlink > 1:
        with folder.files.folder_of(item.place) as (parent, name):
            if parent.is_same(part_name(name), existing):
                parent.remove(part_name(name))

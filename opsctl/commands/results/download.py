"""Download files into a folder that becomes a BIDS derivative dataset; intact files there are kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from threading import Event, Semaphore

from opsctl.aws.s3.bulk.background import Background
from opsctl.aws.s3.bulk.gets import Gets
from opsctl.aws.s3.download import NotPublished
from opsctl.aws.s3.download import download as download_file
from opsctl.aws.s3.partial_file import part_name
from opsctl.aws.s3.storage import Storage
from opsctl.aws.s3.workers import Workers
from opsctl.commands.results.download_folder import DownloadFolder
from opsctl.commands.results.download_plan import Download, DownloadPlan
from opsctl.commands.results.faults import Faults, UnwrittenFile, files_text
from opsctl.commands.results.present_files import looks
from opsctl.core.errors import ErrorCode, Interrupted, Problem

_THREADS = 16
#: Of a small file there is nothing to continue: it comes in one piece, and so much memory is needed for it.
_SMALL_BYTES = 1024 * 1024
#: Each has a connection open, and `_THREADS` others have files and folders: macOS lets a process have 256 of all.
_SMALL_AT_ONCE = 128
#: After Ctrl-C. A request that takes longer is left alone.
_STOP_SECONDS = 0.5
#: A network that is down fails for every file: after this many failures the others are not tried.
_MAX_FAULTS = 8


@dataclass(frozen=True, kw_only=True)
class Downloaded:
    """What came.

    Attributes
    ----------
    present
        The selected files that are in the folder now.
    unselected
        The connectomes that were not selected, and are in the folder from an earlier time.
    fetched
        How many of them had to be downloaded.
    faults
        Why others are missing.
    """

    present: tuple[Download, ...]
    unselected: tuple[Download, ...]
    fetched: int
    faults: Faults

    @property
    def in_the_table(self) -> list[Download]:
        """The files that are in the folder, in the order of the scans."""
        return sorted([*self.present, *self.unselected], key=lambda item: (item.index, item.file.uri))


def free_bytes(folder: Path) -> int:
    """The free bytes of a folder's disk."""
    return shutil.disk_usage(folder).free


def open_folder(path: Path) -> DownloadFolder:
    """Make and open a download folder.

    Raises
    ------
    Problem
        When it cannot be made or read.
    """
    try:
        return DownloadFolder(path)
    except OSError as error:
        raise UnwrittenFile(error, path) from error


def download(
    plan: DownloadPlan,
    storage: Storage,
    folder: DownloadFolder,
    *,
    on_file: Callable[[Download], None],
    free: Callable[[Path], int] = free_bytes,
) -> Downloaded:
    """Download the files that are not in the folder yet, each checked by size and SHA-256.

    A file that cannot be written stops no other one, and a file in its place that opsctl did not write stays.

    Parameters
    ----------
    on_file
        Called with each file that is complete, from several threads.
    free
        Gives the free bytes of a folder's disk.

    Raises
    ------
    Problem
        Before the first download: when the folder cannot be written to, or lacks room. Later: when the remaining files
        are not tried either (a disk that is full, a network that is down).
    Interrupted
        After Ctrl-C, with the number of files that are missing.
    """
    faults = Faults(plan.request.command, plan.refused)
    are_complete, others = looks(folder, plan.downloads), looks(folder, plan.unselected)
    complete: list[Download] = []
    missing: list[Download] = []
    for item, look in zip(plan.downloads, are_complete, strict=True):
        if isinstance(look, Problem):
            faults.add(look)
        elif look:
            on_file(item)
            complete.append(item)
        else:
            missing.append(item)
    _check_room(folder, missing, free)
    try:
        folder.announce((item.place, item.file.sha256, item.file.size_bytes) for item in missing)
    except OSError as error:
        raise UnwrittenFile(error, plan.folder) from error
    downloader = _Downloader(storage, folder, faults, on_file)
    downloader.run(missing)
    present = {item.place for item in [*complete, *downloader.completed]}
    return Downloaded(
        present=tuple(item for item in plan.downloads if item.place in present),
        unselected=tuple(item for item, look in zip(plan.unselected, others, strict=True) if look is True),
        # Lists of lost regions come with connectomes, and are not counted.
        fetched=sum(item.is_connectome or plan.request.what != "connectomes" for item in downloader.completed),
        faults=faults,
    )


def _check_room(folder: DownloadFolder, missing: Sequence[Download], free: Callable[[Path], int]) -> None:
    def remaining_bytes(item: Download) -> int:
        try:
            with folder.files.folder_of(item.place) as (parent, name):
                return max(0, item.file.size_bytes - parent.size_bytes(part_name(name)))
        except OSError:
            return item.file.size_bytes

    needed, room = sum(item.file.size_bytes for item in missing), free(folder.path)
    if needed > room:
        # What earlier downloads have left is looked for only where it may decide.
        needed = sum(map(remaining_bytes, missing))
    if needed > room:
        raise Problem(
            f"{needed / 1e6:,.1f} MB are to come, and the disk of {folder.path} has {room / 1e6:,.1f} MB left.",
            "Make room, or name another folder.",
            code=ErrorCode.DISK_FULL,
        )


class _Downloader:
    """Downloads several files at once; one file's failure does not stop the others."""

    def __init__(
        self, storage: Storage, folder: DownloadFolder, faults: Faults, on_file: Callable[[Download], None]
    ) -> None:
        self._client = storage.client
        self._direct = storage.direct
        self._may_write = Semaphore(_THREADS)
        self._folder = folder
        self._on_file = on_file
        self._stop = Event()
        self._faults = faults
        self._failed_calls = 0
        self._is_given_up = False
        self.completed: list[Download] = []

    def run(self, downloads: Sequence[Download]) -> None:
        """Download all that can be; raises where the others were not tried."""
        groups = self._groups(downloads)
        try:
            for group in groups:
                group.wait()
        except KeyboardInterrupt as error:
            missing = files_text(len(downloads) - len(self.completed))
            raise Interrupted(f"Stopped: {missing} still to come.", self._faults.again) from error
        finally:
            self._stop.set()
            # Whoever writes files waits for those who read them.
            for group in reversed(groups):
                group.stop(at_most_seconds=_STOP_SECONDS)
        if self._is_given_up:
            raise self._faults.summary(missing=len(downloads) - len(self.completed))

    def _groups(self, downloads: Sequence[Download]) -> list[Background]:
        """What fetches them: small files by many requests from one thread, and all others by botocore."""

        def until_stopped(items: Iterable[Download]) -> Iterator[Download]:
            return takewhile(lambda _: not self._stop.is_set(), items)

        small: list[Download] = []
        others: list[Download] = []
        for item in downloads:
            is_small = self._direct is not None and item.file.size_bytes <= _SMALL_BYTES
            (small if is_small else others).append(item)
        large = ((item, None) for item in until_stopped(others))
        groups: list[Background] = [Workers(self._download, large, most_threads=_THREADS)]
        if self._direct is not None:
            gets = Gets(self._direct, until_stopped(small), at_once=_SMALL_AT_ONCE)
            groups += [Workers(self._download, gets, most_threads=_THREADS), gets]
        return groups

    def _download(self, fetched: tuple[Download, bytes | None]) -> None:
        item, content = fetched
        try:
            with self._may_write:
                if self._stop.is_set():
                    return
                download_file(
                    self._client,
                    item.file,
                    self._folder.files,
                    item.place,
                    stop=self._stop,
                    may_replace=self._folder.may_replace(item.place),
                    content=content,
                )
        except Interrupted:
            return
        except OSError as error:
            unwritten = UnwrittenFile(error, item.target)
            self._faults.add(unwritten)
            if unwritten.is_of_the_disk:
                self._give_up()
        except Problem as problem:
            self._faults.add(problem)
            self._failed_calls += not isinstance(problem, NotPublished)
            if self._failed_calls >= _MAX_FAULTS:
                self._give_up()
        else:
            self.completed.append(item)
            self._on_file(item)

    def _give_up(self) -> None:
        self._is_given_up = True
        self._stop.set()

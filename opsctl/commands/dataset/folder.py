"""A BIDS folder on this machine, seen as it would be on S3 after `upload`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from opsctl.commands.dataset.digests import file_etag
from opsctl.commands.dataset.local_files import LocalFiles, local_files
from opsctl.core.dataset.discovery import may_matter
from opsctl.core.dataset.scan import S3Object
from opsctl.core.dataset.unreadable import UnreadableFile
from opsctl.core.dataset.upload_selection import UploadSelection
from opsctl.core.dataset.whole_image import PIECE_BYTES, WholeImage
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location
from opsctl.core.runs.m2g_options import Pipeline
from opsctl.core.size_limits import exceeded

T = TypeVar("T")

#: They compute digests.
_THREADS = 4


class Folder:
    """The files that `upload` would send, with the keys that it would give them.

    Parameters
    ----------
    folder
        That holds `sub-*/`.
    location
        Where `upload` would put it.
    selection
        Which files `upload` would send.
    is_hashed
        Whether files have the etags that `upload` would give them, for which they are read; else they have none.
    """

    def __init__(
        self, folder: Path, location: Location, *, selection: UploadSelection | None = None, is_hashed: bool = False
    ) -> None:
        self.folder = folder
        self.location = location
        self._selection = selection or UploadSelection()
        self._is_hashed = is_hashed

    @property
    def files(self) -> Folder:
        """Reads single files of scans; see `opsctl.commands.dataset.headers.ScanFiles`."""
        return self

    @cached_property
    def contents(self) -> LocalFiles:
        """Which files there are, and which of them cannot be sent.

        Raises
        ------
        Problem
            If it is no BIDS folder.
        """
        ensure_bids_folder(self.folder)
        return local_files(self.folder, self._selection, key_prefix=self.location.key_prefix)

    def dataset_shards(
        self,
        location: Location,
        *,
        pipeline: Pipeline,
        of_root: Callable[[list[S3Object]], object],
        of_shard: Callable[[Iterator[S3Object]], T],
        of_folders: Callable[[list[str]], object],
    ) -> Iterator[T]:
        """What a function makes of the files below `sub-*`, all at once; see `Storage.dataset_shards`."""
        paths = [path for path in self.contents.sizes if may_matter(path, pipeline=pipeline)]
        folders = dict.fromkeys(path.partition("/")[0] for path in self.contents.sizes if "/" in path)
        with ThreadPoolExecutor(_THREADS) as pool:
            of_root(list(pool.map(self._object, (path for path in paths if "/" not in path))))
            of_folders([f"{location.key_prefix}{folder}/" for folder in folders])
            yield of_shard(pool.map(self._object, (path for path in paths if _is_of_subject(path))))

    def beginning(self, uri: str, *, size_bytes: int) -> bytes:
        """The first bytes of a file."""
        try:
            with self.path(uri).open("rb") as file:
                return file.read(size_bytes)
        except OSError as error:
            raise _unreadable(error) from error

    def whole(self, uri: str, *, at_most: int) -> bytes:
        """A small file's bytes."""
        content = self.beginning(uri, size_bytes=at_most + 1)
        if len(content) > at_most:
            raise UnreadableFile(exceeded(self.path(uri).stat().st_size, at_most))
        return content

    def pass_through(self, uri: str, begin: Callable[[], WholeImage]) -> None:
        """Give an image's bytes to what `begin` makes, until it is complete."""
        image = begin()
        try:
            with self.path(uri).open("rb") as file:
                while not image.is_complete and (piece := file.read(PIECE_BYTES)):
                    image.feed(piece)
        except OSError as error:
            raise _unreadable(error) from error
        image.finish()

    def path(self, uri: str) -> Path:
        """Where a file lies that a scan names by its future address."""
        return self.folder / uri.removeprefix(f"{self.location.uri}/")

    def _object(self, path: str) -> S3Object:
        size_bytes = self.contents.sizes[path]
        try:
            value = file_etag(self.folder / path, size_bytes) if self._is_hashed else ""
        except OSError:
            # The look at its header says so.
            value = ""
        return S3Object(key=f"{self.location.key_prefix}{path}", size_bytes=size_bytes, etag=value)


def _is_of_subject(path: str) -> bool:
    return path.startswith("sub-") and "/" in path


def ensure_bids_folder(folder: Path) -> None:
    """Ensure that a folder holds a BIDS dataset.

    Raises
    ------
    Problem
        If it is not there, or has no subject.
    """
    if not folder.is_dir():
        raise Problem(
            f"{folder} is not a folder.",
            "Name the folder that holds dataset_description.json and sub-*/.",
            code=ErrorCode.FILE_UNREADABLE,
        )
    if not any(folder.glob("sub-*/")):
        raise Problem(
            f"{folder} holds no sub-*/ folder, so it is no BIDS dataset.",
            "Is it the folder above or below?",
            code=ErrorCode.INPUT_INVALID,
        )


def _unreadable(error: OSError) -> UnreadableFile:
    return UnreadableFile(f"cannot be read ({error.strerror or error})")

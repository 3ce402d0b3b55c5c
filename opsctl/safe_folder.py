"""A folder that a user names, and perhaps shares: nothing below it is reached through a link.

Each folder on the way is opened from the one above it and held open: exchanging one for a link changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from opsctl.folder_walk import FolderWalk, open_subfolder
from opsctl.open_folder import MayReplace, OpenFolder, nothing_replaced, write_all

#: Files that are shared follow the umask.
SHARED_MODE = 0o666


class SafeFolder:
    """A folder on this machine, which may itself be a link: its user named it.

    Parameters
    ----------
    path
        It must exist.

    Raises
    ------
    OSError
        If it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> SafeFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def names(self) -> list[str]:
        """The names directly in it."""
        return os.listdir(self._descriptor)  # noqa: PTH208 (of a descriptor)

    @contextmanager
    def folder(self, place: str = "", *, create: bool = False) -> Iterator[OpenFolder]:
        """Hold a folder below this one open.

        Parameters
        ----------
        place
            Its path from this folder, with `/`, without empty parts, `.` and `..`; empty for this folder.
        create
            Make the folders that are missing.

        Raises
        ------
        InTheWay
            If a part of the path is a link or no folder.
        FileNotFoundError
            If it is missing, without `create`.
        """
        descriptor = self._open(place, create=create)
        try:
            yield OpenFolder(self.path, place, descriptor)
        finally:
            os.close(descriptor)

    def _open(self, place: str, *, create: bool) -> int:
        descriptor = os.dup(self._descriptor)
        try:
            names = [name for name in place.split("/") if name]
            for depth, name in enumerate(names):
                if name in (".", ".."):
                    raise ValueError(f"{place!r} is no path below a folder")
                try:
                    below = open_subfolder(descriptor, name, create=create)
                except OSError as error:
                    error.filename = str(self.path.joinpath(*names[: depth + 1]))
                    raise
                above, descriptor = descriptor, below
                os.close(above)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    @contextmanager
    def folder_of(self, place: str, *, create: bool = False) -> Iterator[tuple[OpenFolder, str]]:
        """Hold the folder of a file open; gives it and the file's name."""
        above, _, name = place.rpartition("/")
        with self.folder(above, create=create) as folder:
            yield folder, name

    @contextmanager
    def reading(self, place: str, *, follow_link: bool = False) -> Iterator[BinaryIO | None]:
        """Open a regular file for reading, as `OpenFolder.read` does; None if there is none."""
        try:
            with self.folder_of(place) as (folder, name):
                file = folder.read(name, follow_link=follow_link)
        except FileNotFoundError:
            file = None
        if file is None:
            yield None
            return
        with file:
            yield file

    def walk(self) -> FolderWalk:
        """Open many files for reading one after the other."""
        return FolderWalk(self.path, self._descriptor)

    def write(
        self, place: str, data: bytes | bytearray, *, mode: int, may_replace: MayReplace = nothing_replaced
    ) -> None:
        """Write a file whole or not at all; missing folders are made.

        Parameters
        ----------
        place
            Its path from this folder, with `/`.
        mode
            Its permissions, less the umask.

        Raises
        ------
        InTheWay
            If something is in its place that may not be replaced, or a part of its path is no folder.
        OSError
            If the disk or the permissions refuse it.
        """
        with self.folder_of(place, create=True) as (folder, name), folder.naming(name):
            part = f".opsctl-{os.urandom(8).hex()}.part"
            file = folder.create(part, mode=mode)
            try:
                with file:
                    write_all(file.fileno(), data)
                    os.fsync(file.fileno())
                folder.rename(part, name, may_replace=may_replace)
            except BaseException:
                folder.remove(part)
                raise

"""Writes the files of formats into a download folder: each whole, private, and only where it changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from opsctl.aws.s3.partial_file import sha256_of
from opsctl.commands.results.download_folder import DownloadFolder
from opsctl.commands.results.faults import Faults, UnwrittenFile

#: Only their owner reads them: scan data is patients' data.
_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
#: Small files are written together, because the list of written files reaches the disk each time.
_MOST_WAITING_BYTES = 16_000_000


class FormatFolder:
    """The files of formats below a download folder.

    Parameters
    ----------
    folder
        The download folder, whose list of written files has these files as well.
    faults
        Gets those of single files.

    Attributes
    ----------
    written
        How many files were written, because they were missing or had other content.
    """

    def __init__(self, folder: DownloadFolder, faults: Faults) -> None:
        self._places: dict[str, None] = {}
        self.written = 0
        self._folder = folder
        self._faults = faults
        self._waiting: dict[str, bytes] = {}
        self._waiting_bytes = 0

    @property
    def places(self) -> tuple[str, ...]:
        """The paths of the files that are in the folder now, changed or not, below the download folder."""
        return tuple(self._places)

    def add(self, place: str, lines: Iterable[str]) -> None:
        """Write a text that fits into memory; `flush` writes the last ones.

        Raises
        ------
        Problem
            When the disk refuses.
        """
        content = "".join(lines).encode()
        self._waiting[place] = content
        self._waiting_bytes += len(content)
        if self._waiting_bytes > _MOST_WAITING_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the texts that were added.

        Raises
        ------
        Problem
            When the disk refuses.
        """
        contents, self._waiting, self._waiting_bytes = self._waiting, {}, 0
        changed: dict[str, bytes] = {}
        for place, content in contents.items():
            try:
                if self._has(place, sha256(content).hexdigest(), len(content)):
                    self._places[place] = None
                else:
                    self._make_folders(place)
                    changed[place] = content
            except OSError as error:
                self._refused(error, place)
        if not changed:
            return
        try:
            self._folder.announce((place, sha256(body).hexdigest(), len(body)) for place, body in changed.items())
        except OSError as error:
            raise UnwrittenFile(error, self._folder.path) from error
        for place, content in changed.items():
            try:
                may_replace = self._folder.may_replace(place)
                self._folder.files.write(place, content, mode=_FILE_MODE, may_replace=may_replace)
            except OSError as error:
                self._refused(error, place)
            else:
                self._wrote(place)

    def stream(self, place: str, write: Callable[[BinaryIO], None]) -> None:
        """Write a file that may be larger than memory.

        Parameters
        ----------
        write
            Writes the whole content; it may seek.

        Raises
        ------
        Problem
            When the disk refuses.
        """
        try:
            self._make_folders(place)
            with self._folder.files.folder_of(place) as (folder, name), folder.naming(name):
                part = f".opsctl-{os.urandom(8).hex()}.part"
                file = folder.create(part, mode=_FILE_MODE)
                try:
                    with file:
                        write(file)
                        file.flush()
                        os.fsync(file.fileno())
                        size_bytes = file.seek(0, os.SEEK_END)
                        file.seek(0)
                        digest = sha256_of(file)
                    if self._has(place, digest, size_bytes):
                        folder.remove(part)
                        self._places[place] = None
                        return
                    self._folder.announce([(place, digest, size_bytes)])
                    folder.rename(part, name, may_replace=self._folder.may_replace(place))
                except BaseException:
                    folder.remove(part)
                    raise
        except OSError as error:
            self._refused(error, place)
        else:
            self._wrote(place)

    def _wrote(self, place: str) -> None:
        self._places[place] = None
        self.written += 1

    def _has(self, place: str, digest: str, size_bytes: int) -> bool:
        with self._folder.files.reading(place) as existing:
            return (
                existing is not None
                and os.fstat(existing.fileno()).st_size == size_bytes
                and sha256_of(existing) == digest
            )

    def _make_folders(self, place: str) -> None:
        """Make the folders of a file, which nobody else may enter."""
        above = ""
        for name in place.split("/")[:-1]:
            with self._folder.files.folder(above) as folder, folder.naming(name), suppress(FileExistsError):
                os.mkdir(name, mode=_FOLDER_MODE, dir_fd=folder.descriptor)
            above = f"{above}/{name}" if above else name

    def _refused(self, error: OSError, place: str) -> None:
        unwritten = UnwrittenFile(error, Path(self._folder.path / place))
        if unwritten.is_of_the_disk:
            raise unwritten from error
        self._faults.add(unwritten)

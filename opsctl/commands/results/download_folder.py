"""The folder that `results` writes into: it replaces only what it wrote there itself, and follows no links."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from opsctl.aws.s3.partial_file import sha256_of
from opsctl.core.results.written_files import HEADER, PREFIX, WrittenFiles, file_line
from opsctl.open_folder import InTheWay, MayReplace
from opsctl.safe_folder import SHARED_MODE, SafeFolder

#: A list is read into memory: a million files of one's own, 100,000 of others.
_MOST_OWN_BYTES = 256_000_000
_MOST_FOREIGN_BYTES = 16_000_000
#: Only its owner may add to a list, because opsctl believes it.
_LIST_MODE = 0o644


class DownloadFolder:
    """A folder, and what opsctl wrote into it.

    Parameters
    ----------
    path
        The folder; it is made.

    Raises
    ------
    OSError
        If it cannot be made or opened.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.files = SafeFolder(path)
        self._list_name = f"{PREFIX}{os.geteuid()}"
        try:
            self._lists = dict(self._read_lists())
        except BaseException:
            self.files.__exit__(None, None, None)
            raise
        self._own = self._lists.setdefault(os.geteuid(), WrittenFiles())

    def __enter__(self) -> DownloadFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.files.__exit__(kind, error, trace)

    def may_replace(self, place: str) -> MayReplace:
        """Whether a file in this place is one that opsctl wrote and nobody has changed since."""

        def is_own(existing: BinaryIO) -> bool:
            status = os.fstat(existing.fileno())
            written = self._lists.get(status.st_uid)
            return (
                written is not None
                and written.may_have(place, status.st_size)
                and written.has(place, sha256_of(existing), status.st_size)
            )

        return is_own

    def announce(self, files: Iterable[tuple[str, str, int]]) -> None:
        """Note files before they are written.

        Parameters
        ----------
        files
            Place, SHA-256 and size in bytes of each.

        Raises
        ------
        OSError
            If the list cannot be written, or its place is taken by something else.
        """
        text = self._own.added(file_line(*file) for file in files)
        with self.files.folder() as folder:
            existing = folder.read(self._list_name)
            if existing is None:
                text = HEADER + text
            else:
                with existing:
                    beginning = existing.read(len(HEADER))
                if not HEADER.encode().startswith(beginning):
                    what = "it is no list of the files that opsctl wrote"
                    raise InTheWay(errno.EEXIST, what, str(folder.path / self._list_name))
                # On a full disk the header itself may have been cut off.
                text = HEADER[len(beginning) :] + text
            if text:
                folder.append(self._list_name, text.encode(), mode=_LIST_MODE)

    def write(self, texts: Mapping[str, str]) -> dict[str, OSError]:
        """Write texts, each whole; what cannot be written stops no other one.

        Parameters
        ----------
        texts
            By place.

        Returns
        -------
        dict
            Why a text could not be written, by place.
        """
        contents = {place: text.encode(errors="replace") for place, text in texts.items()}
        self.announce((place, sha256(content).hexdigest(), len(content)) for place, content in contents.items())
        faults = {}
        for place, content in contents.items():
            try:
                with self.files.reading(place) as existing:
                    if existing is not None and _has_content(existing, content):
                        continue
                self.files.write(place, content, mode=SHARED_MODE, may_replace=self.may_replace(place))
            except OSError as error:
                faults[place] = error
        return faults

    def remove(self, place: str) -> None:
        """Remove a file that opsctl wrote; any other one stays."""
        with suppress(InTheWay), self.files.reading(place) as existing:
            if existing is not None and self.may_replace(place)(existing):
                with self.files.folder_of(place) as (folder, name):
                    folder.remove(name)

    def _read_lists(self) -> Iterable[tuple[int, WrittenFiles]]:
        with self.files.folder() as folder:
            for name in self.files.names():
                if not name.startswith(PREFIX):
                    continue
                try:
                    existing = folder.read(name)
                except OSError:
                    continue
                if existing is None:
                    continue
                with existing:
                    status = os.fstat(existing.fileno())
                    is_own = status.st_uid == os.geteuid()
                    most_bytes = _MOST_OWN_BYTES if is_own else _MOST_FOREIGN_BYTES
                    if status.st_size <= most_bytes:
                        yield status.st_uid, WrittenFiles(existing.read(status.st_size).decode(errors="replace"))


def _has_content(existing: BinaryIO, content: bytes) -> bool:
    return os.fstat(existing.fileno()).st_size == len(content) and existing.read(len(content) + 1) == content

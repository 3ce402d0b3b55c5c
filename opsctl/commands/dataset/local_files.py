"""The files of a local dataset: those to send, how many were left out, and those that cannot be read."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from opsctl.core.dataset.annexed import POINTER_BYTES, is_annex_link, is_annex_pointer
from opsctl.core.dataset.upload_selection import HIDDEN, LEFT_OUT_FOLDERS, UploadSelection

#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
_MOST_KEY_BYTES = 1024
_SPECIAL = ((stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))


@dataclass(frozen=True, kw_only=True)
class FileFault:
    """Why one file was not sent.

    Attributes
    ----------
    path
        From the dataset's folder, with `/`.
    reason
        A sentence without its subject and its full stop: `is a pipe`.
    """

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class LocalFiles:
    """What a folder holds.

    Attributes
    ----------
    sizes
        Of the files to send, in bytes, by their paths from the folder, in the order of the names.
    left_out
        How many files were left out, by group (`UploadSelection.left_out`). Hidden folders count as one each.
    faults
        The files that cannot be sent, without those in `annexed`.
    annexed
        The files that git-annex or DataLad has not fetched.
    """

    sizes: Mapping[str, int]
    left_out: Mapping[str, int]
    faults: Sequence[FileFault]
    annexed: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """What `scans` and `check` print of the files that cannot be used."""
        return {"failed": [asdict(fault) for fault in self.faults], "not_fetched": list(self.annexed)}


def local_files(folder: Path, selection: UploadSelection, *, key_prefix: str) -> LocalFiles:
    """Look at every file below a folder, through symbolic links too: many labs lay out a dataset with them.

    Parameters
    ----------
    key_prefix
        What stands before a path in a file's key on S3.
    """
    walk = _Walk(selection, key_prefix)
    above = [_identity(parent.stat()) for parent in (folder.resolve(), *folder.resolve().parents)]
    walk.look(str(folder), "", frozenset(above))
    return LocalFiles(sizes=walk.sizes, left_out=walk.left_out, faults=walk.faults, annexed=walk.annexed)


class _Walk:
    def __init__(self, selection: UploadSelection, key_prefix: str) -> None:
        self._selection = selection
        self._key_prefix = key_prefix
        self.sizes: dict[str, int] = {}
        self.left_out: Counter[str] = Counter()
        self.faults: list[FileFault] = []
        self.annexed: list[str] = []

    def look(self, folder: str, prefix: str, above: frozenset[tuple[int, int]]) -> None:
        """Look at one folder and those below it.

        Parameters
        ----------
        prefix
            The folder's path from the dataset's, with a `/` at its end.
        above
            The folder and those that hold it.
        """
        try:
            with os.scandir(folder) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            self._add_fault(prefix.rstrip("/") or ".", f"cannot be read ({error.strerror})")
            return
        for entry in entries:
            path = f"{prefix}{entry.name}"
            if entry.name.startswith(".") and entry.is_dir() and not self._selection.may_enter(path):
                self.left_out[HIDDEN] += 1
            elif prefix.partition("/")[0] in LEFT_OUT_FOLDERS and self._is_uninteresting(entry, path):
                self._count(entry, path)
            else:
                self._look_at(entry, path, above)

    def _is_uninteresting(self, entry: os.DirEntry[str], path: str) -> bool:
        """Whether all of it is left out: then its faults and its links do not matter."""
        if entry.is_dir(follow_symlinks=False):
            return not self._selection.include
        return bool(self._selection.left_out(path))

    def _count(self, entry: os.DirEntry[str], path: str) -> None:
        if not entry.is_dir(follow_symlinks=False):
            self.left_out[self._selection.left_out(path)] += 1
            return
        for base, _, names in os.walk(entry.path):
            inner = base[len(entry.path) :]
            for name in names:
                self.left_out[self._selection.left_out(f"{path}{inner}/{name}")] += 1

    def _look_at(self, entry: os.DirEntry[str], path: str, above: frozenset[tuple[int, int]]) -> None:
        try:
            status = entry.stat()
        except OSError as error:
            if group := self._selection.left_out(path):
                self.left_out[group] += 1
            else:
                self._add_broken(entry, path, error)
            return
        if stat.S_ISDIR(status.st_mode):
            identity = _identity(status)
            if identity in above:
                if not self._selection.left_out(path):
                    self._add_fault(path, "is a link to a folder that holds it, so it has no end")
                return
            self.look(entry.path, f"{path}/", above | {identity})
        elif group := self._selection.left_out(path):
            self.left_out[group] += 1
        elif not stat.S_ISREG(status.st_mode):
            # A pipe would be waited for, and a device has no end.
            kind = next((name for is_kind, name in _SPECIAL if is_kind(status.st_mode)), "a device")
            self._add_fault(path, f"is {kind}, not a file")
        elif fault := _key_fault(f"{self._key_prefix}{path}"):
            self._add_fault(path, fault)
        elif status.st_size <= POINTER_BYTES and _is_pointer(entry.path):
            self.annexed.append(path)
        else:
            self.sizes[path] = status.st_size

    def _add_broken(self, entry: os.DirEntry[str], path: str, error: OSError) -> None:
        target = str(Path(entry.path).readlink()) if entry.is_symlink() else ""
        if isinstance(error, FileNotFoundError) and is_annex_link(target):
            self.annexed.append(path)
        elif isinstance(error, FileNotFoundError) and target:
            self._add_fault(path, f"is a link to {target}, which does not exist")
        else:
            self._add_fault(path, f"cannot be read ({error.strerror})")

    def _add_fault(self, path: str, reason: str) -> None:
        self.faults.append(FileFault(path=path, reason=reason))


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _key_fault(key: str) -> str:
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return "has a name that is not UTF-8, which S3 does not take"
    return f"has a key of {size:,} bytes; S3 takes {_MOST_KEY_BYTES:,}" if size > _MOST_KEY_BYTES else ""


def _is_pointer(path: str) -> bool:
    """Whether a small file is git-annex's pointer; one that cannot be read is found when it is sent."""
    try:
        # Several times as fast as a Python file.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return is_annex_pointer(os.read(descriptor, POINTER_BYTES + 1))
    except OSError:
        return False
    finally:
        os.close(descriptor)

"""The digest of a folder's files: a result's is a listing's where the folder holds its files and no other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Set
from itertools import islice
from operator import eq

#: Of longer pieces Python computes a digest without the interpreter's lock: of 50 files that takes 15 microseconds, and
#: several times as long until a thread among others that compute has the lock again.
_PIECE_BYTES = 2_000


def files_digest(lines: Iterable[str]) -> str:
    """The digest of files in any order, each once; empty for none.

    Parameters
    ----------
    lines
        Of each the path in the folder, the size in bytes and the etag, each with a line end. Whoever asks makes them,
        without a call for each of a million files.
    """
    # Those of a listing, and of most results, are in order: sorting them takes no time, a set of them would lose it.
    ordered = sorted(lines)
    if any(map(eq, ordered, islice(ordered, 1, None))):
        ordered = sorted(set(ordered))
    if not ordered:
        return ""
    text = "".join(ordered).encode()
    digest = hashlib.blake2b(digest_size=16)
    for start in range(0, len(text), _PIECE_BYTES):
        digest.update(text[start : start + _PIECE_BYTES])
    return digest.hexdigest()


class FolderDigests:
    """The digests of scans' folders, from a listing in S3's order; 1,000,000 files take no memory.

    Parameters
    ----------
    prefix
        Of the keys below the derivatives folder; it ends with `/`.
    scans
        The names of the scans whose folders are wanted.

    Attributes
    ----------
    by_scan
        The digest of each folder that has a file, by the scan's name.
    elsewhere
        The keys below `sub-*` that are in no folder of these scans.
    """

    def __init__(self, prefix: str, scans: Set[str]) -> None:
        self._prefix = prefix
        self._scans = scans
        self.by_scan: dict[str, str] = {}
        self.elsewhere: list[str] = []

    def add(self, entries: Iterable[tuple[str, str, str, str, str]]) -> None:
        """Add the files of whole folders; a folder comes in one call, without others in between.

        Parameters
        ----------
        entries
            Key, etag and size in bytes of each, as a listing has them, and what else it says.
        """
        folder, scan, start = "", "", 0
        lines: list[str] = []
        for key, etag, size_bytes, _, _ in entries:
            if not folder or not key.startswith(folder):
                self._close(scan, lines)
                scan, lines = self._scan_of(key), []
                folder = f"{self._prefix}{scan}/" if scan else ""
                start = len(folder)
            if scan:
                lines.append(f"{key[start:]}\n{size_bytes}\n{etag}\n")
            elif key.startswith(f"{self._prefix}sub-"):
                self.elsewhere.append(key)
        self._close(scan, lines)

    def _close(self, scan: str, lines: list[str]) -> None:
        if lines:
            self.by_scan[scan] = files_digest(lines)

    def _scan_of(self, key: str) -> str:
        """The outermost folder of a key that is a scan's; empty where none is."""
        path = key[len(self._prefix) :]
        end = path.find("/")
        while end >= 0:
            if path[:end] in self._scans:
                return path[:end]
            end = path.find("/", end + 1)
        return ""

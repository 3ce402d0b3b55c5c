"""The hidden file in which a download collects its bytes, and the check of a file's bytes."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from threading import Event
from types import TracebackType
from typing import BinaryIO

from opsctl.core.errors import Interrupted
from opsctl.core.runs.result import OutputFile
from opsctl.open_folder import MayReplace, OpenFolder, write_all
from opsctl.safe_folder import SHARED_MODE

_WAIT_SECONDS = 0.1
#: A process that has a file and receives nothing for this long is stopped, or its network is: it is waited for no more.
_STALLED_SECONDS = 10.0
_BLOCK_BYTES = 256 * 1024
#: A file system without locks, as on some clusters.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


def part_name(name: str) -> str:
    """The name under which a file's bytes are collected: as long for every name, and no name of the user's."""
    return f".opsctl-{hashlib.sha256(name.encode(errors='surrogateescape')).hexdigest()[:16]}.part"


class PartialFile:
    """A hidden file in the folder of a target, which collects its bytes; one process at a time has it.

    Where the process that has it does not go on, the bytes are collected in a file of this process alone.

    Parameters
    ----------
    folder, name
        The target.
    stop
        Ends the wait for another process.
    """

    def __init__(self, folder: OpenFolder, name: str, *, stop: Event) -> None:
        self.file: BinaryIO
        self._folder = folder
        self._target = name
        self._name = part_name(name)
        self._stop = stop
        self._is_shared = True
        self._is_finished = False

    def __enter__(self) -> PartialFile:
        stalled_seconds, seen_bytes = 0.0, -1
        with self._folder.naming(self._target):
            while (file := self._folder.open_own(self._name, mode=SHARED_MODE)) is not None:
                self.file = file
                try:
                    if self._is_locked():
                        return self
                except OSError as error:
                    file.close()
                    if error.errno not in _NO_LOCKS:
                        raise
                    break
                size_bytes = self.size_bytes
                file.close()
                stalled_seconds = stalled_seconds + _WAIT_SECONDS if size_bytes == seen_bytes else 0.0
                seen_bytes = size_bytes
                if stalled_seconds > _STALLED_SECONDS:
                    break
                if self._stop.wait(_WAIT_SECONDS):
                    raise Interrupted("Stopped.")
            # Use a file of this process alone, which continues no earlier download.
            self._is_shared = False
            self._name = f".opsctl-{os.urandom(8).hex()}.part"
            self.file = self._folder.create(self._name, mode=SHARED_MODE)
        return self

    def _is_locked(self) -> bool:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        # The process that had the lock may have renamed the file: writing would then change the finished file.
        return self._folder.is_same(self._name, self.file)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Keep the received bytes for the next time, except on a full disk.
        is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        is_kept = self._is_shared and self.size_bytes and not is_full
        if not self._is_finished and not is_kept:
            self._folder.remove(self._name)
        self.file.close()

    @property
    def size_bytes(self) -> int:
        """The size of the partial file."""
        return os.fstat(self.file.fileno()).st_size

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes received so far, in hexadecimal."""
        return sha256_of(self.file)

    def truncate(self) -> None:
        """Discard the bytes received so far."""
        self.file.truncate(0)

    def replace(self, content: bytes) -> None:
        """Write the whole file, in place of the bytes received so far."""
        self.truncate()
        self.file.seek(0)
        write_all(self.file.fileno(), content)

    def finish(self, *, may_replace: MayReplace) -> None:
        """Give it the target's name.

        Raises
        ------
        InTheWay
            If something has that name that may not be replaced.
        """
        # Without it the name may reach the disk before the bytes do.
        os.fsync(self.file.fileno())
        self._folder.rename(self._name, self._target, may_replace=may_replace)
        self._is_finished = True

    def discard(self) -> None:
        """Delete it."""
        self._folder.remove(self._name)
        self._is_finished = True


def sha256_of(file: BinaryIO) -> str:
    """The SHA-256 of an open file, in hexadecimal."""
    digest = hashlib.sha256()
    file.seek(0)
    # A read allocates what it asks for: of a small file that takes as long as the digest.
    block_bytes = min(_BLOCK_BYTES, os.fstat(file.fileno()).st_size + 1)
    while block := file.read(block_bytes):
        digest.update(block)
    return digest.hexdigest()


def is_complete(existing: BinaryIO, file: OutputFile) -> bool:
    """Whether an open file has the published size and SHA-256."""
    return os.fstat(existing.fileno()).st_size == file.size_bytes and sha256_of(existing) == file.sha256

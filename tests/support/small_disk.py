"""A file system of a few megabytes, which a test can fill up and free again."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    """A mounted file system.

    Attributes
    ----------
    path
        Where it is mounted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / ".filler"

    def fill(self, *, but_bytes: int = 0) -> None:
        """Leave only so much room, in whole pages; earlier filling counts as room."""
        self.free()
        with self._filler.open("wb") as file:
            while not self._take(file.fileno(), but_bytes):
                pass

    def _take(self, filler: int, but_bytes: int) -> bool:
        statistics = os.statvfs(self.path)
        size_bytes = statistics.f_bavail * statistics.f_frsize - but_bytes
        try:
            if size_bytes > 0:
                os.posix_fallocate(filler, 0, size_bytes)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            # Another process took some of it meanwhile.
            return False
        return True

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(path: Path, *, size_mb: int) -> Iterator[SmallDisk]:
    """Mount a file system in memory at a new folder while the block lasts; without the right to, skip the test."""
    path.mkdir(mode=0o700)
    options = f"size={size_mb}m,mode=0700"
    try:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True, check=False
        )
    except OSError:
        pytest.skip("this machine has no `mount`")
    if mounted.returncode:
        pytest.skip("only root may mount a file system")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)

"""Reads a small file of this machine that somebody else may have put there, or put a link there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "it is a folder",
    stat.S_IFIFO: "it is a pipe",
    stat.S_IFSOCK: "it is a socket",
    stat.S_IFCHR: "it is a device",
    stat.S_IFBLK: "it is a device",
}


def read_small(path: Path, *, at_most: int) -> bytes:
    """Read a regular file, or a link to one.

    Parameters
    ----------
    at_most
        The largest size in bytes.

    Raises
    ------
    OSError
        The file is missing, of another kind, larger, or cannot be read. `strerror` is a phrase that says so.
    """
    # Opening a pipe would wait for its other end; reading a device may never end.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if os.path.samestat(status, Path(os.devnull).stat()):
            # The usual name of an empty file.
            return b""
        if kind := _KINDS.get(stat.S_IFMT(status.st_mode)):
            raise OSError(errno.EINVAL, kind, str(path))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(at_most + 1)
    finally:
        os.close(descriptor)
    if len(content) > at_most:
        raise OSError(errno.EFBIG, f"it has more than {at_most:,} bytes", str(path))
    return content

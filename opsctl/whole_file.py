"""Write a file whole or not at all, also when the power fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def write_whole(path: Path, data: str | bytes, *, mode: int = 0o600) -> None:
    """Write `data` beside `path`, then give it that name: neither a reader nor a power cut finds half of it.

    Parameters
    ----------
    data
        Text is written as UTF-8.
    mode
        The new file's permissions, less the umask; by default only its owner may read it.

    Raises
    ------
    OSError
        With `path` as its file name, when the disk or the permissions refuse it; an earlier file stays as it was.
    """
    # Several processes and threads may write the same file at once: each has its own part.
    partial = path.with_name(f".{path.name}.{os.urandom(4).hex()}.part")
    content = data.encode() if isinstance(data, str) else data
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                # Without it the new name may reach the disk before the bytes do.
                os.fsync(descriptor)
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        error.filename = str(path)
        raise


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder to the disk: a new file's or folder's name is not part of the file itself.

    Nothing happens where a folder cannot be synced: on some network file systems, and where it may not be read.

    Raises
    ------
    OSError
        When the disk fails.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        # As PostgreSQL's fsync_fname_ext does.
        if error.errno not in (errno.EBADF, errno.EINVAL):
            raise
    finally:
        os.close(descriptor)

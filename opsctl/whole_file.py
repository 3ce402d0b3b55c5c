"""Write a file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, data: str | bytes, *, mode: int = 0o600) -> None:
    """Write `data` beside `path`, then give it that name: no reader ever sees half of it.

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
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        error.filename = str(path)
        raise

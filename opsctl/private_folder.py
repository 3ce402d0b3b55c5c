"""Make a folder that exists already the owner's alone, with everything in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from opsctl.core.errors import ErrorCode, Problem
from opsctl.user_path import user_path

_OTHERS = 0o077


def make_private(folder: Path) -> str:
    """Take the rights of other users of the machine from a folder and all that is in it.

    Links in it are left alone; the folder itself may be one. What is in a private folder is out of the others' reach
    whatever its own mode is, so nothing is done where the folder is private.

    Parameters
    ----------
    folder
        It need not exist.

    Returns
    -------
    str
        A sentence about what was changed; empty if nothing was.

    Raises
    ------
    Problem
        When the folder, or something in it, belongs to another user, or when it is the home folder or one of
        everybody's: what else is in it must keep its rights.
    """
    try:
        facts = folder.stat()
    except OSError:
        # It does not exist, or whoever wants to use it will say why not.
        return ""
    root = folder.resolve()
    if facts.st_mode & stat.S_ISVTX or root in (Path(root.anchor), user_path("~").resolve()):
        raise Problem(
            f"{folder} holds more than opsctl's files, which must be yours alone.",
            f"Set OPSCTL_HOME to a folder of its own, such as {root / 'opsctl-home'}.",
            code=ErrorCode.FILE_UNREADABLE,
        )
    _ensure_own(folder, facts)
    if not _is_open(facts) or not stat.S_ISDIR(facts.st_mode):
        return ""
    failures = sum(not _close(path) for path in (root, *_all_below(root)))
    if failures:
        return f"Other users of this machine may read or change files in {folder}: its file system keeps their rights."
    return f"Other users of this machine could read or change files in {folder}. Now only you can."


def _ensure_own(path: Path, facts: os.stat_result) -> None:
    if facts.st_uid != os.geteuid():
        raise Problem(
            f"{path} belongs to another user of this machine (number {facts.st_uid}), who could change opsctl's files.",
            "Set OPSCTL_HOME to a folder of yours.",
            code=ErrorCode.FILE_UNREADABLE,
        )


def _is_open(facts: os.stat_result) -> bool:
    return bool(facts.st_mode & _OTHERS)


def _all_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent) / name for name in (*folders, *files))


def _close(path: Path) -> bool:
    """Take the others' rights from a file or a folder; False: they are still there."""
    try:
        facts = path.lstat()
        _ensure_own(path, facts)
        if stat.S_ISLNK(facts.st_mode) or not _is_open(facts):
            return True
        path.chmod(stat.S_IMODE(facts.st_mode) & ~_OTHERS)
        return not _is_open(path.lstat())
    except FileNotFoundError:
        return True
    except OSError:
        return False

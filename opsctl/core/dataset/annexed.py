"""Files that git-annex or DataLad lists in a dataset and has not fetched: links to nowhere, or small pointers."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

#: A pointer, which stands for an unlocked file, is not larger than this in practice: a path and a newline.
POINTER_BYTES = 1024
_POINTER = b"/annex/objects/"
_LINK = ".git/annex/objects/"
#: More paths than this are named by their folders.
_MOST_PATHS = 10


def is_annex_link(target: str) -> bool:
    """Whether a symbolic link leads to where git-annex keeps a file's content."""
    return _LINK in target


def is_annex_pointer(content: bytes) -> bool:
    """Whether a small file is the pointer that git-annex leaves in an unlocked file's place.

    https://git-annex.branchable.com/internals/pointer_file/
    """
    return content.startswith(_POINTER) and len(content) <= POINTER_BYTES


def get_command(folder: str, paths: Sequence[str]) -> str:
    """The command that fetches files that are not there: exactly these, or of many the folders that hold them.

    Parameters
    ----------
    paths
        From the dataset's folder. What DataLad has fetched already it does not fetch again.
    """
    named = sorted(paths)
    depth = max((path.count("/") for path in named), default=0)
    while len(named) > _MOST_PATHS and depth > 0:
        named = sorted({"/".join(path.split("/")[:depth]) for path in named})
        depth -= 1
    return " ".join(["datalad", "get", *(shlex.quote(f"{folder.rstrip('/')}/{path}") for path in named)])

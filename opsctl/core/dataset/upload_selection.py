"""Which files of a local dataset `upload` sends, and why it leaves out the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

#: Folders at a dataset's root that no run reads. `sourcedata` may hold DICOM files, which identify people; runs write
#: their own outputs below `derivatives` in the data bucket.
LEFT_OUT_FOLDERS = ("sourcedata", "code", "derivatives")
#: The one hidden file that belongs to a BIDS dataset.
_BIDSIGNORE = ".bidsignore"

#: The groups of what is left out that are no folder.
HIDDEN, EXCLUDED = "hidden", "excluded"


@dataclass(frozen=True, kw_only=True)
class UploadSelection:
    """Globs that change what is sent.

    A glob without `/` is compared with the name of a file and of each folder above it, one with `/` with the path
    from the dataset's folder. `*` stands for any characters of one name, `**` for any folders. What is compared with a
    folder holds for all that is in it.

    Attributes
    ----------
    include
        Sent although it would be left out by default.
    exclude
        Never sent; it wins over `include`.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def left_out(self, path: str) -> str:
        """The group by which a file is left out: one of `LEFT_OUT_FOLDERS`, `HIDDEN`, `EXCLUDED`; empty: it is sent.

        Parameters
        ----------
        path
            From the dataset's folder, with `/`.
        """
        names = path.split("/")
        if any(_matches(names, glob) for glob in self.exclude):
            return EXCLUDED
        group = _default_group(names)
        return "" if group and any(_matches(names, glob) for glob in self.include) else group

    def may_enter(self, folder: str) -> bool:
        """Whether a hidden folder has to be looked at: `.git` may hold 100,000 files that nobody asks for."""
        names = folder.split("/")
        return bool(self.include) and any(
            _matches(names, glob) or any(part.startswith(".") or part == "**" for part in _parts(glob))
            for glob in self.include
        )


def _default_group(names: Sequence[str]) -> str:
    if len(names) > 1 and names[0] in LEFT_OUT_FOLDERS:
        return names[0]
    is_hidden = any(name.startswith(".") for name in names) and names != [_BIDSIGNORE]
    return HIDDEN if is_hidden else ""


def _parts(glob: str) -> list[str]:
    return [part for part in glob.split("/") if part not in ("", ".")]


def _matches(names: Sequence[str], glob: str) -> bool:
    """Whether a glob fits a path or a folder above it."""
    parts = _parts(glob)
    if not parts:
        return False
    if len(parts) == 1 and "/" not in glob.rstrip("/"):
        return any(fnmatchcase(name, parts[0]) for name in names)
    return _fits(names, parts)


def _fits(names: Sequence[str], parts: Sequence[str]) -> bool:
    if not parts:
        return True
    if parts[0] == "**":
        return any(_fits(names[start:], parts[1:]) for start in range(len(names) + (len(parts) > 1)))
    return bool(names) and fnmatchcase(names[0], parts[0]) and _fits(names[1:], parts[1:])

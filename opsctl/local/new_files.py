"""Files that are written into a folder all or none."""

from __future__ import annotations

from contextlib import suppress

from opsctl.safe_folder import SHARED_MODE, SafeFolder


class NewFiles:
    """The new files of a folder, which are removed again if one of them cannot be written.

    Parameters
    ----------
    root
        The folder. What is in it already is never replaced.
    """

    def __init__(self, root: SafeFolder) -> None:
        self._root = root
        self._places: list[str] = []

    def write(self, place: str, data: bytes) -> None:
        """Write a file that everybody may read.

        Parameters
        ----------
        place
            Its path from the folder, with `/`.

        Raises
        ------
        OSError
            As `SafeFolder.write`.
        """
        self._root.write(place, data, mode=SHARED_MODE)
        self._places.append(place)

    def remove(self) -> None:
        """Remove the files; their folders stay."""
        for place in self._places:
            with suppress(OSError), self._root.folder_of(place) as (folder, name):
                folder.remove(name)

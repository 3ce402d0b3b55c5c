"""Where a file of a result goes below the download folder. A result is foreign text: it may name anything."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from opsctl.core.runs.manifest import Run

#: m2g writes its connectomes as `connectomes_d/ATLAS/….csv` (diffusion) and `connectomes_f/ATLAS.nii.gz/….csv`.
_CONNECTOME = re.compile(r"connectomes_[df]/.+\.csv")
#: Names that Windows has for devices, in every folder and with every ending: a disk of Windows may be mounted.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)


class WrongPlace(ValueError):
    """Why a file of a result is not written: the end of a sentence about it."""


def local_place(run: Run, uri: str, index: int, *, is_connectome: bool) -> str:
    """The path of a file of a scan's outputs below the download folder.

    Parameters
    ----------
    uri
        The file's S3 address, as the result names it.
    index
        Of the scan.

    Returns
    -------
    str
        Begins with the scan's name (`sub-01/ses-1/`); its parts are joined by `/`.

    Raises
    ------
    WrongPlace
        If the file is not one of the scan's outputs, or has a name that m2g never writes.
    """
    place = run.place_of(uri, index)
    # The name of a scan comes from a record, too.
    if place is None or not place.startswith("sub-"):
        raise WrongPlace("it is not one of the scan's outputs")
    # Whatever has no width, changes the direction, or is no character.
    if not place.isprintable():
        raise WrongPlace("its name has invisible characters")
    if not all(map(_is_valid_on_every_disk, place.split("/"))):
        raise WrongPlace("its name is not valid on every disk")
    if is_connectome and not _CONNECTOME.fullmatch(place[len(run.scans[index]) + 1 :]):
        raise WrongPlace("a connectome lies in connectomes_d or connectomes_f and ends with .csv")
    return place


@lru_cache(maxsize=4096)
def _is_valid_on_every_disk(name: str) -> bool:
    return not name.endswith((".", " ")) and not _DEVICE.fullmatch(name)


def colliding(places: Iterable[str]) -> set[int]:
    """Which of some places, by their position, would be the same file as an earlier one on some disk.

    Disks of macOS and Windows do not tell upper and lower case apart, nor two ways to write the same letter.
    """
    seen: set[str] = set()
    positions = set()
    for position, place in enumerate(places):
        if place.isascii():
            name = place.lower()
        else:
            name = unicodedata.normalize("NFC", unicodedata.normalize("NFD", place).casefold())
        if name in seen:
            positions.add(position)
        seen.add(name)
    return positions

"""m2g's product. Exit code 0 proves nothing (the func path ignores C-PAC's), so the files are looked at."""

from __future__ import annotations

import os
from typing import Sequence

from m2g_job.faults import ScanFailed

_PLACES = {"dwi": ("connectomes_d", "_connectome.csv"), "func": ("connectomes_f", "_edgelist.csv")}


def _has_content(path: str) -> bool:
    with open(path, "rb") as stream:
        return any(piece.strip() for piece in iter(lambda: stream.read(65536), b""))


def find(session_dir: str, pipeline: str) -> dict[str, list[str]]:
    """The connectomes that are not empty, by atlas folder.

    Parameters
    ----------
    session_dir
        `OUTPUT_DIR/sub-X/ses-Y`.
    pipeline
        `dwi` or `func`.

    Returns
    -------
    dict
        Every atlas folder's name, with its connectomes' paths; a folder without any has an empty list.
    """
    folder, ending = _PLACES[pipeline]
    top = os.path.join(session_dir, folder)
    found: dict[str, list[str]] = {}
    for atlas in sorted(os.listdir(top)) if os.path.isdir(top) else []:
        atlas_dir = os.path.join(top, atlas)
        if os.path.isdir(atlas_dir):
            paths = [os.path.join(atlas_dir, name) for name in sorted(os.listdir(atlas_dir)) if name.endswith(ending)]
            found[atlas] = [path for path in paths if os.path.isfile(path) and _has_content(path)]
    return found


def verify(session_dir: str, pipeline: str, parcellation: Sequence[str]) -> list[str]:
    """The paths of all connectomes, where the scan has those that were asked for.

    Parameters
    ----------
    session_dir, pipeline
        As for `find`.
    parcellation
        Names that atlas folders' names must contain, case-sensitively as m2g matches them; none: any one will do.

    Raises
    ------
    ScanFailed
        With what is missing.
    """
    found = find(session_dir, pipeline)
    paths = [path for atlas in sorted(found) for path in found[atlas]]
    if not paths:
        raise ScanFailed("m2g ended with exit code 0 and left no connectome that is not empty")
    missing = [name for name in parcellation if not any(name in atlas and found[atlas] for atlas in found)]
    if missing:
        raise ScanFailed(
            "m2g ended with exit code 0 and left no connectome for {}; there is {}".format(
                ", ".join(missing), ", ".join(atlas for atlas in sorted(found) if found[atlas])
            )
        )
    return paths

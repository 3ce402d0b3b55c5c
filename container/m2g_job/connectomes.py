"""m2g's connectomes. Exit code 0 proves nothing (the func pipeline ignores C-PAC's), so the files are checked."""

from __future__ import annotations

import os
from typing import Sequence

from m2g_job import causes
from m2g_job.faults import ScanFailed

_FOLDERS_AND_ENDINGS = {"dwi": ("connectomes_d", "_connectome.csv"), "func": ("connectomes_f", "_edgelist.csv")}


def _has_content(path: str) -> bool:
    with open(path, "rb") as stream:
        return any(block.strip() for block in iter(lambda: stream.read(65536), b""))


def find(session_dir: str, pipeline: str) -> dict[str, list[str]]:
    """The connectomes that are not empty, by atlas.

    Parameters
    ----------
    session_dir
        `OUTPUT_DIR/sub-X/ses-Y`.
    pipeline
        `dwi` or `func`.

    Returns
    -------
    dict
        The name of every atlas folder, with the paths of its connectomes; an empty list where it has none.
    """
    folder, ending = _FOLDERS_AND_ENDINGS[pipeline]
    top = os.path.join(session_dir, folder)
    connectomes: dict[str, list[str]] = {}
    for atlas in sorted(os.listdir(top)) if os.path.isdir(top) else []:
        atlas_dir = os.path.join(top, atlas)
        if os.path.isdir(atlas_dir):
            paths = [os.path.join(atlas_dir, name) for name in sorted(os.listdir(atlas_dir)) if name.endswith(ending)]
            connectomes[atlas] = [path for path in paths if os.path.isfile(path) and _has_content(path)]
    return connectomes


def verify(session_dir: str, pipeline: str, parcellation: Sequence[str]) -> list[str]:
    """Check that the scan has the connectomes that were asked for; return the paths of all.

    Parameters
    ----------
    session_dir, pipeline
        As for `find`.
    parcellation
        Each name must be part of an atlas folder's name, with its case, as m2g matches them. Empty: any connectome will
        do.

    Raises
    ------
    ScanFailed
        A connectome is missing.
    """
    connectomes = find(session_dir, pipeline)
    paths = [path for atlas in sorted(connectomes) for path in connectomes[atlas]]
    if not paths:
        raise ScanFailed("m2g ended with exit code 0 and left no connectome that is not empty", causes.NO_CONNECTOME)
    missing = [name for name in parcellation if not any(name in atlas and connectomes[atlas] for atlas in connectomes)]
    if missing:
        raise ScanFailed(
            "m2g ended with exit code 0 and left no connectome for {}; there is {}".format(
                ", ".join(missing), ", ".join(atlas for atlas in sorted(connectomes) if connectomes[atlas])
            ),
            causes.PARCELLATION_MISSING,
            parcellation=", ".join(missing),
        )
    return paths

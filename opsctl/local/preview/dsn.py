"""`--space native_dsn`: m2g's normalization of streamlines, which the preview does not compute."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import volumes
from .folders import DwiFolders
from .m2g_error import M2gError
from .pictures import draw_slices
from .progress import ProgressLog


def normalize(
    streamlines: Path,
    fa: volumes.Floats,
    affine: NDArray[np.float64],
    folders: DwiFolders,
    *,
    title: str,
    log: ProgressLog,
) -> None:
    """Leave m2g's three pictures and its file of streamlines, which are the scan's own, unchanged.

    Raises
    ------
    M2gError
        The folder of the pictures is missing: m2g 0.3.0 does not make it (m2g/register.py).
    """
    log.write("Generating simple tensor FA image to use for registrations...")
    volumes.save(folders.preproc / "tensor_fa.nii.gz", fa, affine)
    log.write("Running DSN...")
    folder = folders.top / "tmp"
    with log.timed("direct_streamline_norm"):
        log.call("wm_syn", output=folder)
        for plane in ("sagittal", "coronal", "axial"):
            path = folder / f"transformed_{plane}.png"
            if not folder.is_dir():
                raise M2gError("FileNotFoundError", f"[Errno 2] No such file or directory: '{path}'")
            draw_slices(path, fa, np.zeros_like(fa), title=f"{title}, {path.stem}: FA; the preview normalizes nothing")
        normalized = streamlines.with_name("streamlines_dsn.trk")
        shutil.copyfile(streamlines, normalized)
    log.write(f"Saving DSN-registered streamlines: {normalized}")

"""m2g's output folders of one scan."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from opsctl.core.atlases.atlas import Atlas

from .progress import ProgressLog

_DWI_FOLDERS = (
    "anat_d/preproc", "anat_d/registered", "dwi/fiber", "dwi/preproc", "dwi/tensor",
    "qa_d/adjacency", "qa_d/fibers", "qa_d/graphs", "qa_d/graphs_plotting", "qa_d/mri", "qa_d/reg", "qa_d/skull_strip",
    "qa_d/tensor", "tmp_d/reg_a", "tmp_d/reg_m",
)  # fmt: skip


class DwiFolders:
    """Where the files of a scan's diffusion pipeline go; the folders are created.

    Parameters
    ----------
    top
        `OUTPUT_DIR/sub-X/ses-Y`.
    """

    def __init__(self, top: Path) -> None:
        self.top = top
        for name in _DWI_FOLDERS:
            (top / name).mkdir(parents=True, exist_ok=True)
        self.anat, self.registered = top / "anat_d/preproc", top / "anat_d/registered"
        self.fiber, self.preproc = top / "dwi/fiber", top / "dwi/preproc"
        self.qa_reg, self.qa_graphs = top / "qa_d/reg", top / "qa_d/graphs_plotting"
        self.qa_skull = top / "qa_d/skull_strip"
        self.reg_a, self.reg_m = top / "tmp_d/reg_a", top / "tmp_d/reg_m"

    def connectomes(self, stem: str, atlases: Sequence[Atlas], voxel_size: str) -> list[Path]:
        """Return each atlas's connectome, with its folder created."""
        paths = []
        for atlas in atlases:
            name = atlas.folder(voxel_size)
            paths.append(self.top / "connectomes_d" / name / f"{stem}_{name}_connectome.csv")
            paths[-1].parent.mkdir(parents=True, exist_ok=True)
        return paths


def empty(folder: Path, log: ProgressLog) -> None:
    """Remove a folder's files, as m2g does before it makes them again."""
    log.write(f"Previous directory found at {folder}. Removing.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

"""The eddy correction and registration of a finished scan, from which m2g makes connectomes of other atlases.

The lists are the runner's (container/m2g_job/reuse.py says what m2g does with the files).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from opsctl.core.runs.result import Result

#: What m2g reads in place of making it anew, relative to the scan's outputs.
REGISTRATION = (
    "dwi/preproc/eddy_corrected_data.nii.gz",
    "anat_d/preproc/t1w_brain.nii.gz",
    "anat_d/preproc/t1w_aligned_mni.nii.gz",
    "anat_d/registered/t1w_in_dwi.nii.gz",
    "anat_d/registered/t1w_wm_gm_int_in_dwi.nii.gz",
    "anat_d/registered/t1w_corpuscallosum_dwi.nii.gz",
    "anat_d/registered/t1w_gm_in_dwi.nii.gz",
    "anat_d/registered/t1w_wm_in_dwi.nii.gz",
    "tmp_d/reg_a/mni2t1w_warp.nii.gz",
    "tmp_d/reg_a/t1w_vent_csf_in_dwi.nii.gz",
    "tmp_d/reg_m/t1wtissue2dwi_xfm.mat",
)
#: The same, at the run's voxel size: all four with the same one of the endings.
TISSUES = (
    "anat_d/preproc/t1w_brain",
    "anat_d/preproc/t1w_seg_pve_0",
    "anat_d/preproc/t1w_seg_pve_1",
    "anat_d/preproc/t1w_seg_pve_2",
)
ENDINGS = ("_nores.nii.gz", "_res.nii.gz")
#: Pictures of these steps: m2g does not draw them again, and a result without them could not be judged.
_PICTURES = ("qa_d/skull_strip/", "qa_d/reg/t1w_", "qa_d/reg/qa_fast.png")


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrationFile:
    """One file of the earlier outputs.

    Attributes
    ----------
    path
        Relative to the scan's outputs.
    sha256
        Hexadecimal.
    """

    path: str
    size_bytes: int
    sha256: str
    etag: str


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What a finished scan has that another job of the same inputs may build on.

    Attributes
    ----------
    run_id
        The run that made it.
    base
        The S3 address of the scan's outputs.
    """

    run_id: str
    base: str
    files: tuple[RegistrationFile, ...]

    def as_json(self) -> dict[str, Any]:
        """The block `reuse` of a scan's JSON."""
        return {"run_id": self.run_id, "base": self.base, "files": [asdict(file) for file in self.files]}


def registration_of(result: Result, *, run_id: str, base: str) -> Registration | None:
    """What a succeeded result has to be reused; None where a file is missing that m2g would make anew.

    Parameters
    ----------
    result
        With its list of files.
    base
        The S3 address of the scan's outputs.
    """
    files = {file.uri.removeprefix(f"{base}/"): file for file in result.files}
    needed = _needed(files)
    if needed is None:
        return None
    pictures = [path for path in files if path.startswith(_PICTURES)]
    return Registration(
        run_id=run_id,
        base=base,
        files=tuple(
            RegistrationFile(
                path=path, size_bytes=files[path].size_bytes, sha256=files[path].sha256, etag=files[path].etag
            )
            for path in (*needed, *sorted(pictures))
        ),
    )


def _needed(paths: Collection[str]) -> tuple[str, ...] | None:
    for ending in ENDINGS:
        needed = (*REGISTRATION, *(tissue + ending for tissue in TISSUES))
        if all(path in paths for path in needed):
            return needed
    return None

"""Stages the eddy correction and the registration of a finished scan, so that m2g makes connectomes of other atlases.

With `--skipeddy --skipreg` m2g (0.3.0: `m2g_dwi_pipeline.py`, `register.py`) looks for the files of each step in its
output folder, and repeats without a word each step of which a file is missing. So a job that reuses must have them all.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import Any, Sequence

from m2g_job import causes, record
from m2g_job.faults import S3Missing, S3Refused, TransientFault, WrongInput
from m2g_job.s3 import S3
from m2g_job.stop import StopRequest

#: What m2g reads in place of making it anew, relative to a session's folder; opsctl has the same list.
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
#: The same, at the run's voxel size. m2g appends `_nores` or `_res` to all four: `_res` where it had to resample the
#: skull-stripped T1w.
TISSUES = (
    "anat_d/preproc/t1w_brain",
    "anat_d/preproc/t1w_seg_pve_0",
    "anat_d/preproc/t1w_seg_pve_1",
    "anat_d/preproc/t1w_seg_pve_2",
)
ENDINGS = ("_nores.nii.gz", "_res.nii.gz")

#: m2g hands paths to a shell.
_PATH = re.compile(r"[A-Za-z0-9_+=-][A-Za-z0-9._+=-]*(?:/[A-Za-z0-9_+=-][A-Za-z0-9._+=-]*)*")
_FLAGS = ("--skipeddy", "--skipreg")
_BLOCK_BYTES = 1024 * 1024
#: Before each further download; 0: there is none.
_PAUSES_SECONDS = (1.0, 4.0, 0.0)


@dataclass(frozen=True)
class ReusedFile:
    """A file of the earlier outputs.

    Attributes
    ----------
    path
        Relative to the session's folder, there and here.
    sha256
        Hexadecimal, as the earlier result has it.
    """

    uri: str
    path: str
    size_bytes: int
    sha256: str
    etag: str


@dataclass(frozen=True)
class Reuse:
    """The outputs that a scan's job builds on.

    Attributes
    ----------
    run_id
        The run that made them.
    base
        The URI of the earlier scan's outputs.
    """

    run_id: str
    base: str
    files: tuple[ReusedFile, ...]

    def as_json(self) -> dict[str, Any]:
        """The block of the scan's JSON and of the provenance."""
        return {
            "run_id": self.run_id,
            "base": self.base,
            "files": [
                {"path": file.path, "size_bytes": file.size_bytes, "sha256": file.sha256, "etag": file.etag}
                for file in self.files
            ],
        }


def parse(raw: Any, *, argv: Sequence[str], bucket: str) -> Reuse | None:
    """Parse the block `reuse` of a scan's JSON; None where the scan reuses nothing.

    Raises
    ------
    WrongInput
        The block and m2g's flags contradict each other, a needed file is not in it, or it leads elsewhere than into a
        derivative of the data bucket.
    KeyError, Unreadable
        The block is damaged.
    """
    flags = [flag for flag in _FLAGS if flag in argv]
    if raw is None and not flags:
        return None
    if raw is None or len(flags) < len(_FLAGS):
        raise WrongInput(
            f"m2g's flags and the block `reuse` contradict each other: {' '.join(flags) or 'no flag'}",
            causes.SCAN_RECORD_INVALID,
        )
    raw = record.mapping(raw)
    base = record.text(raw["base"], record.URI)
    if not record.output_scan(base, bucket):
        raise WrongInput(
            f"what is reused is not in a derivative of the data bucket: {base}", causes.SCAN_RECORD_INVALID
        )
    files = tuple(_file(base, record.mapping(entry)) for entry in record.items(raw["files"]))
    missing = missing_files([file.path for file in files])
    if missing:
        raise WrongInput(
            f"the earlier outputs lack {missing[0]}: m2g would register again",
            causes.REUSE_INCOMPLETE,
            file=f"{base}/{missing[0]}",
            missing=len(missing),
        )
    return Reuse(record.text(raw["run_id"], record.NAME), base, files)


def _file(base: str, entry: dict[str, Any]) -> ReusedFile:
    path = record.text(entry["path"])
    if not _PATH.fullmatch(path):
        raise WrongInput(f"a reused file leads out of the output folder: {path}", causes.SCAN_RECORD_INVALID)
    return ReusedFile(
        f"{base}/{path}",
        path,
        record.whole(entry["size_bytes"], 0, record.LARGEST_OBJECT),
        record.text(entry["sha256"], record.SHA256),
        record.text(entry["etag"]),
    )


def missing_files(paths: Sequence[str]) -> list[str]:
    """What m2g would make anew, given the files of an output folder.

    Of the tissues, all four must have the same ending.
    """
    existing = set(paths)
    missing = [path for path in REGISTRATION if path not in existing]
    by_ending = [[base + ending for base in TISSUES if base + ending not in existing] for ending in ENDINGS]
    return missing + min(by_ending, key=len)


def stage(s3: S3, reuse: Reuse, session_dir: str, *, stop: StopRequest) -> int:
    """Download the earlier files into the session's folder, and compare each with what the earlier job wrote.

    Parameters
    ----------
    session_dir
        `OUTPUT_DIR/sub-X/ses-Y`.
    stop
        Ends the downloads where a signal came.

    Returns
    -------
    int
        The downloaded bytes.

    Raises
    ------
    WrongInput
        A file is missing, or is not what the earlier job wrote: m2g must not start.
    TransientFault
        S3 did not answer.
    """
    for file in reuse.files:
        stop.check()
        path = os.path.join(session_dir, *file.path.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            _download(s3, file, path, stop)
        except S3Refused as refused:
            if isinstance(refused, S3Missing):
                raise _incomplete(file, "is gone")
            raise WrongInput(f"{file.path} cannot be read: {refused}", refused.cause_code, **refused.facts)
    return sum(file.size_bytes for file in reuse.files)


def _download(s3: S3, file: ReusedFile, path: str, stop: StopRequest) -> None:
    for pause in _PAUSES_SECONDS:
        try:
            s3.download(file.uri, path, on_bytes=lambda _count: stop.check())
            break
        except TransientFault:  # the reply broke off in each of the SDK's attempts
            if not pause:
                raise
            stop.sleep(pause)
    if _sha256(path) != file.sha256:
        raise _incomplete(file, "is not what its job wrote")


def _incomplete(file: ReusedFile, what: str) -> WrongInput:
    return WrongInput(
        f"the earlier {file.path} {what}: m2g would register again", causes.REUSE_INCOMPLETE, file=file.uri
    )


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(_BLOCK_BYTES), b""):
            digest.update(block)
    return digest.hexdigest()

"""Find the scans of INPUT_DIR by m2g's rule, and refuse what m2g refuses.

m2g finds a session's files with pybids. Importing pybids takes half a second, and in a staged folder the suffixes of
the files in `sub-X/ses-Y` give the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.runs.m2g_options import MADE_UP_SESSION

_IMAGES = (".nii", ".nii.gz")

#: Labels without `sub-` or `ses-`; None means all.
Labels = Sequence[str] | None


@dataclass(frozen=True)
class StagedScan:
    """The files of one session that m2g uses.

    Attributes
    ----------
    image
        The diffusion or BOLD series.
    """

    subject: str
    session: str
    image: Path
    t1w: Path

    @property
    def name(self) -> str:
        """`sub-01/ses-1`."""
        return f"sub-{self.subject}/ses-{self.session}"

    @property
    def title(self) -> str:
        """What its pictures are titled with: all its labels, without the session that opsctl has made up for m2g."""
        return stem(self.image).replace(f"_ses-{MADE_UP_SESSION}", "")

    @property
    def prefix(self) -> str:
        """`sub-01_ses-1`."""
        return self.name.replace("/", "_")


@dataclass(frozen=True)
class StagedDwi(StagedScan):
    """A diffusion series with its gradient files."""

    bval: Path
    bvec: Path


def stem(path: Path) -> str:
    """Return a file's name up to the first dot."""
    return path.name.split(".", 1)[0]


def dwi_scans(folder: Path, subjects: Labels, sessions: Labels) -> list[StagedDwi]:
    """Return the diffusion scans of INPUT_DIR, ordered by name.

    Raises
    ------
    Problem
        There is no scan, or m2g cannot use a session: not exactly three files with suffix `dwi` (image, bval, bvec),
        not exactly one `T1w`, no session folder.
    """
    scans = []
    for session in _sessions(folder, "dwi", subjects, sessions):
        files = _with_suffix(session, "dwi")
        bvals = [path for path in files if _extension(path) == ".bval"]
        bvecs = [path for path in files if _extension(path) == ".bvec"]
        images = [path for path in files if _extension(path) in _IMAGES]
        if [len(files), len(images), len(bvals), len(bvecs)] != [3, 1, 1, 1]:
            raise Problem(
                f"{_name(session)} holds {len(files)} files with suffix dwi ({_names(files)}); "
                "m2g takes exactly three: an image, its bval, its bvec.",
                code=ErrorCode.INPUT_INVALID,
            )
        scans.append(
            StagedDwi(
                subject=_label(session.parent),
                session=_label(session),
                image=images[0],
                t1w=_t1w(session),
                bval=bvals[0],
                bvec=bvecs[0],
            )
        )
    return scans


def func_scans(folder: Path, subjects: Labels, sessions: Labels) -> list[StagedScan]:
    """Return the BOLD scans of INPUT_DIR, ordered by name.

    Raises
    ------
    Problem
        There is no scan, or a session has not exactly one file with suffix `bold`, not exactly one `T1w`, or no
        folder. m2g accepts several images, but writes them to one name; a job of opsctl stages one.
    """
    scans = []
    for session in _sessions(folder, "bold", subjects, sessions):
        files = _with_suffix(session, "bold")
        if len(files) != 1:
            raise Problem(
                f"{_name(session)} holds {len(files)} files with suffix bold ({_names(files)}); "
                "the preview takes exactly one, an image.",
                code=ErrorCode.INPUT_INVALID,
            )
        scans.append(
            StagedScan(subject=_label(session.parent), session=_label(session), image=files[0], t1w=_t1w(session))
        )
    return scans


def _sessions(folder: Path, suffix: str, subjects: Labels, sessions: Labels) -> list[Path]:
    """Return the folders of the requested sessions that hold an image with this suffix, as m2g does."""
    if not folder.is_dir():
        raise Problem(f"INPUT_DIR {folder} is not a folder.", code=ErrorCode.INPUT_INVALID)
    folders = [
        session
        for subject in _entity_folders(folder, "sub-", subjects)
        for session in _sessions_of(subject, sessions)
        if any(_extension(path) in _IMAGES for path in _with_suffix(session, suffix))
    ]
    if not folders:
        raise Problem(
            f"No session with a {suffix} image in INPUT_DIR for {_requested(subjects, sessions)}.",
            code=ErrorCode.INPUT_INVALID,
        )
    return folders


def _t1w(session: Path) -> Path:
    files = _with_suffix(session, "T1w")
    if len(files) != 1 or _extension(files[0]) not in _IMAGES:
        raise Problem(
            f"{_name(session)} holds {len(files)} files with suffix T1w ({_names(files)}); "
            "m2g takes exactly one, an image.",
            code=ErrorCode.INPUT_INVALID,
        )
    return files[0]


def _entity_folders(folder: Path, entity: str, labels: Labels) -> list[Path]:
    folders = [path for path in sorted(folder.glob(f"{entity}*")) if path.is_dir()]
    return folders if labels is None else [path for path in folders if path.name.removeprefix(entity) in labels]


def _sessions_of(subject: Path, labels: Labels) -> list[Path]:
    if not _entity_folders(subject, "ses-", None):
        raise Problem(f"{subject.name} has no session folder; m2g needs sub-X/ses-Y.", code=ErrorCode.INPUT_INVALID)
    return _entity_folders(subject, "ses-", labels)


def _with_suffix(session: Path, suffix: str) -> list[Path]:
    return [path for path in sorted(session.rglob("*")) if path.is_file() and stem(path).rpartition("_")[2] == suffix]


def _extension(path: Path) -> str:
    return path.name[len(stem(path)) :]


def _requested(subjects: Labels, sessions: Labels) -> str:
    who = "every subject" if subjects is None else "sub-" + ", sub-".join(subjects)
    when = "every session" if sessions is None else "ses-" + ", ses-".join(sessions)
    return f"{who} and {when}"


def _label(folder: Path) -> str:
    return folder.name.partition("-")[2]


def _name(session: Path) -> str:
    return f"{session.parent.name}/{session.name}"


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths) or "none"

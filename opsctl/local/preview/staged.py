"""Find the scans of INPUT_DIR by m2g's own rule, and refuse what m2g refuses.

m2g asks pybids for a session's files; importing pybids costs half a second, and on a staged folder the same
question is a look at the files' suffixes under `sub-X/ses-Y`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from opsctl.core.errors import Problem

_IMAGES = (".nii", ".nii.gz")

#: Labels without `sub-` or `ses-`; None means all.
Labels = Sequence[str] | None


@dataclass(frozen=True)
class StagedScan:
    """The files of one session, as m2g unpacks them.

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
    def prefix(self) -> str:
        """`sub-01_ses-1`."""
        return self.name.replace("/", "_")


@dataclass(frozen=True)
class StagedDwi(StagedScan):
    """A diffusion series with its gradients."""

    bval: Path
    bvec: Path


def stem(path: Path) -> str:
    """A file's name up to its first dot."""
    return path.name.split(".", 1)[0]


def dwi_scans(folder: Path, subjects: Labels, sessions: Labels) -> list[StagedDwi]:
    """The diffusion scans of INPUT_DIR, in the order of their names.

    Raises
    ------
    Problem
        No scan at all, or a session that m2g cannot unpack: not exactly three files with suffix `dwi`
        (image, bval, bvec), not exactly one `T1w`, no session folder.
    """
    scans = []
    for session in _sessions(folder, "dwi", subjects, sessions):
        found = _with_suffix(session, "dwi")
        bvals = [path for path in found if _extension(path) == ".bval"]
        bvecs = [path for path in found if _extension(path) == ".bvec"]
        images = [path for path in found if _extension(path) in _IMAGES]
        if [len(found), len(images), len(bvals), len(bvecs)] != [3, 1, 1, 1]:
            raise Problem(
                f"{_name(session)} holds {len(found)} files with suffix dwi ({_names(found)}); "
                "m2g takes exactly three: an image, its bval, its bvec."
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
    """The BOLD scans of INPUT_DIR, in the order of their names.

    Raises
    ------
    Problem
        No scan at all, not exactly one file with suffix `bold` in a session, not exactly one `T1w`, no session
        folder. m2g itself takes several images, but writes them to one name; a job of opsctl stages one.
    """
    scans = []
    for session in _sessions(folder, "bold", subjects, sessions):
        found = _with_suffix(session, "bold")
        if len(found) != 1:
            raise Problem(
                f"{_name(session)} holds {len(found)} files with suffix bold ({_names(found)}); "
                "the preview takes exactly one, an image."
            )
        scans.append(
            StagedScan(subject=_label(session.parent), session=_label(session), image=found[0], t1w=_t1w(session))
        )
    return scans


def _sessions(folder: Path, suffix: str, subjects: Labels, sessions: Labels) -> list[Path]:
    """The folders of the asked sessions that hold an image with this suffix: what m2g goes through."""
    if not folder.is_dir():
        raise Problem(f"INPUT_DIR {folder} is not a folder.")
    chosen = [
        session
        for subject in _entity_folders(folder, "sub-", subjects)
        for session in _sessions_of(subject, sessions)
        if any(_extension(path) in _IMAGES for path in _with_suffix(session, suffix))
    ]
    if not chosen:
        raise Problem(f"No session with a {suffix} image in INPUT_DIR for {_asked(subjects, sessions)}.")
    return chosen


def _t1w(session: Path) -> Path:
    found = _with_suffix(session, "T1w")
    if len(found) != 1 or _extension(found[0]) not in _IMAGES:
        raise Problem(
            f"{_name(session)} holds {len(found)} files with suffix T1w ({_names(found)}); "
            "m2g takes exactly one, an image."
        )
    return found[0]


def _entity_folders(folder: Path, entity: str, labels: Labels) -> list[Path]:
    found = [path for path in sorted(folder.glob(f"{entity}*")) if path.is_dir()]
    return found if labels is None else [path for path in found if path.name.removeprefix(entity) in labels]


def _sessions_of(subject: Path, labels: Labels) -> list[Path]:
    if not _entity_folders(subject, "ses-", None):
        raise Problem(f"{subject.name} has no session folder; m2g needs sub-X/ses-Y.")
    return _entity_folders(subject, "ses-", labels)


def _with_suffix(session: Path, suffix: str) -> list[Path]:
    return [path for path in sorted(session.rglob("*")) if path.is_file() and stem(path).rpartition("_")[2] == suffix]


def _extension(path: Path) -> str:
    return path.name[len(stem(path)) :]


def _asked(subjects: Labels, sessions: Labels) -> str:
    who = "every subject" if subjects is None else "sub-" + ", sub-".join(subjects)
    when = "every session" if sessions is None else "ses-" + ", ses-".join(sessions)
    return f"{who} and {when}"


def _label(folder: Path) -> str:
    return folder.name.partition("-")[2]


def _name(session: Path) -> str:
    return f"{session.parent.name}/{session.name}"


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths) or "none"

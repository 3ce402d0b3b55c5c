"""Find the scans in the keys of a BIDS dataset, and exclude the other images with a reason each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from opsctl.core.dataset.absences import subject_absences
from opsctl.core.dataset.bids_name_errors import name_error
from opsctl.core.dataset.entities import BidsPath, EntityPatterns
from opsctl.core.dataset.examples import Examples
from opsctl.core.dataset.file_index import ANY_SESSION, GRADIENTS, METADATA, FileIndex
from opsctl.core.dataset.letter_case import ensure_distinct
from opsctl.core.dataset.scan import Absence, Discovery, Exclusion, S3Object, Scan
from opsctl.core.dataset.subject_scans import exclusion, subject_scans
from opsctl.core.dataset.subject_shapes import SubjectShapes
from opsctl.core.runs.m2g_options import Pipeline

#: The suffixes of the files that discovery uses, for `EntityPatterns`.
SUFFIXES = ("dwi", "bold", "T1w")

_IMAGES = (".nii.gz", ".nii")
_PRIMARY: dict[Pipeline, tuple[str, ...]] = {"dwi": ("dwi",), "func": ("bold",), "both": ("dwi", "bold")}
# The endings of the files of each pipeline's scans, in lower case, so that a wrong case is reported, not overlooked.
_ENDINGS: dict[Pipeline, tuple[str, ...]] = {
    pipeline: tuple(f"{suffix}{ending}".lower() for suffix in (*primary, "T1w") for ending in _IMAGES)
    + (tuple(f"dwi{ending}" for ending in GRADIENTS) if "dwi" in primary else ())
    + ((f"bold{METADATA}",) if "bold" in primary else ())
    for pipeline, primary in _PRIMARY.items()
}
# The primary images of the other pipeline: a subject without an image may have these.
_OTHER: dict[Pipeline, tuple[str, ...]] = {
    "dwi": tuple(f"_bold{ending}" for ending in _IMAGES),
    "func": tuple(f"_dwi{ending}" for ending in _IMAGES),
    "both": (),
}
#: How many exclusions and absences of each group of subjects are kept; further ones are counted.
MOST_KEPT = 10_000
_DESCRIPTION = "dataset_description.json"
_NOT_MAGNITUDE = ("phase", "real", "imag")
_NO_DESCRIPTION = "dataset_description.json is missing; the jobs write one into their own copy."
# A file that was meant to be a T1w, however it is written: `_t1w.nii.gz`, `_T1.nii`, `_T1w.nii.gz.gz`.
_LIKE_T1W = re.compile(r"_t1w?\.[^/]*(?<!\.json)$", re.IGNORECASE)


def may_matter(path: str, *, pipeline: Pipeline) -> bool:
    """Whether a path relative to the dataset's root can belong to a pipeline's scans, judged by its ending alone.

    A listing of a million keys keeps only these.
    """
    return (
        path.lower().endswith(_ENDINGS[pipeline])
        or path.endswith(_OTHER[pipeline])
        or path == _DESCRIPTION
        or _LIKE_T1W.search(path, len(path) - 24) is not None
    )


@dataclass(frozen=True, slots=True)
class SubjectGroup:
    """What some of a dataset's subjects contain.

    Attributes
    ----------
    subjects
        The folders of those that have a primary image with a valid name.
    """

    subjects: list[str] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    excluded: Examples[Exclusion] = field(default_factory=lambda: Examples(MOST_KEPT))
    absences: Examples[Absence] = field(default_factory=lambda: Examples(MOST_KEPT))


class Discoverer:
    """Finds the scans subject by subject: of a large dataset never more than one subject's files are held at once.

    `add_root` comes first; then `group` may be called by several threads, each for other subjects.

    Parameters
    ----------
    patterns
        pybids' rules for `SUFFIXES`.
    bucket, prefix
        The dataset's location; `prefix` ends with `/` or is empty.
    pipeline
        `dwi`, `func` or `both`: which images count as primary.
    t1w
        None: the lowest run of the scan's own session. `any-session`: another session's where there is none. Any
        other value is a glob that the T1w's file name must match.
    """

    def __init__(
        self, patterns: EntityPatterns, *, bucket: str, prefix: str, pipeline: Pipeline, t1w: str | None = None
    ) -> None:
        self._patterns = patterns
        self._bucket = bucket
        self._prefix = prefix
        self._pipeline: Pipeline = pipeline
        self._t1w = t1w
        self._root = FileIndex(t1w)
        # A glob may name one subject.
        self._shapes = SubjectShapes(bucket, prefix) if t1w in (None, ANY_SESSION) else None
        self._of_root: Examples[Exclusion] = Examples(MOST_KEPT)
        self._unseen: set[str] = set()
        self._not_read: tuple[str, ...] = ()
        self._has_description = False

    def add_root(self, objects: Iterable[S3Object]) -> None:
        """Add the files beside the subjects' folders: sidecars there are inherited by every scan."""
        for obj in objects:
            self._has_description |= obj.key == self._prefix + _DESCRIPTION
            if obj.key.startswith(f"{self._prefix}sub-"):
                # It may be a sidecar of one subject.
                self._shapes = None
            self._add(obj, self._root, self._of_root)

    def add_folders(self, prefixes: Iterable[str]) -> None:
        """Add the folders at the dataset's root: a subject's may have no file that a listing keeps."""
        folders = [prefix[len(self._prefix) :] for prefix in prefixes]
        self._unseen = {folder.rstrip("/") for folder in folders if folder.startswith("sub-")}
        self._not_read = tuple(folder for folder in folders if not folder.startswith("sub-"))

    def group(self, objects: Iterable[S3Object]) -> SubjectGroup:
        """The scans of whole subjects.

        Parameters
        ----------
        objects
            Their keys begin with the dataset's prefix and a folder; those of one folder come together.

        Raises
        ------
        Problem
            Where two sessions or scans of a subject differ only in case.
        """
        group = SubjectGroup()
        for folder, files in groupby(objects, key=self._folder):
            self._unseen.discard(folder)
            of_subject = list(files)
            shape = self._shapes.shape(folder, of_subject) if self._shapes is not None else None
            if self._shapes is not None and shape is not None:
                known = self._shapes.scans(shape, folder, of_subject)
                if known is not None:
                    group.scans.extend(known)
                    group.subjects.append(folder)
                    continue
            scans = self._look_at(folder, of_subject, group)
            if self._shapes is not None and shape is not None and scans:
                self._shapes.learn(shape, folder, of_subject, scans)
        return group

    def _look_at(self, folder: str, objects: Iterable[S3Object], group: SubjectGroup) -> list[Scan]:
        """Add a subject to a group, file by file; returns its scans where there is nothing else to say about it."""
        index = FileIndex(self._t1w, root=self._root)
        has_misnamed = False
        for obj in objects:
            has_misnamed |= self._add(obj, index, group.excluded)
        scans, excluded = subject_scans(index, _PRIMARY[self._pipeline], bucket=self._bucket)
        group.scans.extend(scans)
        for image in excluded:
            group.excluded.add(image, image.reason)
        absences = list(subject_absences(folder, index))
        for absence in absences:
            group.absences.add(absence, absence.kind)
        if scans or excluded or has_misnamed:
            group.subjects.append(folder)
        return [] if excluded or has_misnamed or absences else scans

    def discovery(self, groups: Iterable[SubjectGroup]) -> Discovery:
        """What the dataset contains, of the groups of all its subjects.

        Raises
        ------
        Problem
            Where two subjects differ only in case, because some file systems cannot hold both.
        """
        subjects: list[str] = []
        scans: list[Scan] = []
        excluded, more_excluded = list(self._of_root.kept), Counter(self._of_root.others)
        missing: Examples[Absence] = Examples(MOST_KEPT)
        absences, more_absent = missing.kept, missing.others
        for group in groups:
            subjects += group.subjects
            scans += group.scans
            excluded += group.excluded.kept
            more_excluded += group.excluded.others
            absences += group.absences.kept
            more_absent += group.absences.others
        ensure_distinct(subjects)
        for folder in sorted(self._unseen):
            missing.add(Absence(kind="subject_without_image", path=folder), "subject_without_image")
        return Discovery(
            scans=tuple(sorted(scans, key=lambda scan: scan.name)),
            excluded=tuple(sorted(excluded, key=lambda exclusion: exclusion.key)),
            pipeline=self._pipeline,
            warnings=() if self._has_description else (_NO_DESCRIPTION,),
            more_excluded=dict(more_excluded),
            absences=tuple(sorted(absences, key=lambda absence: absence.path)),
            more_absent=dict(more_absent),
            not_read=self._not_read,
        )

    def _folder(self, obj: S3Object) -> str:
        start = len(self._prefix)
        return obj.key[start : obj.key.find("/", start)]

    def _add(self, obj: S3Object, index: FileIndex, excluded: Examples[Exclusion]) -> bool:
        """Add a file to an index, and tell whether it is a primary image that its name or content excludes."""
        path = obj.key[len(self._prefix) :]
        if not may_matter(path, pipeline=self._pipeline) or not _is_raw(path):
            return False
        if path.endswith(_OTHER[self._pipeline]):
            index.add_other_image(path)
            return False
        bids_path = self._patterns.parse(path)
        reason = name_error(path) if bids_path is None else _file_error(bids_path, obj)
        if not reason and bids_path is not None:
            index.add(bids_path, obj)
        elif _is_primary(path, self._pipeline):
            index.add_unusable_image(path)
            excluded.add(exclusion(obj, reason), reason)
            return True
        elif _LIKE_T1W.search(path):
            index.pass_over(path, reason)
        return False


def discover(
    objects: Iterable[S3Object],
    patterns: EntityPatterns,
    *,
    bucket: str,
    prefix: str,
    pipeline: Pipeline,
    t1w: str | None = None,
) -> Discovery:
    """Find every scan of a dataset that m2g can process, and why the other images are excluded.

    Parameters
    ----------
    objects
        The dataset's objects in any order; their keys begin with `prefix`.
    patterns, bucket, prefix, pipeline, t1w
        See `Discoverer`.

    Returns
    -------
    Discovery
        Scans sorted by name, exclusions sorted by key. Every primary image is in one scan or in one exclusion.

    Raises
    ------
    Problem
        Where two subjects, sessions or scans differ only in case, because some file systems cannot hold both.
    """
    discoverer = Discoverer(patterns, bucket=bucket, prefix=prefix, pipeline=pipeline, t1w=t1w)
    in_order = sorted(objects, key=lambda obj: obj.key)
    discoverer.add_root(obj for obj in in_order if "/" not in obj.key[len(prefix) :])
    return discoverer.discovery([discoverer.group(obj for obj in in_order if "/" in obj.key[len(prefix) :])])


def _is_raw(path: str) -> bool:
    """Whether a path is below `sub-*`, or a sidecar at the root that every scan inherits; hidden files are not raw."""
    may_be_hidden = "/." in path or path.startswith(".")
    if may_be_hidden and any(part.startswith(".") and part not in (".", "..") for part in path.split("/")):
        return False
    return path.startswith("sub-") or ("/" not in path and path.endswith((*GRADIENTS, METADATA)))


def _is_primary(path: str, pipeline: Pipeline) -> bool:
    return path.lower().endswith(tuple(f"{suffix}{ending}" for suffix in _PRIMARY[pipeline] for ending in _IMAGES))


def _file_error(path: BidsPath, obj: S3Object) -> str:
    """Why a file with a valid name cannot be used; empty where it can."""
    if path.entities.get("part") in _NOT_MAGNITUDE:
        return f"part-{path.entities['part']} is not a magnitude image"
    if obj.size_bytes == 0 and path.entities["suffix"] in ("dwi", "bold") and path.entities["extension"] in _IMAGES:
        return "it is empty (0 bytes)"
    return ""

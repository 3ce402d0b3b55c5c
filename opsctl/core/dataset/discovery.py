"""Discovery: from the keys of a BIDS dataset to scans and exclusions, each exclusion with its reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from opsctl.core.dataset.bids_name_errors import name_error
from opsctl.core.dataset.entities import BidsPath, EntityPatterns
from opsctl.core.dataset.scan import Discovery, Exclusion, Input, Role, S3Object, Scan
from opsctl.core.errors import Problem
from opsctl.core.runs.m2g_options import Pipeline

#: The suffixes that discovery reads; `EntityPatterns` is made for them.
SUFFIXES = ("dwi", "bold", "T1w")

#: `--t1w any-session`: the subject's T1w of another session where the scan's own has none.
ANY_SESSION = "any-session"

_IMAGES = (".nii.gz", ".nii")
_SIDECARS = (".bval", ".bvec")
_PRIMARY: dict[Pipeline, tuple[str, ...]] = {"dwi": ("dwi",), "func": ("bold",), "both": ("dwi", "bold")}
# What each pipeline's scans are made of, in lower case: a wrong ending is told, not overlooked.
_ENDINGS: dict[Pipeline, tuple[str, ...]] = {
    pipeline: tuple(f"{suffix}{end}".lower() for suffix in (*primary, "T1w") for end in _IMAGES)
    + (tuple(f"dwi{end}" for end in _SIDECARS) if "dwi" in primary else ())
    for pipeline, primary in _PRIMARY.items()
}
_DESCRIPTION = "dataset_description.json"
_NOT_MAGNITUDE = ("phase", "real", "imag")

_File = tuple[BidsPath, S3Object]


def may_matter(path: str, *, pipeline: Pipeline) -> bool:
    """Whether a path below the dataset's root can have a part in a pipeline's scans, by its ending alone.

    Listings of a million keys keep only these.
    """
    return path.lower().endswith(_ENDINGS[pipeline]) or path == _DESCRIPTION


def discover(
    objects: Iterable[S3Object],
    patterns: EntityPatterns,
    *,
    bucket: str,
    prefix: str,
    pipeline: Pipeline,
    t1w: str | None = None,
) -> Discovery:
    """Every scan of a dataset that m2g can process, and why the others are left out.

    Parameters
    ----------
    objects
        The dataset's objects; keys begin with `prefix`.
    patterns
        pybids' rules, for `SUFFIXES`.
    bucket, prefix
        Where the dataset lies; `prefix` ends with `/` or is empty.
    pipeline
        `dwi`, `func` or `both`: which images count as primary.
    t1w
        None: the lowest run of the scan's own session. `any-session`: another session's where there is none. Else a
        glob that the T1w's file name must match.

    Returns
    -------
    Discovery
        Scans by name, exclusions by key. Every primary image is in one scan or in one exclusion.

    Raises
    ------
    Problem
        When two subjects, sessions or scans differ only in case: their outputs could not stand side by side on every
        disk.
    """
    index = _Index(t1w)
    excluded: list[Exclusion] = []
    described = False
    for one in objects:
        path = one.key[len(prefix) :]
        described |= path == _DESCRIPTION
        if not may_matter(path, pipeline=pipeline) or not _is_raw(path):
            continue
        parsed = patterns.parse(path)
        reason = name_error(path) if parsed is None else _fault(parsed, one)
        if not reason and parsed is not None:
            index.add(parsed, one)
        elif _is_primary(path, pipeline):
            excluded.append(Exclusion(key=one.key, reason=reason))
    _check_case(index.folders())
    scans: list[Scan] = []
    for image in index.primary(_PRIMARY[pipeline]):
        found = _scan(image, index, bucket)
        if isinstance(found, Exclusion):
            excluded.append(found)
        else:
            scans.append(found)
    named, doubled = _unique(_named(scans, split_pipelines=pipeline == "both"), bucket)
    excluded += doubled
    _check_case(scan.name for scan in named)
    warnings = () if described else ("dataset_description.json is missing; the jobs write one into their own copy.",)
    return Discovery(
        scans=tuple(sorted(named, key=lambda scan: scan.name)),
        excluded=tuple(sorted(excluded, key=lambda exclusion: exclusion.key)),
        warnings=warnings,
    )


class _Index:
    """The files that matter, by what they are asked for."""

    def __init__(self, t1w: str | None) -> None:
        self._t1w = t1w
        self._by_suffix: dict[str, list[_File]] = defaultdict(list)
        self._sidecars: dict[tuple[str, str], list[_File]] = defaultdict(list)
        self._anatomical: dict[str, list[_File]] = defaultdict(list)

    def add(self, path: BidsPath, one: S3Object) -> None:
        suffix, extension = path.entities["suffix"], path.entities["extension"]
        if extension in _SIDECARS:
            self._sidecars[path.folder, extension].append((path, one))
        elif suffix == "T1w":
            self._anatomical[path.entities["subject"]].append((path, one))
        else:
            self._by_suffix[suffix].append((path, one))

    def primary(self, suffixes: Sequence[str]) -> list[_File]:
        return [image for suffix in suffixes for image in self._by_suffix[suffix]]

    def sidecars(self, image: BidsPath, extension: str) -> list[_File]:
        """BIDS's inheritance: in the nearest folder upwards that has any, those with no entity that the image lacks.

        More than one is left only where several fit equally well.
        """
        folder = image.folder
        # Entities, not the name's words: `run-01` is `run-1`.
        own = image.entities.items() - {("extension", image.entities["extension"])}
        while True:
            fitting = [
                one
                for one in self._sidecars.get((folder, extension), ())
                if one[0].entities.items() - {("extension", extension)} <= own
            ]
            if fitting:
                closest = max(len(one[0].pairs) for one in fitting)
                return [one for one in fitting if len(one[0].pairs) == closest]
            if not folder:
                return []
            folder = folder.rpartition("/")[0]

    def t1w(self, image: BidsPath) -> list[_File]:
        """The T1w images that the scan may use, the one to be taken first."""
        subject, session = image.entities["subject"], image.entities.get("session")
        found = self._anatomical.get(subject, [])
        own = [one for one in found if one[0].entities.get("session") == session]
        if self._t1w == ANY_SESSION:
            own = own or found
        elif self._t1w is not None:
            own = [one for one in own if fnmatchcase(one[0].path.rsplit("/", 1)[-1], self._t1w)]
        return sorted(own, key=lambda one: (one[0].entities.get("run", 0), one[0].path))

    def folders(self) -> Iterator[str]:
        """The subjects and sessions that have images, also those that are left out."""
        for images in self._by_suffix.values():
            for path, _ in images:
                subject = f"sub-{path.entities['subject']}"
                yield subject
                if "session" in path.entities:
                    yield f"{subject}/ses-{path.entities['session']}"


def _is_raw(path: str) -> bool:
    """Below `sub-*`, or beside dataset_description.json for sidecars that all inherit; nothing hidden."""
    if any(part.startswith(".") and part not in (".", "..") for part in path.split("/")):
        return False
    return path.startswith("sub-") or ("/" not in path and path.endswith(_SIDECARS))


def _is_primary(path: str, pipeline: Pipeline) -> bool:
    return path.lower().endswith(tuple(f"{suffix}{end}" for suffix in _PRIMARY[pipeline] for end in _IMAGES))


def _fault(path: BidsPath, one: S3Object) -> str:
    """Why a file with a good name cannot be used, or empty."""
    if path.entities.get("part") in _NOT_MAGNITUDE:
        return f"part-{path.entities['part']} is not a magnitude image"
    if one.size_bytes == 0 and path.entities["suffix"] in ("dwi", "bold") and path.entities["extension"] in _IMAGES:
        return "it is empty (0 bytes)"
    return ""


def _scan(image: _File, index: _Index, bucket: str) -> Scan | Exclusion:
    path, one = image
    is_dwi = path.entities["suffix"] == "dwi"
    inputs = [_input(bucket, one, "dwi" if is_dwi else "bold")]
    missing: list[str] = []
    roles: tuple[Role, ...] = ("bval", "bvec") if is_dwi else ()
    for role in roles:
        sidecars = index.sidecars(path, f".{role}")
        if not sidecars:
            missing.append(role)
        elif len(sidecars) > 1:
            names = ", ".join(sorted(found.path for found, _ in sidecars))
            return Exclusion(key=one.key, reason=f"{len(sidecars)} {role} files fit it equally well ({names})")
        elif sidecars[0][1].size_bytes == 0:
            return Exclusion(key=one.key, reason=f"its {role} is empty (0 bytes)")
        else:
            inputs.append(_input(bucket, sidecars[0][1], role))
    anatomical = index.t1w(path)
    if not anatomical:
        missing.append("T1w in its session" if path.entities.get("session") else "T1w")
    if missing:
        return Exclusion(key=one.key, reason=f"no {' and no '.join(missing)}")
    if anatomical[0][1].size_bytes == 0:
        return Exclusion(key=one.key, reason="its T1w is empty (0 bytes)")
    inputs.append(_input(bucket, anatomical[0][1], "T1w"))
    return Scan(
        name="",
        subject=path.entities["subject"],
        session=path.entities.get("session"),
        entities=dict(path.entities),
        pipeline="dwi" if is_dwi else "func",
        inputs=tuple(inputs),
        note=_note(path, [found for found, _ in anatomical]),
    )


def _note(image: BidsPath, anatomical: Sequence[BidsPath]) -> str:
    """The choice that was made, where there was one."""
    taken = anatomical[0].path.rsplit("/", 1)[-1]
    if anatomical[0].entities.get("session") != image.entities.get("session"):
        return f"no T1w in its session, another session's is taken: {taken}"
    if len(anatomical) > 1:
        return f"{len(anatomical)} T1w, the lowest run is taken: {taken}"
    return ""


def _input(bucket: str, one: S3Object, role: Role) -> Input:
    return Input(uri=f"s3://{bucket}/{one.key}", role=role, size_bytes=one.size_bytes, etag=one.etag)


def _named(scans: Sequence[Scan], *, split_pipelines: bool) -> list[Scan]:
    """Names: subject and session, and the further words of the image's own name only where the session has several."""
    sessions: dict[str, list[Scan]] = defaultdict(list)
    for scan in scans:
        base = f"sub-{scan.subject}" + (f"/ses-{scan.session}" if scan.session is not None else "")
        sessions[base].append(scan)
    # A subject with images both in and outside sessions: `sub-01` must not be a folder around `sub-01/ses-1`.
    around = {f"sub-{scan.subject}" for scan in scans if scan.session is not None}
    return [
        replace(
            scan,
            name=base if len(group) == 1 and base not in around else f"{base}/{_further_words(scan, split_pipelines)}",
        )
        for base, group in sessions.items()
        for scan in group
    ]


def _check_case(folders: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for folder in folders:
        other = seen.setdefault(folder.lower(), folder)
        if other != folder:
            raise Problem(
                f"{other} and {folder} differ only in upper and lower case.",
                "Rename one: their results could not stand side by side on every disk.",
            )


def _unique(scans: Sequence[Scan], bucket: str) -> tuple[list[Scan], list[Exclusion]]:
    """`x_dwi.nii` beside `x_dwi.nii.gz` are two images of one name: which one is meant, nobody can tell."""
    count = Counter(scan.name for scan in scans)
    doubled = [
        Exclusion(
            key=scan.inputs[0].uri.removeprefix(f"s3://{bucket}/"),
            reason="the same image is there as .nii and as .nii.gz",
        )
        for scan in scans
        if count[scan.name] > 1
    ]
    return [scan for scan in scans if count[scan.name] == 1], doubled


def _further_words(scan: Scan, split_pipelines: bool) -> str:
    file = scan.inputs[0].uri.rsplit("/", 1)[-1]
    words = [word for word in file.split("_")[:-1] if not word.startswith(("sub-", "ses-"))]
    # The suffix names the one image without further words, and tells dwi from bold in a run of both.
    if split_pipelines or not words:
        words.append("dwi" if scan.pipeline == "dwi" else "bold")
    return "_".join(words)

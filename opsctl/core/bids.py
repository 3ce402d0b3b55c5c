"""Discovery: from the keys of a BIDS dataset to scans and exclusions, each exclusion with its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from opsctl.core.entities import BidsPath, EntityPatterns
from opsctl.core.errors import Problem
from opsctl.core.m2g import Pipeline
from opsctl.core.scan import Discovery, Exclusion, Input, Role, S3Object, Scan

_IMAGES = (".nii.gz", ".nii")
_WANTED = {"dwi": (*_IMAGES, ".bval", ".bvec"), "bold": _IMAGES, "T1w": _IMAGES}
_PRIMARY: dict[Pipeline, tuple[str, ...]] = {"dwi": ("dwi",), "func": ("bold",), "both": ("dwi", "bold")}
_DATATYPE = {"dwi": "dwi", "bold": "func", "T1w": "anat"}

_File = tuple[BidsPath, S3Object]


def discover(
    objects: Iterable[S3Object], patterns: EntityPatterns, *, bucket: str, prefix: str, pipeline: Pipeline
) -> Discovery:
    """Every scan of a dataset that m2g can process, and why the others are left out.

    Parameters
    ----------
    objects
        The dataset's objects; keys begin with `prefix`.
    patterns
        pybids' entity rules.
    bucket, prefix
        Where the dataset lies; `prefix` ends with `/` or is empty.
    pipeline
        `dwi`, `func` or `both`: which images count as primary.

    Returns
    -------
    Discovery
        Scans by name, exclusions by key.

    Raises
    ------
    Problem
        When two subjects differ only in case: their outputs could not stand side by side on every disk.
    """
    index = _Index()
    excluded: list[Exclusion] = []
    described = False
    for one in objects:
        path = one.key[len(prefix) :]
        described |= path == "dataset_description.json"
        if not _may_matter(path):
            continue
        parsed = patterns.parse(path)
        reason = _fault(path, parsed, one)
        if reason:
            if _is_primary_name(path, pipeline):
                excluded.append(Exclusion(key=one.key, reason=reason))
            continue
        if parsed is not None:
            index.add(parsed, one)
    index.check_case()
    scans: list[Scan] = []
    for image in index.primary(_PRIMARY[pipeline]):
        found = _scan(image, index, bucket)
        if isinstance(found, Exclusion):
            excluded.append(found)
        else:
            scans.append(found)
    named = _named(scans, split_pipelines=pipeline == "both")
    warnings = () if described else ("dataset_description.json is missing; the jobs write one into their own copy.",)
    return Discovery(
        scans=tuple(sorted(named, key=lambda scan: scan.name)),
        excluded=tuple(sorted(excluded, key=lambda exclusion: exclusion.key)),
        warnings=warnings,
    )


class _Index:
    """The files that matter, by what they are asked for."""

    def __init__(self) -> None:
        self._by_suffix: dict[str, list[_File]] = defaultdict(list)
        self._sidecars: dict[tuple[str, str], list[_File]] = defaultdict(list)
        self._anatomical: dict[tuple[str, str | None], list[_File]] = defaultdict(list)

    def add(self, path: BidsPath, one: S3Object) -> None:
        suffix, extension = path.entities["suffix"], path.entities["extension"]
        if extension in (".bval", ".bvec"):
            self._sidecars[path.folder, extension].append((path, one))
        elif suffix == "T1w":
            self._anatomical[path.entities["subject"], path.entities.get("session")].append((path, one))
        else:
            self._by_suffix[suffix].append((path, one))

    def primary(self, suffixes: Sequence[str]) -> list[_File]:
        return [image for suffix in suffixes for image in self._by_suffix[suffix]]

    def sidecar(self, image: BidsPath, extension: str) -> _File | None:
        """BIDS's inheritance: the nearest folder upwards whose sidecar has no entity that the image lacks."""
        folder = image.folder
        own = set(image.pairs)
        while True:
            fitting = [one for one in self._sidecars.get((folder, extension), ()) if set(one[0].pairs) <= own]
            if fitting:
                return max(fitting, key=lambda one: (len(one[0].pairs), one[0].path))
            if not folder:
                return None
            folder = folder.rpartition("/")[0]

    def t1w(self, image: BidsPath) -> list[_File]:
        """The T1w of the image's own session, lowest run first."""
        found = self._anatomical.get((image.entities["subject"], image.entities.get("session")), [])
        return sorted(found, key=lambda one: (one[0].entities.get("run", 0), one[0].path))

    def check_case(self) -> None:
        labels: dict[str, str] = {}
        for images in self._by_suffix.values():
            for path, _ in images:
                label = path.entities["subject"]
                other = labels.setdefault(label.lower(), label)
                if other != label:
                    raise Problem(
                        f"The subjects sub-{other} and sub-{label} differ only in upper and lower case.",
                        "Rename one: their results could not stand side by side on every disk.",
                    )


def _may_matter(path: str) -> bool:
    """Only files below `sub-*`, and sidecars that may be inherited from the root; nothing hidden."""
    if path.startswith(".") or "/." in path:
        return False
    return path.startswith("sub-") or ("/" not in path and path.endswith((".bval", ".bvec")))


def _is_primary_name(path: str, pipeline: Pipeline) -> bool:
    return any(path.lower().endswith(f"{suffix}{end}") for suffix in _PRIMARY[pipeline] for end in _IMAGES)


def _fault(path: str, parsed: BidsPath | None, one: S3Object) -> str:
    """Why a file cannot be used though its name says that it is wanted, `-` where it is not wanted at all, or empty."""
    if parsed is None or "//" in path:
        return "its name is not made of BIDS's entity-label words"
    suffix, extension = parsed.entities.get("suffix", ""), parsed.entities["extension"]
    if extension.lower() in _IMAGES and extension not in _IMAGES:
        return f"its ending {extension} is not lower case"
    if extension not in _WANTED.get(suffix, ()):
        return "-"
    if extension in (".bval", ".bvec") and "/" not in path:
        return ""
    top = path.split("/", 1)[0]
    if parsed.entities.get("subject") != top[4:]:
        return f"its folder {top} is not a BIDS subject (letters and digits only)"
    if f"sub-{top[4:]}" not in parsed.pairs and parsed.pairs[:1] and parsed.pairs[0].startswith("sub-"):
        return f"its name says {parsed.pairs[0]}, its folder {top}"
    folders = parsed.folder.split("/")
    session = parsed.entities.get("session")
    named = [word[4:] for word in (*folders, *parsed.pairs) if word.startswith("ses-")]
    if any(label != session for label in named):
        return f"its folder and its name speak of different sessions ({', '.join(sorted(set(named)))})"
    if extension in _IMAGES and folders[-1] != _DATATYPE[suffix]:
        return f"it does not lie in a folder {_DATATYPE[suffix]}/"
    if parsed.entities.get("part") in ("phase", "real", "imag"):
        return f"part-{parsed.entities['part']} is not a magnitude image"
    if one.size_bytes == 0:
        return "it is empty (0 bytes)"
    return ""


def _scan(image: _File, index: _Index, bucket: str) -> Scan | Exclusion:
    path, one = image
    is_dwi = path.entities["suffix"] == "dwi"
    inputs = [_input(bucket, one, "dwi" if is_dwi else "bold")]
    missing: list[str] = []
    if is_dwi:
        for role in ("bval", "bvec"):
            sidecar = index.sidecar(path, f".{role}")
            if sidecar is None:
                missing.append(role)
            elif sidecar[1].size_bytes == 0:
                return Exclusion(key=one.key, reason=f"its {role} is empty (0 bytes)")
            else:
                inputs.append(_input(bucket, sidecar[1], role))
    anatomical = index.t1w(path)
    if not anatomical:
        missing.append("T1w in its session" if path.entities.get("session") else "T1w")
    if missing:
        return Exclusion(key=one.key, reason=f"no {' and no '.join(missing)}")
    inputs.append(_input(bucket, anatomical[0][1], "T1w"))
    note = ""
    if len(anatomical) > 1:
        note = f"{len(anatomical)} T1w, the lowest run is taken: {anatomical[0][0].path.rsplit('/', 1)[-1]}"
    return Scan(
        name="",
        subject=path.entities["subject"],
        session=path.entities.get("session"),
        entities={name: path.entities[name] for name in path.entities if name not in ("scans", "fmap")},
        pipeline="dwi" if is_dwi else "func",
        inputs=tuple(inputs),
        note=note,
    )


def _input(bucket: str, one: S3Object, role: Role) -> Input:
    return Input(uri=f"s3://{bucket}/{one.key}", role=role, size_bytes=one.size_bytes, etag=one.etag)


def _named(scans: Sequence[Scan], *, split_pipelines: bool) -> list[Scan]:
    """Names: subject and session, and the further words of the image's own name only where the session has several."""
    sessions: dict[str, list[Scan]] = defaultdict(list)
    for scan in scans:
        base = f"sub-{scan.subject}" + (f"/ses-{scan.session}" if scan.session is not None else "")
        sessions[base].append(scan)
    return [
        replace(scan, name=base if len(group) == 1 else f"{base}/{_further_words(scan, split_pipelines)}")
        for base, group in sessions.items()
        for scan in group
    ]


def _further_words(scan: Scan, split_pipelines: bool) -> str:
    file = scan.inputs[0].uri.rsplit("/", 1)[-1]
    suffix: Literal["dwi", "bold"] = "dwi" if scan.pipeline == "dwi" else "bold"
    words = [word for word in file.split("_")[:-1] if not word.startswith(("sub-", "ses-"))]
    # The suffix keeps the name of the one image without further words, and tells dwi from bold in a run of both.
    if split_pipelines or not words:
        words.append(suffix)
    return "_".join(words)

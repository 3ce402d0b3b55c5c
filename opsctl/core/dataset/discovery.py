"""Find the scans in the keys of a BIDS dataset, and exclude the other images with a reason each."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from opsctl.core.dataset.archived import archived_reason
from opsctl.core.dataset.bids_name_errors import name_error
from opsctl.core.dataset.entities import BidsPath, EntityPatterns
from opsctl.core.dataset.file_index import GRADIENTS, METADATA, BidsFile, FileIndex
from opsctl.core.dataset.scan import Discovery, Exclusion, Input, Role, S3Object, Scan
from opsctl.core.errors import ErrorCode, Problem
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
_DESCRIPTION = "dataset_description.json"
_NOT_MAGNITUDE = ("phase", "real", "imag")
# A file that was meant to be a T1w, however it is written: `_t1w.nii.gz`, `_T1.nii`, `_T1w.nii.gz.gz`.
_LIKE_T1W = re.compile(r"_t1w?\.[^/]*(?<!\.json)$", re.IGNORECASE)


def may_matter(path: str, *, pipeline: Pipeline) -> bool:
    """Whether a path relative to the dataset's root can belong to a pipeline's scans, judged by its ending alone.

    A listing of a million keys keeps only these.
    """
    return (
        path.lower().endswith(_ENDINGS[pipeline])
        or path == _DESCRIPTION
        or _LIKE_T1W.search(path, len(path) - 24) is not None
    )


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
        The dataset's objects; their keys begin with `prefix`.
    patterns
        pybids' rules for `SUFFIXES`.
    bucket, prefix
        The dataset's location; `prefix` ends with `/` or is empty.
    pipeline
        `dwi`, `func` or `both`: which images count as primary.
    t1w
        None: the lowest run of the scan's own session. `any-session`: another session's where there is none. Any
        other value is a glob that the T1w's file name must match.

    Returns
    -------
    Discovery
        Scans sorted by name, exclusions sorted by key. Every primary image is in one scan or in one exclusion.

    Raises
    ------
    Problem
        Where two subjects, sessions or scans differ only in case, because some file systems cannot hold both.
    """
    index = FileIndex(t1w)
    exclusions: list[Exclusion] = []
    has_description = False
    for obj in objects:
        path = obj.key[len(prefix) :]
        has_description |= path == _DESCRIPTION
        if not may_matter(path, pipeline=pipeline) or not _is_raw(path):
            continue
        bids_path = patterns.parse(path)
        reason = name_error(path) if bids_path is None else _file_error(bids_path, obj)
        if not reason and bids_path is not None:
            index.add(bids_path, obj)
        elif _is_primary(path, pipeline):
            exclusions.append(Exclusion(key=obj.key, reason=reason))
        elif _LIKE_T1W.search(path):
            index.pass_over(path, reason)
    _check_case(index.folders())
    scans: list[Scan] = []
    for image in index.primary(_PRIMARY[pipeline]):
        scan_or_exclusion = _scan(image, index, bucket)
        if isinstance(scan_or_exclusion, Exclusion):
            exclusions.append(scan_or_exclusion)
        else:
            scans.append(scan_or_exclusion)
    scans, ambiguous = _unique(_named(scans, split_pipelines=pipeline == "both"), bucket)
    exclusions += ambiguous
    _check_case(scan.name for scan in scans)
    warnings = (
        () if has_description else ("dataset_description.json is missing; the jobs write one into their own copy.",)
    )
    return Discovery(
        scans=tuple(sorted(scans, key=lambda scan: scan.name)),
        excluded=tuple(sorted(exclusions, key=lambda exclusion: exclusion.key)),
        warnings=warnings,
    )


def _is_raw(path: str) -> bool:
    """Whether a path is below `sub-*`, or a sidecar at the root that every scan inherits; hidden files are not raw."""
    if any(part.startswith(".") and part not in (".", "..") for part in path.split("/")):
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


def _scan(image: BidsFile, index: FileIndex, bucket: str) -> Scan | Exclusion:
    path, obj = image
    is_dwi = path.entities["suffix"] == "dwi"
    objects = [obj]
    inputs = [_input(bucket, obj, "dwi" if is_dwi else "bold")]
    missing: list[str] = []
    roles: tuple[Role, ...] = ("bval", "bvec") if is_dwi else ()
    for role in roles:
        sidecars = index.sidecars(path, f".{role}")
        if not sidecars:
            missing.append(role)
        elif len(sidecars) > 1:
            names = ", ".join(sorted(sidecar.path for sidecar, _ in sidecars))
            return Exclusion(key=obj.key, reason=f"{len(sidecars)} {role} files fit it equally well ({names})")
        elif sidecars[0][1].size_bytes == 0:
            return Exclusion(key=obj.key, reason=f"its {role} is empty (0 bytes)")
        else:
            objects.append(sidecars[0][1])
            inputs.append(_input(bucket, sidecars[0][1], role))
    if not is_dwi and index.echoes(path) > 1:
        return Exclusion(
            key=obj.key,
            reason=f"one of {index.echoes(path)} echoes: m2g takes one image a series, so combine the echoes first",
        )
    if not is_dwi:
        inputs += [_input(bucket, sidecar, "bold_json") for _, sidecar in index.metadata(path) if sidecar.size_bytes]
    anatomical = index.t1w(path)
    if not anatomical:
        missing.append(_no_t1w(path, index))
    if missing:
        return Exclusion(key=obj.key, reason=f"no {' and no '.join(missing)}")
    if anatomical[0][1].size_bytes == 0:
        return Exclusion(key=obj.key, reason="its T1w is empty (0 bytes)")
    archived = archived_reason([*objects, anatomical[0][1]], bucket)
    if archived:
        return Exclusion(key=obj.key, reason=archived)
    inputs.append(_input(bucket, anatomical[0][1], "T1w"))
    return Scan(
        name="",
        subject=path.entities["subject"],
        session=path.entities.get("session"),
        entities=dict(path.entities),
        pipeline="dwi" if is_dwi else "func",
        inputs=tuple(inputs),
        note=_note(path, [t1w for t1w, _ in anatomical]),
    )


def _no_t1w(image: BidsPath, index: FileIndex) -> str:
    """What is missing, and the files that may have been meant."""
    missing = "T1w in its session" if image.entities.get("session") else "T1w"
    passed_over = [f"{path}: {reason}" for path, reason in index.passed_over(image)]
    return f"{missing} ({'; '.join(passed_over)})" if passed_over else missing


def _note(image: BidsPath, anatomical: Sequence[BidsPath]) -> str:
    """Which T1w was chosen, where there was a choice; else empty."""
    chosen = anatomical[0].path.rsplit("/", 1)[-1]
    if anatomical[0].entities.get("session") != image.entities.get("session"):
        return f"no T1w in its session, another session's is taken: {chosen}"
    if len({t1w.path.removesuffix(".gz") for t1w in anatomical}) == 1 < len(anatomical):
        return f"its T1w is there as .nii and as .nii.gz: {chosen} is taken"
    if len(anatomical) > 1:
        rule = "lowest run" if len({t1w.entities.get("run") for t1w in anatomical}) > 1 else "first by name"
        return f"{len(anatomical)} T1w, the {rule} is taken: {chosen}"
    return ""


def _input(bucket: str, obj: S3Object, role: Role) -> Input:
    return Input(uri=f"s3://{bucket}/{obj.key}", role=role, size_bytes=obj.size_bytes, etag=obj.etag)


def _named(scans: Sequence[Scan], *, split_pipelines: bool) -> list[Scan]:
    """Name each scan after its subject and session, with further entities only where the session has several scans."""
    sessions: dict[str, list[Scan]] = defaultdict(list)
    for scan in scans:
        base = f"sub-{scan.subject}" + (f"/ses-{scan.session}" if scan.session is not None else "")
        sessions[base].append(scan)
    # Where a subject has images both in and outside sessions, a scan `sub-01` would be a folder around `sub-01/ses-1`.
    parents = {f"sub-{scan.subject}" for scan in scans if scan.session is not None}
    return [
        replace(
            scan,
            name=base
            if len(group) == 1 and base not in parents
            else f"{base}/{_further_entities(scan, split_pipelines)}",
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
                code=ErrorCode.INPUT_INVALID,
            )


def _unique(scans: Sequence[Scan], bucket: str) -> tuple[list[Scan], list[Exclusion]]:
    """Exclude scans that share a name: `x_dwi.nii` beside `x_dwi.nii.gz` leaves open which one is meant."""
    count = Counter(scan.name for scan in scans)
    ambiguous = [
        Exclusion(
            key=scan.inputs[0].uri.removeprefix(f"s3://{bucket}/"),
            reason="the same image is there as .nii and as .nii.gz",
        )
        for scan in scans
        if count[scan.name] > 1
    ]
    return [scan for scan in scans if count[scan.name] == 1], ambiguous


def _further_entities(scan: Scan, split_pipelines: bool) -> str:
    file = scan.inputs[0].uri.rsplit("/", 1)[-1]
    parts = [pair for pair in file.split("_")[:-1] if not pair.startswith(("sub-", "ses-"))]
    # The suffix distinguishes dwi from bold in a run of both, and names an image without further entities.
    if split_pipelines or not parts:
        parts.append("dwi" if scan.pipeline == "dwi" else "bold")
    return "_".join(parts)

"""The scans of one subject: its primary images with their sidecars and their T1w."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from opsctl.core.dataset.archived import archived_reason
from opsctl.core.dataset.entities import BidsPath
from opsctl.core.dataset.file_index import BidsFile, FileIndex
from opsctl.core.dataset.letter_case import ensure_distinct
from opsctl.core.dataset.scan import Exclusion, Input, Inputs, Role, S3Object, Scan


def subject_scans(index: FileIndex, suffixes: Sequence[str], *, bucket: str) -> tuple[list[Scan], list[Exclusion]]:
    """The scans of a subject, and its images that have a valid name but cannot be processed.

    Parameters
    ----------
    index
        The subject's files.
    suffixes
        Of the primary images: `dwi`, `bold` or both.

    Raises
    ------
    Problem
        Where two sessions or scans differ only in case.
    """
    ensure_distinct(index.folders())
    scans: list[Scan] = []
    exclusions: list[Exclusion] = []
    for image in index.primary(suffixes):
        scan_or_exclusion = _scan(image, index, bucket)
        if isinstance(scan_or_exclusion, Exclusion):
            exclusions.append(scan_or_exclusion)
        else:
            scans.append(scan_or_exclusion)
    scans, ambiguous = _unique(_named(scans, split_pipelines=len(suffixes) > 1), bucket)
    ensure_distinct(scan.name for scan in scans)
    return scans, exclusions + ambiguous


def exclusion(obj: S3Object, reason: str) -> Exclusion:
    """The exclusion of an image; of 1,000,000 images most share their reason's text."""
    return Exclusion(key=obj.key, reason=_shared(reason))


@lru_cache(maxsize=1024)
def _shared(text: str) -> str:
    """A text, in the memory of an equal one where that was met before."""
    return text


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
            return exclusion(obj, f"{len(sidecars)} {role} files fit it equally well ({names})")
        elif sidecars[0][1].size_bytes == 0:
            return exclusion(obj, f"its {role} is empty (0 bytes)")
        else:
            objects.append(sidecars[0][1])
            inputs.append(_input(bucket, sidecars[0][1], role))
    if not is_dwi and index.echoes(path) > 1:
        return exclusion(
            obj, f"one of {index.echoes(path)} echoes: m2g takes one image a series, so combine the echoes first"
        )
    if not is_dwi:
        inputs += [_input(bucket, sidecar, "bold_json") for _, sidecar in index.metadata(path) if sidecar.size_bytes]
    anatomical = index.t1w(path)
    if not anatomical:
        missing.append(_no_t1w(path, index))
    if missing:
        return exclusion(obj, f"no {' and no '.join(missing)}")
    if anatomical[0][1].size_bytes == 0:
        return exclusion(obj, "its T1w is empty (0 bytes)")
    archived = archived_reason([*objects, anatomical[0][1]], bucket)
    if archived:
        return exclusion(obj, archived)
    inputs.append(_input(bucket, anatomical[0][1], "T1w"))
    # Of 100,000 scans most share the texts of their labels.
    entities = {name: _shared(label) if isinstance(label, str) else label for name, label in path.entities.items()}
    return Scan(
        name="",
        subject=entities["subject"],
        session=entities.get("session"),
        entities=entities,
        pipeline="dwi" if is_dwi else "func",
        inputs=Inputs(inputs),
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

"""The options of m2g's func pipeline that come from the data: repetition time and slice order."""

from __future__ import annotations

from typing import Mapping, Sequence

from m2g_job import bold_timing, causes
from m2g_job.faults import S3Refused, WrongInput
from m2g_job.gradients import LARGEST_BYTES
from m2g_job.log import Log
from m2g_job.nifti import Header
from m2g_job.s3 import S3
from m2g_job.scan import METADATA, Input, Scan


def arguments(scan: Scan, header: Header, *, s3: S3, log: Log) -> list[str]:
    """`--tr` and `--acquisition`, as far as the scan's JSON does not have them; an empty list for dwi.

    m2g's own defaults are 2.0 s and alt+z, whatever the series is.

    Raises
    ------
    WrongInput
        The series has no repetition time, or its sidecar cannot be read.
    """
    if scan.pipeline != "func":
        return []
    tr, acquisition = _typed(scan.argv, "--tr"), _typed(scan.argv, "--acquisition")
    timing = bold_timing.bold_timing(
        _fields(scan, s3),
        header_tr=header.tr_seconds,
        slices=header.slices,
        tr=float(tr) if tr is not None else None,
        acquisition=acquisition,
    )
    for doubt in timing.doubts:
        log.write(f"{scan.primary.name}: {doubt}")
    if timing.tr_seconds is None:
        raise WrongInput(
            f"{scan.primary.name} has no repetition time, neither in a JSON sidecar nor in its header: give --tr",
            causes.REPETITION_TIME_UNKNOWN,
            file=scan.primary.uri,
        )
    decided = {
        "--tr": None if tr else f"{timing.tr_seconds:g}",
        "--acquisition": None if acquisition else timing.acquisition,
    }
    return [word for option, value in decided.items() if value is not None for word in (option, value)]


def _typed(argv: Sequence[str], option: str) -> str | None:
    return argv[argv.index(option) + 1] if option in argv else None


def _fields(scan: Scan, s3: S3) -> Mapping[str, object]:
    sidecars = [entry for entry in scan.inputs if entry.role == METADATA]
    documents: list[bytes] = []
    for entry in sidecars:
        documents.append(_read(entry, s3))
        if sum(map(len, documents)) > LARGEST_BYTES:
            raise WrongInput(
                f"{scan.primary.name}: its JSON sidecars have more than {LARGEST_BYTES:,} bytes together",
                causes.SIDECAR_INVALID,
                file=entry.uri,
            )
    try:
        return bold_timing.merged(documents)
    except ValueError as error:
        raise WrongInput(f"{scan.primary.name}: {error}", causes.SIDECAR_INVALID, file=sidecars[-1].uri)


def _read(entry: Input, s3: S3) -> bytes:
    try:
        document = s3.read(entry.uri, at_most=LARGEST_BYTES + 1)
    except S3Refused as refused:
        raise WrongInput(f"{entry.name} cannot be read: {refused}", refused.cause_code, **refused.facts)
    if document is None or document.etag != entry.etag:
        raise WrongInput(
            f"{entry.name} has changed since the run was submitted: submit it again",
            causes.INPUT_CHANGED,
            file=entry.uri,
        )
    return document.data

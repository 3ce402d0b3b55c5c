"""Builds the small BIDS folder that m2g accepts: the files of one scan and nothing else.

m2g expects exactly three files of suffix `dwi`, exactly one T1w, and a session. Real datasets have JSON sidecars,
several runs, inherited gradients or no sessions, so m2g never gets a dataset as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from m2g_job import causes, gradients, nifti
from m2g_job.faults import S3Missing, S3Refused, ScanFailed, TransientFault, WrongInput
from m2g_job.s3 import PART_BYTES, S3, ObjectHead
from m2g_job.scan import METADATA, Input, Scan
from m2g_job.staged_names import StagedNames
from m2g_job.stop import StopRequest

#: The free space that m2g needs in addition to the inputs.
MARGIN_BYTES = 1024**3
_DOWNLOADS = 4
_POLL_SECONDS = 0.2
_RETRY_PAUSES_SECONDS = (1.0, 4.0, 0.0)


def empty(folder: str) -> None:
    """Create a folder, or empty it; the folder itself is kept, because it may belong to another user in the image."""
    os.makedirs(folder, exist_ok=True)
    with os.scandir(folder) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)


def layout(scan: Scan) -> dict[str, Input]:
    """The inputs by their paths in m2g's input folder.

    The gradients get the image's stem, wherever in the dataset they are; the T1w gets its name in m2g's own examples.
    """
    names = StagedNames(scan)
    subject, session = f"sub-{names.subject}", f"ses-{names.session}"
    paths = {}
    for entry in scan.inputs:
        if entry.role == METADATA:
            continue
        if entry.role == "T1w":
            folder, name = "anat", f"{subject}_{session}_T1w{entry.extension}"
        else:
            folder, name = "func" if entry.role == "bold" else "dwi", names.stem + entry.extension
        paths[os.path.join(subject, session, folder, name)] = entry
    return paths


def pull(s3: S3, scan: Scan, input_dir: str, *, stop: StopRequest) -> int:
    """Download a scan's inputs into an empty folder, in the layout that m2g needs.

    Parameters
    ----------
    input_dir
        An empty folder.
    stop
        Ends the downloads where a signal came.

    Returns
    -------
    int
        The downloaded bytes.

    Raises
    ------
    WrongInput
        An input is missing, denied, or has changed since the run was submitted.
    ScanFailed
        The disk is too small.
    TransientFault
        S3 did not answer.
    """
    total = sum(entry.size_bytes for entry in scan.inputs)
    free = shutil.disk_usage(input_dir).free
    if free < total + MARGIN_BYTES:
        free_gib, inputs_gib, margin_gib = (size / 1024**3 for size in (free, total, MARGIN_BYTES))
        raise ScanFailed(
            f"the disk is too small: {free_gib:.1f} GiB are free and the inputs need {inputs_gib:.1f} GiB beside "
            f"{margin_gib:.1f} GiB to work in; give the platform a larger root volume",
            causes.DISK_FULL,
            free_mib=free // 1024**2,
            needed_mib=(total + MARGIN_BYTES) // 1024**2,
        )
    with open(os.path.join(input_dir, "dataset_description.json"), "w", encoding="utf-8") as description:
        json.dump({"Name": "one scan, staged for m2g", "BIDSVersion": "1.9.0"}, description)
    inputs = {os.path.join(input_dir, path): entry for path, entry in layout(scan).items()}
    for path in inputs:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    pool = ThreadPoolExecutor(_DOWNLOADS)
    running = {pool.submit(_download, s3, entry, path, stop) for path, entry in inputs.items()}
    try:
        while running:
            stop.check()
            done, running = wait(running, timeout=_POLL_SECONDS, return_when=FIRST_EXCEPTION)
            for download in done:
                download.result()
    finally:
        for download in running:
            download.cancel()
        # A download that waits for S3 must not delay the end of the job, nor the result with the cause.
        pool.shutdown(wait=False)
    return total


def _download(s3: S3, entry: Input, path: str, stop: StopRequest) -> None:
    # A small file is one request. Of a large one the size and the etag are asked for before and after its parts.
    download = _download_at_once if entry.size_bytes <= PART_BYTES else _download_parts
    try:
        problem: str | None = None
        for pause in _RETRY_PAUSES_SECONDS:
            problem = download(s3, entry, path, stop)
            if problem is None:
                return
            stop.sleep(pause)
        raise TransientFault(f"{entry.name} did not arrive whole: {problem}", causes.S3_UNAVAILABLE, file=entry.uri)
    except S3Refused as error:
        raise WrongInput(f"{entry.name} cannot be read: {error}", _input_code(error), **error.facts)


def _download_at_once(s3: S3, entry: Input, path: str, stop: StopRequest) -> str | None:
    """Download an input by one request; return how it differs from its object, None where it does not."""
    head = s3.fetch(
        entry.uri,
        path,
        on_head=lambda head: _ensure_unchanged(entry, head),
        on_bytes=lambda _count: stop.check(),
    )
    return _difference(path, head)


def _download_parts(s3: S3, entry: Input, path: str, stop: StopRequest) -> str | None:
    """Download an input in parallel parts; return how it differs from its object, None where it does not."""
    head = s3.head(entry.uri)
    _ensure_unchanged(entry, head)
    try:
        s3.download(entry.uri, path, on_bytes=lambda _count: stop.check())
    except TransientFault as fault:  # the reply broke off in each of the SDK's attempts
        return str(fault)
    problem = _difference(path, head)
    if problem is None and not head.plain_md5:
        # The parts belong to one object if the object has not changed since.
        _ensure_unchanged(entry, s3.head(entry.uri))
    return problem


def _input_code(refused: S3Refused) -> str:
    if isinstance(refused, S3Missing) or refused.cause_code == causes.BUCKET_MISSING:
        return causes.INPUT_MISSING
    if refused.facts.get("s3_code") == "InvalidObjectState":
        return causes.INPUT_ARCHIVED
    return causes.INPUT_DENIED if refused.cause_code == causes.S3_DENIED else causes.INPUT_UNREADABLE


def _ensure_unchanged(entry: Input, head: ObjectHead) -> None:
    """Raise `WrongInput` where an input's size and etag differ from those at submission."""
    if (head.size_bytes, head.etag) != (entry.size_bytes, entry.etag):
        raise WrongInput(
            f"{entry.name} has changed since the run was submitted: submit it again",
            causes.INPUT_CHANGED,
            file=entry.uri,
        )


def _difference(path: str, head: ObjectHead) -> str | None:
    """How a downloaded file differs from its object; None where it does not."""
    size = os.path.getsize(path)
    if size != head.size_bytes:
        return f"{size} bytes of {head.size_bytes}"
    if not head.plain_md5:
        return None
    digest = hashlib.md5()  # noqa: S324  (S3's etag is an MD5)
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1024 * 1024), b""):
            digest.update(block)
    return None if digest.hexdigest() == head.etag else "its MD5 differs"


def check(scan: Scan, input_dir: str, *, stop: StopRequest) -> nifti.Header:
    """Refuse inputs on which m2g would fail after an hour, without a clear message.

    Returns
    -------
    Header
        Of the primary image.

    Raises
    ------
    WrongInput
        A file is broken, or the gradients do not match the image.
    """
    paths = {entry.role: os.path.join(input_dir, path) for path, entry in layout(scan).items()}
    name, t1w = scan.primary.name, scan.input("T1w").name
    header = nifti.check(paths[scan.primary.role], name, on_bytes=lambda _count: stop.check())
    volumes = header.volumes
    t1w_volumes = nifti.check(paths["T1w"], t1w, on_bytes=lambda _count: stop.check()).volumes
    if volumes < 2:
        raise WrongInput(f"{name} has 1 volume: that is no series", causes.SINGLE_VOLUME, file=name)
    if t1w_volumes > 1:
        raise WrongInput(
            f"{t1w} has {t1w_volumes} volumes: a T1w must have one", causes.T1W_SERIES, file=t1w, volumes=t1w_volumes
        )
    if scan.pipeline == "dwi":
        bvals = gradients.check(paths["bval"], paths["bvec"], volumes=volumes, image=name)
        gradients.write_b0(paths["bval"], bvals)
    return header

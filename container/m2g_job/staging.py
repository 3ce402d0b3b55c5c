"""The small BIDS folder that m2g accepts: the files of one scan and nothing else.

m2g unpacks exactly three files of suffix `dwi` and exactly one T1w of a session that must exist. Real datasets have
JSON sidecars, several runs, inherited gradients and no sessions; so no dataset is ever handed over as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from m2g_job import gradients, nifti
from m2g_job.faults import PassingFault, S3Refused, ScanFailed, WrongInput
from m2g_job.s3 import S3, Head
from m2g_job.scan import MADE_UP_SESSION, Input, Scan
from m2g_job.stop import Stop

#: Free space that must be left beside the inputs before anything is pulled.
MARGIN_BYTES = 1024**3
_DOWNLOADS = 4
_LOOK_SECONDS = 0.2
_PAUSES_SECONDS = (1.0, 4.0, 0.0)


def empty(folder: str) -> None:
    """Remove what is in a folder, or make it; the folder itself stays: the image's may belong to another user."""
    os.makedirs(folder, exist_ok=True)
    with os.scandir(folder) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)


def layout(scan: Scan) -> dict[str, Input]:
    """Where each input goes, relative to m2g's input folder.

    The gradients take the image's stem, wherever in the dataset they were found; the T1w takes the name that m2g's own
    examples have.
    """
    subject, session = f"sub-{scan.subject}", f"ses-{scan.session_label}"
    stem = scan.primary.name[: -len(scan.primary.extension)]
    if scan.session is None:
        stem = stem.replace(subject, f"{subject}_ses-{MADE_UP_SESSION}", 1)
    places = {}
    for entry in scan.inputs:
        if entry.role == "T1w":
            folder, name = "anat", f"{subject}_{session}_T1w{entry.extension}"
        else:
            folder, name = "func" if entry.role == "bold" else "dwi", stem + entry.extension
        places[os.path.join(subject, session, folder, name)] = entry
    return places


def pull(s3: S3, scan: Scan, input_dir: str, *, stop: Stop) -> int:
    """Bring a scan's inputs into an empty folder, laid out as m2g needs them.

    Parameters
    ----------
    s3, scan
        From where, and what.
    input_dir
        An empty folder.
    stop
        Ends the downloads where a signal came.

    Returns
    -------
    int
        The bytes pulled.

    Raises
    ------
    WrongInput
        An input is gone, denied, or has changed since the run was submitted.
    ScanFailed
        The disk is too small.
    PassingFault
        S3 did not answer.
    """
    total = sum(entry.size_bytes for entry in scan.inputs)
    free = shutil.disk_usage(input_dir).free
    if free < total + MARGIN_BYTES:
        free_gib, inputs_gib, margin_gib = (size / 1024**3 for size in (free, total, MARGIN_BYTES))
        raise ScanFailed(
            f"the disk is too small: {free_gib:.1f} GiB are free and the inputs need {inputs_gib:.1f} GiB beside "
            f"{margin_gib:.1f} GiB to work in; give the platform a larger root volume"
        )
    with open(os.path.join(input_dir, "dataset_description.json"), "w", encoding="utf-8") as description:
        json.dump({"Name": "one scan, staged for m2g", "BIDSVersion": "1.9.0"}, description)
    places = layout(scan)
    for place in places:
        os.makedirs(os.path.dirname(os.path.join(input_dir, place)), exist_ok=True)
    pool = ThreadPoolExecutor(_DOWNLOADS)
    waiting = {
        pool.submit(_download, s3, entry, os.path.join(input_dir, place), stop) for place, entry in places.items()
    }
    try:
        while waiting:
            stop.check()
            done, waiting = wait(waiting, timeout=_LOOK_SECONDS, return_when=FIRST_EXCEPTION)
            for download in done:
                download.result()
    finally:
        for download in waiting:
            download.cancel()
        # A download that S3 keeps waiting must not hold the end, nor the result that says why.
        pool.shutdown(wait=False)
    return total


def _download(s3: S3, entry: Input, path: str, stop: Stop) -> None:
    try:
        head = _unchanged(s3, entry)
        problem: str | None = None
        for pause in _PAUSES_SECONDS:
            try:
                s3.download(entry.uri, path, on_bytes=lambda _count: stop.check())
                problem = _difference(path, head)
            except PassingFault as fault:  # bodies that broke off, again and again
                problem = str(fault)
            if problem is None:
                if not head.plain_md5:
                    # The parts of a large file come one by one: they are of one object if it still is the same.
                    _unchanged(s3, entry)
                return
            stop.wait(pause)
        raise PassingFault(f"{entry.name} did not arrive whole: {problem}")
    except S3Refused as error:
        raise WrongInput(f"{entry.name} cannot be read: {error}")


def _unchanged(s3: S3, entry: Input) -> Head:
    head = s3.head(entry.uri)
    if (head.size_bytes, head.etag) != (entry.size_bytes, entry.etag):
        raise WrongInput(f"{entry.name} has changed since the run was submitted: submit it again")
    return head


def _difference(path: str, head: Head) -> str | None:
    size = os.path.getsize(path)
    if size != head.size_bytes:
        return f"{size} bytes of {head.size_bytes}"
    if not head.plain_md5:
        return None
    digest = hashlib.md5()  # noqa: S324  (S3's etag is one)
    with open(path, "rb") as stream:
        for piece in iter(lambda: stream.read(1024 * 1024), b""):
            digest.update(piece)
    return None if digest.hexdigest() == head.etag else "its MD5 differs"


def check(scan: Scan, input_dir: str, *, stop: Stop) -> None:
    """Refuse inputs that m2g would fail on, an hour later and without a reason.

    Raises
    ------
    WrongInput
        With what does not agree.
    """
    paths = {entry.role: os.path.join(input_dir, place) for place, entry in layout(scan).items()}
    if scan.pipeline == "dwi":
        bvals, bvecs = gradients.bval_count(paths["bval"]), gradients.bvec_count(paths["bvec"])
        if bvals != bvecs:
            raise WrongInput(f"bval and bvec differ in count: {bvals} and {bvecs}")
    name = scan.primary.name
    volumes = nifti.check(paths[scan.primary.role], name, on_bytes=lambda _count: stop.check()).volumes
    nifti.check(paths["T1w"], scan.one("T1w").name, on_bytes=lambda _count: stop.check())
    if scan.pipeline == "dwi" and volumes != bvals:
        raise WrongInput(f"image and bval differ in count: {name} has {volumes} volumes for {bvals} b-values")
    if scan.pipeline == "func" and volumes < 2:
        raise WrongInput(f"{name} has 1 volume: that is no time series")

"""m2g's output files: collected, uploaded to S3 and verified there."""

from __future__ import annotations

import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence

from m2g_job import causes, record
from m2g_job.faults import ScanFailed, TransientFault
from m2g_job.result_check import is_plain_path
from m2g_job.s3 import PUSH_THREADS, S3
from m2g_job.staged_names import StagedNames

#: Intermediate files: large, and of no use afterwards, with three exceptions.
_INTERMEDIATES = "tmp_d"
#: What m2g's `--skipreg` reads of them: the warp and the transform that bring another atlas into DWI space, and the
#: ventricles' mask, without which it aligns the tissues again.
REGISTRATION_FILES = (
    "tmp_d/reg_a/mni2t1w_warp.nii.gz",
    "tmp_d/reg_a/t1w_vent_csf_in_dwi.nii.gz",
    "tmp_d/reg_m/t1wtissue2dwi_xfm.mat",
)
#: C-PAC gets the session's folder as its own: `crash` and `log` say why it failed.
_QA = ("qa_d", "qa_f", "log_f", "crash", "log")


@dataclass(frozen=True)
class Output:
    """A file to upload.

    Attributes
    ----------
    path
        The file; "" where `data` has its bytes.
    key
        Relative to the URI that the files go to.
    """

    path: str
    key: str
    data: bytes | None = None


def collect(session_dir: str, names: StagedNames) -> list[Output]:
    """Every regular file of a session except hidden and most of the intermediate ones, under the scan's own names.

    A hidden file, or one with control characters in its name, is no output: no result may name it.

    Parameters
    ----------
    session_dir
        `OUTPUT_DIR/sub-X/ses-Y`; it may be missing.
    names
        The scan's.

    Raises
    ------
    ScanFailed
        Two files would have the same key.
    """
    outputs: dict[str, Output] = {}
    for folder, subfolders, files in os.walk(session_dir):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(files):
            # `opsctl results` writes no hidden files.
            if name.startswith("."):
                continue
            path = os.path.join(folder, name)
            # The target of a link is uploaded under its own name, or is not an output (an atlas).
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            relative = os.path.relpath(path, session_dir).replace(os.sep, "/")
            if relative.startswith(f"{_INTERMEDIATES}/") and relative not in REGISTRATION_FILES:
                continue
            if not is_plain_path(relative):
                continue
            key = names.output_key(relative)
            if key in outputs:
                raise ScanFailed(f"m2g left two files for one name: {key}", causes.DUPLICATE_OUTPUT, file=key)
            outputs[key] = Output(path, key)
    return list(outputs.values())


def skull_strip_picture(outputs: Sequence[Output]) -> str | None:
    """The key of the picture of the skull strip; None where there is none."""
    keys = (output.key for output in outputs if output.key.startswith(("qa_d/", "qa_f/")))
    return next((key for key in keys if re.search(r"skull_?strip.*\.png$", key)), None)


def qa(outputs: Sequence[Output]) -> list[Output]:
    """The outputs that show why a scan failed: quality pictures and C-PAC's logs."""
    return [output for output in outputs if output.key.split("/", 1)[0] in _QA]


def push(s3: S3, outputs: Sequence[Output], base_uri: str, *, guard: Callable[[], None]) -> list[dict[str, Any]]:
    """Upload files in parallel; S3 checks the SHA-256 of each.

    Parameters
    ----------
    base_uri
        Where the files go, without a slash at the end.
    guard
        Called before each upload and each attempt at it; an exception that it raises ends the push.

    Returns
    -------
    list of dict
        `path` (the output's key), `size_bytes`, `sha256` (hex) and `etag` of each, in the order of `outputs`; the etag
        is None after an upload in parts, until `verify` has read it.

    Raises
    ------
    TransientFault
        S3 did not answer.
    """
    with ThreadPoolExecutor(PUSH_THREADS) as pool:
        pushes = [pool.submit(_push_file, s3, output, base_uri, guard) for output in outputs]
        try:
            return [push.result() for push in pushes]
        except BaseException:
            for push in pushes:
                push.cancel()
            raise


def _push_file(s3: S3, output: Output, base_uri: str, guard: Callable[[], None]) -> dict[str, Any]:
    guard()
    uri = f"{base_uri}/{output.key}"
    if output.data is not None:
        etag = s3.put(uri, output.data, guard=guard)
        return _entry(output.key, len(output.data), hashlib.sha256(output.data), etag)
    digest = hashlib.sha256()
    size = 0
    with open(output.path, "rb") as stream:
        for block in iter(lambda: stream.read(1024 * 1024), b""):
            digest.update(block)
            size += len(block)
    return _entry(output.key, size, digest, s3.upload(output.path, uri, sha256=digest.digest(), guard=guard))


def listed(
    outputs: Sequence[Output], entries: Sequence[dict[str, Any]], graphs: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The entries of outputs as a result lists them: a connectome says what it holds.

    Parameters
    ----------
    entries
        From `push` or `verify`, in the order of `outputs`.
    graphs
        What each connectome's file holds, by the file's place on this disk.
    """
    return [
        {**entry, "graph": graphs[output.path]} if output.path in graphs else entry
        for output, entry in zip(outputs, entries)
    ]


def longest_entries(outputs: Sequence[Output]) -> list[dict[str, Any]]:
    """Entries at least as long as those of `push`."""
    return [
        {"path": output.key, "size_bytes": record.LARGEST_OBJECT, "sha256": "0" * 64, "etag": "0" * 64}
        for output in outputs
    ]


def _entry(path: str, size_bytes: int, digest: Any, etag: str | None) -> dict[str, Any]:
    return {"path": path, "size_bytes": size_bytes, "sha256": digest.hexdigest(), "etag": etag}


def verify(s3: S3, files: Sequence[dict[str, Any]], base_uri: str) -> list[dict[str, Any]]:
    """Check, with one listing, that each object on S3 is the one that this job uploaded.

    Parameters
    ----------
    files
        From `push`.

    Returns
    -------
    list of dict
        The files as a result lists them, each with its etag.

    Raises
    ------
    TransientFault
        S3 did not answer, or another job has written over a file.
    """
    objects = s3.list_objects(f"{base_uri}/")
    verified = []
    for entry in files:
        uri = f"{base_uri}/{entry['path']}"
        obj = objects.get(uri)
        if obj is None or obj.size_bytes != entry["size_bytes"] or entry["etag"] not in (None, obj.etag):
            raise TransientFault(f"{uri} is not what this job uploaded", causes.S3_UNAVAILABLE, file=uri)
        # A later listing shows the same etag as long as nobody has replaced the object.
        verified.append({**entry, "etag": obj.etag})
    return verified

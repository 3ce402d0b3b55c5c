"""What m2g leaves behind, and its way to S3."""

from __future__ import annotations

import hashlib
import os
import posixpath
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Callable, Sequence

from m2g_job.faults import PassingFault, ScanFailed
from m2g_job.s3 import PUSH_THREADS, S3
from m2g_job.scan import MADE_UP_SESSION

#: Intermediates: large, and nobody wants them.
_NOT_WANTED = "tmp_d"
_QA = ("qa_d", "qa_f", "log_f")


@dataclass(frozen=True)
class Output:
    """A file of m2g's and its key under the place that it goes to; `data` stands for the file where there is none."""

    path: str
    key: str
    data: bytes | None = None


def collect(session_dir: str, *, made_up_session: bool) -> list[Output]:
    """Every regular file of a session but the intermediates.

    Parameters
    ----------
    session_dir
        `OUTPUT_DIR/sub-X/ses-Y`; it may be missing.
    made_up_session
        Whether the session exists in this job only: then its label is taken out of every name.

    Raises
    ------
    ScanFailed
        Two files would have one key.
    """
    found: dict[str, Output] = {}
    for folder, names, files in os.walk(session_dir):
        relative = os.path.relpath(folder, session_dir)
        if relative == ".":
            names[:] = [name for name in names if name != _NOT_WANTED]
        names.sort()
        for name in sorted(files):
            path = os.path.join(folder, name)
            # A link is no product: its target is pushed where it lies, or is not m2g's to publish (an atlas).
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            key = posixpath.normpath(posixpath.join(*relative.split(os.sep), name))
            if made_up_session:
                key = key.replace(f"_ses-{MADE_UP_SESSION}", "")
            if key in found:
                raise ScanFailed(f"m2g left two files for one name: {key}")
            found[key] = Output(path, key)
    return list(found.values())


def qa(outputs: Sequence[Output]) -> list[Output]:
    """Those of the outputs that show why a scan failed: quality pictures and C-PAC's logs."""
    return [output for output in outputs if output.key.split("/", 1)[0] in _QA]


def push(s3: S3, outputs: Sequence[Output], base_uri: str, *, guard: Callable[[], None]) -> list[dict[str, Any]]:
    """Upload files in parallel, each under its SHA-256.

    Parameters
    ----------
    s3, outputs
        To where, and what.
    base_uri
        The place, without a slash at the end.
    guard
        Called before each upload and each attempt at it; what it raises ends the push.

    Returns
    -------
    list of dict
        `uri`, `size_bytes`, `sha256` (hex) and `etag` of each, in the order of `outputs`; the etag is None after an
        upload in parts, until `verify` has seen it.

    Raises
    ------
    PassingFault
        S3 did not answer.
    """
    with ThreadPoolExecutor(PUSH_THREADS) as pool:
        pushes = [pool.submit(_push_one, s3, output, f"{base_uri}/{output.key}", guard) for output in outputs]
        try:
            return [push.result() for push in pushes]
        except BaseException:
            for push in pushes:
                push.cancel()
            raise


def _push_one(s3: S3, output: Output, uri: str, guard: Callable[[], None]) -> dict[str, Any]:
    guard()
    if output.data is not None:
        etag = s3.put(uri, output.data, guard=guard)
        return _entry(uri, len(output.data), hashlib.sha256(output.data), etag)
    digest = hashlib.sha256()
    size = 0
    with open(output.path, "rb") as stream:
        for piece in iter(lambda: stream.read(1024 * 1024), b""):
            digest.update(piece)
            size += len(piece)
    return _entry(uri, size, digest, s3.upload(output.path, uri, sha256=digest.digest(), guard=guard))


def _entry(uri: str, size_bytes: int, digest: Any, etag: str | None) -> dict[str, Any]:
    return {"uri": uri, "size_bytes": size_bytes, "sha256": digest.hexdigest(), "etag": etag}


def verify(s3: S3, files: Sequence[dict[str, Any]], base_uri: str) -> list[dict[str, Any]]:
    """The files as a result lists them, where each object on S3 still is the one that was uploaded.

    One listing of the place answers for all of them.

    Raises
    ------
    PassingFault
        S3 did not answer, or another job has written over a file.
    """
    there = s3.listed(f"{base_uri}/")
    for entry in files:
        found = there.get(entry["uri"])
        if found is None or found.size_bytes != entry["size_bytes"] or entry["etag"] not in (None, found.etag):
            raise PassingFault(f"{entry['uri']} is not what this job uploaded")
    # S3's own word, which a later listing repeats: by it anyone can tell that this object still is the one.
    return [{**entry, "etag": there[entry["uri"]].etag} for entry in files]

"""`…_provenance.json` beside one scan's outputs: what they were made from, and by which programs."""

from __future__ import annotations

import json
from typing import Any, Mapping
from urllib.parse import quote

from m2g_job import derivative
from m2g_job.environment import Environment
from m2g_job.outputs import Output
from m2g_job.reuse import ReusedFile
from m2g_job.scan import Input, Scan
from m2g_job.version import M2gPackage


def output(
    scan: Scan,
    environment: Environment,
    *,
    package: M2gPackage,
    started_at: str,
    seconds: Mapping[str, float],
) -> Output:
    """The provenance as one of the scan's outputs; held in memory, since m2g may have filled the disk.

    Parameters
    ----------
    scan, environment
        What was processed, and by which attempt.
    package
        The package m2g that ran.
    started_at, seconds
        The attempt's start, and the duration of each phase so far: the push comes later.
    """
    content: dict[str, Any] = {
        "Description": derivative.PREVIEW_WARNING if derivative.is_preview(scan.image) else "connectomes of one scan",
        "Sources": [bids_uri(file, scan) for file in (*scan.inputs, *(scan.reuse.files if scan.reuse else ()))],
        "SourceDatasets": [derivative.source_dataset(scan)],
        "GeneratedBy": derivative.generators(scan, m2g_version=package.version),
        "dataset": scan.dataset,
        "inputs": [
            {"uri": entry.uri, "role": entry.role, "size_bytes": entry.size_bytes, "etag": entry.etag}
            for entry in scan.inputs
        ],
        "reuse": scan.reuse.as_json() if scan.reuse else None,
        "scan": scan.name,
        "key": scan.key,
        "m2g": dict(scan.options),
        "m2g_version": package.version,
        "m2g_package_sha256": package.sha256,
        "argv": list(scan.argv),
        "image": scan.image,
        "image_digest": scan.image_digest,
        "opsctl_version": scan.opsctl_version,
        "run_id": environment.run_id,
        "index": environment.index,
        "job_id": environment.job_id,
        "attempt": environment.attempt,
        "started_at": started_at,
        "seconds": {phase: round(seconds[phase], 3) for phase in ("pull", "m2g")},
    }
    data = json.dumps({"schema_version": 1, **content}, indent=1).encode("utf-8")
    key = f"{scan.name.replace('/', '_')}_provenance.json"
    return Output(path="", key=key, data=data + b"\n")


def bids_uri(file: Input | ReusedFile, scan: Scan) -> str:
    """The BIDS URI of a source; its own URI where it is not part of the scan's dataset."""
    prefix = f"{scan.dataset}/"
    if not file.uri.startswith(prefix):
        return file.uri
    return f"bids:{derivative.SOURCE}:{quote(file.uri[len(prefix) :], safe='/+=~')}"

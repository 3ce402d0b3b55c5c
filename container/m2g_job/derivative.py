"""The derivative dataset's own description, as BIDS asks for it at the top of every derivative."""

from __future__ import annotations

import posixpath
from typing import Any, Dict

from m2g_job.faults import ConditionFailed, ConditionsUnsupported
from m2g_job.s3 import S3
from m2g_job.scan import Scan

#: What the local platform calls its image: its `m2g` is a preview, and its outputs must not pass for m2g's.
PREVIEW_IMAGE = "opsctl-preview"


def description(scan: Scan) -> Dict[str, Any]:
    """What `dataset_description.json` says: the same for every scan of a run."""
    return {
        "Name": posixpath.basename(scan.derivative),
        "BIDSVersion": "1.9.0",
        "DatasetType": "derivative",
        "GeneratedBy": [
            _generator(scan.image),
            {"Name": "opsctl", "Description": "staged, ran and verified it as a job of AWS Batch"},
        ],
        "SourceDatasets": [{"URL": source(scan)}],
    }


def _generator(image: str) -> Dict[str, Any]:
    if image.split(":", 1)[0] == PREVIEW_IMAGE:
        return {"Name": "opsctl preview", "Description": "a small preview in m2g's place: no scientific results"}
    return {
        "Name": "m2g",
        "CodeURL": "https://github.com/neurodata/m2g",
        "Container": {"Type": "docker", "Tag": image},
    }


def source(scan: Scan) -> str:
    """The dataset that the scan is of: the image's URI up to its subject's folder."""
    return scan.primary.uri.split(f"/sub-{scan.subject}/", 1)[0]


def describe(s3: S3, scan: Scan) -> None:
    """Write the description where none stands: hundreds of jobs try at once, and the first one wins."""
    uri = f"{scan.derivative}/dataset_description.json"
    if s3.read(uri) is not None:
        return
    try:
        s3.write(uri, description(scan), if_none=True)
    except ConditionFailed:
        pass
    except ConditionsUnsupported:
        s3.write(uri, description(scan))

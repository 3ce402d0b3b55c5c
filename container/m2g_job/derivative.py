"""The derivative dataset's own description, as BIDS asks for it at the top of every derivative."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from m2g_job.faults import ConditionFailed, ConditionsUnsupported
from m2g_job.s3 import S3
from m2g_job.scan import Scan

#: What the local platform calls its image: its `m2g` is a preview, and its outputs must not pass for m2g's.
PREVIEW_IMAGE = "opsctl-preview"
PREVIEW_WARNING = "a small preview in m2g's place: no scientific results"
#: The name of the source dataset in BIDS URIs (`bids:source:sub-01/…`); DatasetLinks says where it is.
SOURCE = "source"


def description(scan: Scan, *, m2g_version: str | None) -> dict[str, Any]:
    """What `dataset_description.json` says: the same for every scan of a run."""
    return {
        "Name": posixpath.basename(scan.derivative),
        "BIDSVersion": "1.9.0",
        "DatasetType": "derivative",
        "DatasetLinks": {SOURCE: scan.dataset},
        "GeneratedBy": generators(scan, m2g_version=m2g_version),
        "SourceDatasets": [{"URL": scan.dataset}],
    }


def generators(scan: Scan, *, m2g_version: str | None) -> list[dict[str, Any]]:
    """What made the outputs, in BIDS's words.

    Parameters
    ----------
    scan
        Its image and opsctl's version are named.
    m2g_version
        None where it is not known: then nothing is said.
    """
    maker = _generator(scan.image, digest=scan.image_digest)
    if is_preview(scan.image):
        maker["Version"] = scan.opsctl_version
    elif m2g_version is not None:
        maker["Version"] = m2g_version
    return [
        maker,
        {
            "Name": "opsctl",
            "Version": scan.opsctl_version,
            "Description": "staged, ran and verified it as a job of AWS Batch",
        },
    ]


def is_preview(image: str) -> bool:
    """Whether an image is the local platform's, whose `m2g` is the preview."""
    return image.split(":", 1)[0] == PREVIEW_IMAGE


def _generator(image: str, *, digest: str | None = None) -> dict[str, Any]:
    if is_preview(image):
        return {"Name": "opsctl preview", "Description": PREVIEW_WARNING}
    container = {"Type": "docker", "Tag": image}
    if digest is not None:
        # A tag may move; only the digest names these very layers. A registry's port is no tag.
        repository = re.sub(r"(:[^:/@]*)?(@.*)?$", "", image)
        container["URI"] = f"docker://{repository}@{digest}"
    return {"Name": "m2g", "CodeURL": "https://github.com/neurodata/m2g", "Container": container}


def describe(s3: S3, scan: Scan, *, m2g_version: str | None) -> None:
    """Write the description where none stands: hundreds of jobs try at once, and the first one wins."""
    uri = f"{scan.derivative}/dataset_description.json"
    if s3.read(uri) is not None:
        return
    value = description(scan, m2g_version=m2g_version)
    try:
        s3.write(uri, value, if_none=True)
    except ConditionFailed:
        pass
    except ConditionsUnsupported:
        s3.write(uri, value)

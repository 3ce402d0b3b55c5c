"""`dataset_description.json` of the derivative dataset, which BIDS requires."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from m2g_job.faults import ConditionFailed, ConditionsUnsupported
from m2g_job.s3 import S3
from m2g_job.scan import Scan

#: The local platform's image: its `m2g` is a preview, and its outputs must not pass for m2g's.
PREVIEW_IMAGE = "opsctl-preview"
PREVIEW_WARNING = "a small preview in m2g's place: no scientific results"
#: The name of the source dataset in BIDS URIs (`bids:source:sub-01/…`); `DatasetLinks` maps it to the dataset's URI.
SOURCE = "source"


def description(scan: Scan, *, m2g_version: str | None) -> dict[str, Any]:
    """The content of `dataset_description.json`: the same for every scan of a run."""
    return {
        "Name": posixpath.basename(scan.derivative) + (" (opsctl's preview)" if is_preview(scan.image) else ""),
        "BIDSVersion": "1.9.0",
        "DatasetType": "derivative",
        "DatasetLinks": {SOURCE: scan.dataset},
        "GeneratedBy": generators(scan, m2g_version=m2g_version),
        "SourceDatasets": [source_dataset(scan)],
    }


def source_dataset(scan: Scan) -> dict[str, str]:
    """The dataset that a scan is of, as BIDS's `SourceDatasets` names it."""
    source = {"URL": scan.dataset}
    if scan.dataset_doi:
        # BIDS wants the form of a URI.
        source["DOI"] = f"doi:{scan.dataset_doi}"
    if scan.dataset_version:
        source["Version"] = scan.dataset_version
    return source


def generators(scan: Scan, *, m2g_version: str | None) -> list[dict[str, Any]]:
    """The programs that made the outputs, as BIDS's `GeneratedBy`.

    Parameters
    ----------
    scan
        With the image and opsctl's version.
    m2g_version
        None where it is not known: then the entry of m2g has no version.
    """
    m2g = _generator(scan.image, digest=scan.image_digest)
    if is_preview(scan.image):
        m2g["Version"] = scan.opsctl_version
    elif m2g_version is not None:
        m2g["Version"] = m2g_version
    return [
        m2g,
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
        # A tag may move to other layers, a digest does not. The port of a registry is not a tag.
        repository = re.sub(r"(:[^:/@]*)?(@.*)?$", "", image)
        container["URI"] = f"docker://{repository}@{digest}"
    return {"Name": "m2g", "CodeURL": "https://github.com/neurodata/m2g", "Container": container}


def write_description(s3: S3, scan: Scan, *, m2g_version: str | None) -> None:
    """Write the description where there is none: hundreds of jobs try at once, and the first one wins."""
    uri = f"{scan.derivative}/dataset_description.json"
    if s3.read(uri) is not None:
        return
    document = description(scan, m2g_version=m2g_version)
    try:
        s3.write(uri, document, if_none=True, indent=1)
    except ConditionFailed:
        pass
    except ConditionsUnsupported:
        s3.write(uri, document, indent=1)

"""Says which snapshot of a dataset of OpenNeuro's is read, and what its transfer costs."""

from __future__ import annotations

from opsctl.core.harmless import harmless
from opsctl.core.openneuro.accession import REGION, Accession
from opsctl.core.openneuro.snapshot import Snapshot
from opsctl.core.platform.platform import Platform


def snapshot_line(accession: Accession, snapshot: Snapshot) -> str:
    """The version and the DOI of the snapshot in OpenNeuro's bucket."""
    version = harmless(snapshot.version) or "version unknown: neither dataset_description.json nor CHANGES says it"
    doi = f", https://doi.org/{harmless(snapshot.doi)}" if snapshot.doi else ""
    return f"OpenNeuro: {accession.number} {version}{doi}"


def transfer_line(platform: Platform) -> str:
    """What reading from OpenNeuro's bucket costs, as a part of the estimate."""
    if platform.is_local:
        return f"  the jobs read OpenNeuro's bucket ({REGION}) over the internet; OpenNeuro pays for the transfer"
    if platform.region == REGION:
        return f"  the jobs read OpenNeuro's bucket in their own region ({REGION}): the transfer is free"
    return (
        f"  the jobs in {platform.region} read OpenNeuro's bucket in {REGION}: AWS charges OpenNeuro for the transfer,"
        " not you, and it takes longer than within one region"
    )

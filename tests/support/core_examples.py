"""A run, a scan and rates: plain data for several tests of the core."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

from opsctl.core.costs.estimate import Rates
from opsctl.core.dataset.scan import Input, Scan
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.submission import array_sizes

MOMENT = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
#: A dollar per hour, so that hours can be read as dollars.
DOLLAR = Rates(
    instance_usd_per_hour=0.9,
    disk_usd_per_gib_hour=0.0005,
    address_usd_per_hour=0.05,
    root_volume_gib=100,
    source="a test's",
    kind="on-demand",
)


def run(count: int = 2, **changes: Any) -> Run:
    changes = {"resources": changes.get("model", "csa"), "sizes": tuple(array_sizes(count)), **changes}
    base = Run(
        run_id="HNU1-20261122-120000-ab12",
        dataset="s3://data/HNU1",
        output="s3://data/HNU1/derivatives/m2g-csa-native",
        m2g=M2gOptions().as_dict(),
        model="csa",
        image="repo:0.1.0",
        platform="m2g",
        region="us-east-1",
        scans=tuple(f"sub-{number:05d}" for number in range(count)),
        created_at="2026-11-22T12:00:00Z",
        created_by="ada",
        command_line=("opsctl", "run", "HNU1"),
        opsctl_version="0.1.0",
        keys=tuple(f"key-{number}" for number in range(count)),
        sizes=(),
        resources="csa",
        attempt_timeout_seconds=21_600,
    )
    return dataclasses.replace(base, **changes)


def scan(**changes: Any) -> Scan:
    folder = "s3://data/HNU1/sub-01/ses-1"
    inputs = (
        Input(uri=f"{folder}/dwi/sub-01_ses-1_dwi.nii.gz", role="dwi", size_bytes=1000, etag="e1"),
        Input(uri=f"{folder}/dwi/sub-01_ses-1_dwi.bval", role="bval", size_bytes=10, etag="e2"),
        Input(uri=f"{folder}/dwi/sub-01_ses-1_dwi.bvec", role="bvec", size_bytes=20, etag="e3"),
        Input(uri=f"{folder}/anat/sub-01_ses-1_T1w.nii.gz", role="T1w", size_bytes=500, etag="e4"),
    )
    base = Scan(
        name="sub-01/ses-1",
        subject="01",
        session="1",
        entities={"subject": "01", "session": "1", "suffix": "dwi"},
        pipeline="dwi",
        inputs=inputs,
    )
    return dataclasses.replace(base, **changes)

"""The number of discovery's requests, beside those of pybids' layout of the same dataset on S3."""

from __future__ import annotations

import os
import subprocess
import time

from bench import peers
from bench.row import Row, absolute_row, ratio_row
from bench.server import serving
from bench.server.dataset import PREFIX, bucket_of
from opsctl.assets import bids_config
from opsctl.aws.clients import NO_KEY, Clients
from opsctl.aws.s3.storage import Storage
from opsctl.core.dataset.discovery import SUFFIXES, discover
from opsctl.core.dataset.entities import EntityPatterns
from opsctl.core.location import Location

_BAR = 1 / 100
# As many scans as HNU1 has, in quick runs too, because the ratio depends on their number.
_SCANS = 300
_STEP = "requests of discovery"

# pybids accepts an S3 URI, through universal_pathlib, where s3fs is installed.
_LAYOUT = """
import sys
from bids import BIDSLayout
layout = BIDSLayout(sys.argv[1])
print(len(layout.get(suffix="dwi", extension=".nii.gz", return_type="filename")))
"""


def measure(*, quick: bool) -> list[Row]:  # noqa: ARG001  a count is the same in both
    """Count at the server, which answers at once: the count does not depend on time, and is the same each time."""
    scans = _SCANS
    bucket = bucket_of(scans)
    with serving() as server:
        storage = Storage(Clients(endpoint_url=server.url).s3)
        server.count()
        objects = storage.dataset(Location(bucket, PREFIX.rstrip("/")), pipeline="dwi")
        ours = server.count()
        patterns = EntityPatterns(bids_config(), suffixes=SUFFIXES)
        discovery = discover(objects, patterns, bucket=bucket, prefix=PREFIX, pipeline="dwi")
        if len(discovery.scans) != scans:
            raise SystemExit(f"opsctl finds {len(discovery.scans)} scans instead of {scans}.")
        python = peers.path("python")
        if python is None:
            return [absolute_row(_STEP, ours=[ours], bar=scans / 10, unit="", note=peers.UNAVAILABLE)]
        started = time.perf_counter()
        output = subprocess.run(
            [str(python), "-W", "ignore", "-c", _LAYOUT, f"s3://{bucket}/{PREFIX}"],
            env={**os.environ, **NO_KEY, "AWS_ENDPOINT_URL": server.url, "AWS_REGION": "us-east-1"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        seconds, theirs = time.perf_counter() - started, server.count()
    if int(output) != scans:
        raise SystemExit(f"pybids finds {output} scans instead of {scans}.")
    note = f"{scans} scans of 6 files each, the same on both sides; pybids took {seconds:.0f} s without latency"
    return [
        ratio_row(f"{_STEP}, {scans} scans, beside pybids", ours=[ours], peer=[theirs], bar=_BAR, unit="", note=note)
    ]

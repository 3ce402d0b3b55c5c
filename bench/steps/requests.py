"""How many requests discovery costs, beside pybids' own layout of the same dataset on S3."""

from __future__ import annotations

import os
import subprocess
import time

from bench import peers
from bench.row import Row, against, alone
from bench.server import serving
from bench.server.dataset import PREFIX, bucket_of
from opsctl.assets import bids_config
from opsctl.aws.clients import Clients
from opsctl.aws.s3.storage import Storage
from opsctl.core.dataset.discovery import SUFFIXES, discover
from opsctl.core.dataset.entities import EntityPatterns
from opsctl.core.location import Location
from opsctl.core.platform.platform import LOCAL_CREDENTIALS

_BAR = 1 / 100
# As many as HNU1 has, in quick runs too: the ratio depends on it.
_SCANS = 300
_STEP = "requests of discovery"

# pybids takes an address of S3 as it stands, through universal_pathlib, where s3fs is installed beside it.
_LAYOUT = """
import sys
from bids import BIDSLayout
layout = BIDSLayout(sys.argv[1])
print(len(layout.get(suffix="dwi", extension=".nii.gz", return_type="filename")))
"""


def measure(*, quick: bool) -> list[Row]:  # noqa: ARG001  a count is the same in both
    """Counted at the server, which answers at once: a count does not depend on the clock, and is the same each time."""
    scans = _SCANS
    bucket = bucket_of(scans)
    with serving() as server:
        storage = Storage(Clients(endpoint_url=server.url).s3)
        server.count()
        objects = storage.dataset(Location(bucket, PREFIX.rstrip("/")), pipeline="dwi")
        ours = server.count()
        patterns = EntityPatterns(bids_config(), suffixes=SUFFIXES)
        found = discover(objects, patterns, bucket=bucket, prefix=PREFIX, pipeline="dwi")
        if len(found.scans) != scans:
            raise SystemExit(f"opsctl finds {len(found.scans)} scans instead of {scans}.")
        python = peers.path("python")
        if python is None:
            return [alone(_STEP, ours=[ours], bar=scans / 10, unit="", note=peers.NOT_THERE)]
        began = time.perf_counter()
        said = subprocess.run(
            [str(python), "-W", "ignore", "-c", _LAYOUT, f"s3://{bucket}/{PREFIX}"],
            env={**os.environ, **LOCAL_CREDENTIALS, "AWS_ENDPOINT_URL": server.url, "AWS_REGION": "us-east-1"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        took, theirs = time.perf_counter() - began, server.count()
    if int(said) != scans:
        raise SystemExit(f"pybids finds {said} scans instead of {scans}.")
    note = f"{scans} scans of 6 files each, the same on both sides; pybids took {took:.0f} s without latency"
    return [against(f"{_STEP}, {scans} scans, beside pybids", ours=[ours], peer=[theirs], bar=_BAR, unit="", note=note)]

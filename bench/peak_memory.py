"""Peak memory of listing and discovery, in a process of its own: `python -m bench.peak_memory URL SUBJECTS`.

It imports what it measures in `main` only. Linux hands a parent's peak down through exec, so `before_mib` must be far
below `peak_mib` for the figure to count.
"""

from __future__ import annotations

import json
import resource
import sys

# The unit of ru_maxrss is Linux's; macOS counts bytes.
_UNITS_A_MIB = 1024 if sys.platform == "linux" else 1024**2


def peak_mib() -> float:
    """This process's peak until now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _UNITS_A_MIB


def main() -> None:
    before = peak_mib()

    from bench.dataset import PREFIX
    from bench.s3_server import bucket_of
    from opsctl.assets import bids_config
    from opsctl.aws.clients import Clients
    from opsctl.aws.s3 import Storage
    from opsctl.core.bids import SUFFIXES, discover
    from opsctl.core.entities import EntityPatterns
    from opsctl.core.location import Location

    url, bucket = sys.argv[1], bucket_of(int(sys.argv[2]))
    storage = Storage(Clients(endpoint_url=url).s3)
    imported = peak_mib()
    objects = storage.dataset(Location(bucket, PREFIX.rstrip("/")), pipeline="dwi")
    listed = peak_mib()
    patterns = EntityPatterns(bids_config(), suffixes=SUFFIXES)
    found = discover(objects, patterns, bucket=bucket, prefix=PREFIX, pipeline="dwi")
    figures = {"before_mib": before, "imported_mib": imported, "listed_mib": listed, "peak_mib": peak_mib()}
    print(json.dumps({"objects": len(objects), "scans": len(found.scans), **figures}))


if __name__ == "__main__":
    main()

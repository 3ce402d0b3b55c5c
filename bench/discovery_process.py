"""Measures the discovery of a dataset with 50 keys a scan: `python -m bench.discovery_process URL SCANS`."""

from __future__ import annotations

import json
import sys
import time

from bench.growth_process import peak_mib


def main() -> None:
    from bench.server.dataset import PREFIX, bucket_of
    from opsctl.assets import entity_patterns
    from opsctl.aws.clients import Clients
    from opsctl.aws.s3.storage import Storage
    from opsctl.commands.dataset.discovery import Query, find
    from opsctl.core.location import Location

    url, scans = sys.argv[1], int(sys.argv[2])
    dataset = Location(bucket_of(scans, rich=True), PREFIX.rstrip("/"))
    started = time.perf_counter()
    chosen = find(Query(dataset=dataset), Storage(Clients(endpoint_url=url).s3), patterns=entity_patterns()).chosen
    seconds = time.perf_counter() - started
    if len(chosen) != scans:
        raise SystemExit(f"{len(chosen)} scans were discovered instead of {scans}.")
    print(json.dumps({"seconds": seconds, "cpu": time.process_time(), "mib": peak_mib()}))


if __name__ == "__main__":
    main()

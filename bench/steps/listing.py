"""The listing of a dataset's keys: opsctl, boto3's paginator, s5cmd."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable

from bench import peers
from bench.row import Row, ratio_row, time_in_turn
from bench.server import serving
from bench.server.dataset import KEYS_A_SUBJECT, PREFIX, bucket_of
from opsctl.aws.clients import NO_KEY, Clients
from opsctl.aws.s3.storage import Storage
from opsctl.core.dataset.discovery import may_matter
from opsctl.core.location import Location

_LATENCY_MS = 120
_PLAIN_BAR, _PEER_BAR = 1 / 6, 1 / 3


def measure(*, quick: bool) -> list[Row]:
    """All three list the same relevant keys; the dataset has no derivatives, which only the others would list."""
    subjects = 100 if quick else 1000
    bucket, step = bucket_of(2 * subjects, rich=True), f"list {subjects * KEYS_A_SUBJECT:,} keys"
    s5cmd = peers.path("s5cmd")
    with serving(latency_ms=_LATENCY_MS) as server:
        # A client for each: opsctl's event handler must not speed up the paginator.
        client, storage = Clients(endpoint_url=server.url).s3, Storage(Clients(endpoint_url=server.url).s3)
        keys: dict[str, list[str]] = {}

        def by_opsctl() -> None:
            keys["opsctl"] = _relevant(obj.key for obj in storage.dataset(Location(bucket, PREFIX.rstrip("/"))))

        def by_paginator() -> None:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX)
            keys["plain"] = _relevant(obj["Key"] for page in pages for obj in page.get("Contents", ()))

        def by_s5cmd() -> None:
            command = [str(s5cmd), "--endpoint-url", server.url, "ls", f"s3://{bucket}/{PREFIX}*"]
            environment = {**os.environ, **NO_KEY, "AWS_REGION": "us-east-1"}
            output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
            names = (line.split()[-1].removeprefix(PREFIX) for line in output.splitlines())
            keys["s5cmd"] = _relevant(PREFIX + name for name in names)

        by_opsctl()
        calls = [by_opsctl, by_paginator, *([by_s5cmd] if s5cmd else [])]
        seconds = time_in_turn(3 if quick else 5, *calls)
    if any(tool_keys != keys["opsctl"] for tool_keys in keys.values()):
        raise SystemExit(f"The listings differ: { {name: len(tool_keys) for name, tool_keys in keys.items()} }")
    note = f"{_LATENCY_MS} ms a page; {len(keys['opsctl']):,} keys matter"
    rows = [
        ratio_row(step, ours=seconds[0], plain=seconds[1], bar=_PLAIN_BAR, note=f"{note}; plain: boto3's paginator")
    ]
    if s5cmd:
        rows.append(ratio_row(f"{step}, beside s5cmd", ours=seconds[0], peer=seconds[2], bar=_PEER_BAR, note=note))
    return rows


def _relevant(keys: Iterable[str]) -> list[str]:
    return sorted(key for key in keys if may_matter(key[len(PREFIX) :], pipeline="both"))

"""Listings against boto3's paginator: their time, and their requests."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from bench.dataset import KEYS_A_SUBJECT, PREFIX
from bench.rows import Row, seconds, spread
from bench.s3_server import bucket_of
from opsctl.aws.clients import Clients
from opsctl.aws.s3 import Storage
from opsctl.core.bids import may_matter
from opsctl.core.location import Location

_LISTING_RATIO = 6
# What parallel listings may cost beyond their pages: each shard begins one page too many and ends one too early.
_EXTRA_REQUESTS = 34


def listing(url: str, subjects: int, *, runs: int, latency_ms: int) -> Row:
    """(a) Storage.dataset against boto3's paginator: the same relevant keys, in less time."""

    bucket = bucket_of(subjects)
    # A client each: opsctl's hook stays on its own.
    plain, storage = Clients(endpoint_url=url).s3, Storage(Clients(endpoint_url=url).s3)

    def relevant(found: Any) -> list[str]:
        return sorted(key for key in found if may_matter(key[len(PREFIX) :], pipeline="both"))

    def by_paginator() -> list[str]:
        pages = plain.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX)
        return relevant(one["Key"] for page in pages for one in page.get("Contents", ()))

    def by_opsctl() -> list[str]:
        return relevant(one.key for one in storage.dataset(Location(bucket, PREFIX.rstrip("/"))))

    by_paginator(), by_opsctl()
    slow: list[float] = []
    fast: list[float] = []
    for _ in range(runs):
        slow_seconds, expected = seconds(by_paginator)
        fast_seconds, found = seconds(by_opsctl)
        if found != expected:
            raise SystemExit(f"The two listings differ: {len(found)} and {len(expected)} relevant keys.")
        slow.append(slow_seconds)
        fast.append(fast_seconds)
    ratios = [one / other for one, other in zip(slow, fast, strict=True)]
    return Row(
        what=f"list {subjects * KEYS_A_SUBJECT:,} keys, {latency_ms} ms a page ({len(found):,} relevant on both sides)",
        measured=f"{spread(fast, ' s')}, {spread(ratios, 'x')} faster",
        beside=f"boto3 paginator {spread(slow, ' s')}",
        bar=f">= {_LISTING_RATIO}x",
        met=median(ratios) >= _LISTING_RATIO,
        runs={"opsctl_seconds": fast, "boto3_seconds": slow, "ratios": ratios},
    )


def requests(url: str, sizes: Sequence[int]) -> Row:
    """(c) How many requests a dataset costs: its pages and a constant."""

    client = Clients(endpoint_url=url).s3
    asked: list[str] = []
    client.meta.events.register("before-send.s3.ListObjectsV2", lambda request, **_: asked.append(request.url))
    storage = Storage(client)
    counts: list[float] = []
    for subjects in sizes:
        asked.clear()
        storage.dataset(Location(bucket_of(subjects), PREFIX.rstrip("/")))
        counts.append(len(asked))
    key_counts = [subjects * KEYS_A_SUBJECT for subjects in sizes]
    extra = [count - keys / 1000 for count, keys in zip(counts, key_counts, strict=True)]
    return Row(
        what=f"requests for {' / '.join(f'{keys:,}' for keys in key_counts)} keys",
        measured=" / ".join(f"{count:.0f}" for count in counts),
        beside=f"beyond keys/1000: {' / '.join(f'{count:.0f}' for count in extra)}",
        bar=f"keys/1000 + {_EXTRA_REQUESTS} at most",
        met=max(extra) <= _EXTRA_REQUESTS,
        runs={"keys": [float(keys) for keys in key_counts], "requests": counts},
    )

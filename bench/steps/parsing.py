"""BIDS paths taken apart, beside pybids, on one core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bids.layout import parse_file_entities
from bids.layout.models import Config

from bench.row import Row, against, seconds
from bench.server.dataset import PREFIX, bucket_of, keys_of
from opsctl.assets import bids_config
from opsctl.core.dataset.discovery import SUFFIXES, may_matter
from opsctl.core.dataset.entities import EntityPatterns

_BAR = 1 / 5


def measure(*, quick: bool) -> list[Row]:
    """The same entities; pybids is given its configuration, which it would else read again for each path."""
    count = 2_000 if quick else 10_000
    keys = [key[len(PREFIX) :] for key in keys_of(bucket_of(count // 10, rich=True))]
    paths = [path for path in keys if "/" in path and may_matter(path, pipeline="both")][:count]
    patterns, config = EntityPatterns(bids_config(), suffixes=SUFFIXES), Config.load("bids")
    few = paths[:: max(len(paths) // 1000, 1)]

    def theirs(path: str) -> dict[str, Any]:
        return dict(parse_file_entities(f"/{path}", config=config))

    for path in few[:100]:
        parsed = patterns.parse(path)
        if parsed is None or dict(parsed.entities) != theirs(path):
            raise SystemExit(f"pybids reads {path} otherwise: {theirs(path)}")

    def each(parse: Callable[[str], Any], of: Sequence[str]) -> float:
        return seconds(lambda: [parse(path) for path in of]) / len(of) * 1e6

    pairs = [(each(patterns.parse, paths), each(theirs, few)) for _ in range(3 if quick else 5)]
    ours, plain = zip(*pairs, strict=True)
    note = f"{len(paths):,} paths"
    return [against("parse a BIDS path", ours=ours, peer=plain, bar=_BAR, unit="µs", note=note)]

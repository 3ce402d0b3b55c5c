"""The parsing of BIDS paths, beside pybids, on one core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bids.layout import parse_file_entities
from bids.layout.models import Config

from bench.row import Row, ratio_row, time_call
from bench.server.dataset import PREFIX, bucket_of, keys_of
from opsctl.assets import bids_config
from opsctl.core.dataset.discovery import SUFFIXES, may_matter
from opsctl.core.dataset.entities import EntityPatterns

_BAR = 1 / 5


def measure(*, quick: bool) -> list[Row]:
    """Both give the same entities; pybids gets its configuration, which it would otherwise read for each path."""
    count = 2_000 if quick else 10_000
    keys = [key[len(PREFIX) :] for key in keys_of(bucket_of(count // 10, rich=True))]
    paths = [path for path in keys if "/" in path and may_matter(path, pipeline="both")][:count]
    patterns, config = EntityPatterns(bids_config(), suffixes=SUFFIXES), Config.load("bids")
    sample = paths[:: max(len(paths) // 1000, 1)]

    def by_pybids(path: str) -> dict[str, Any]:
        return dict(parse_file_entities(f"/{path}", config=config))

    for path in sample[:100]:
        parsed = patterns.parse(path)
        if parsed is None or dict(parsed.entities) != by_pybids(path):
            raise SystemExit(f"pybids reads {path} otherwise: {by_pybids(path)}")

    def microseconds(parse: Callable[[str], Any], paths: Sequence[str]) -> float:
        return time_call(lambda: [parse(path) for path in paths]) / len(paths) * 1e6

    pairs = [(microseconds(patterns.parse, paths), microseconds(by_pybids, sample)) for _ in range(3 if quick else 5)]
    ours, plain = zip(*pairs, strict=True)
    note = f"{len(paths):,} paths"
    return [ratio_row("parse a BIDS path", ours=ours, peer=plain, bar=_BAR, unit="µs", note=note)]

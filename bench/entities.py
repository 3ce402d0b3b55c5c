"""BIDS paths taken apart, against pybids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from bids.layout import parse_file_entities
from bids.layout.models import Config

from bench.dataset import PREFIX, keys
from bench.rows import Row, seconds, spread
from opsctl.assets import bids_config
from opsctl.core.bids import SUFFIXES, may_matter
from opsctl.core.entities import EntityPatterns

_PATHS_A_SECOND = 32_500


def parsing(count: int, *, runs: int) -> Row:
    """(b) EntityPatterns.parse against pybids, on one core: the same entities, in less time."""

    relevant = [key[len(PREFIX) :] for key in keys(count // 24 + 1) if may_matter(key[len(PREFIX) :], pipeline="both")]
    paths = [path for path in relevant if "/" in path][:count]
    patterns = EntityPatterns(bids_config(), suffixes=SUFFIXES)
    kept = Config.load("bids")
    few = paths[: max(count // 50, 50)]

    def speed(parse: Callable[[str], Any], of: Sequence[str]) -> float:
        return len(of) / seconds(lambda: [parse(path) for path in of])[0]

    for path in few:
        parsed = patterns.parse(path)
        theirs = parse_file_entities(f"/{path}", config=kept)
        if parsed is None or dict(parsed.entities) != theirs:
            raise SystemExit(f"pybids reads {path} otherwise: {theirs}")
    ours: list[float] = []
    cached: list[float] = []
    plain: list[float] = []
    for _ in range(runs):
        ours.append(speed(patterns.parse, paths))
        cached.append(speed(lambda path: parse_file_entities(f"/{path}", config=kept), paths[: count // 5]))
        plain.append(speed(lambda path: parse_file_entities(f"/{path}"), few))
    ratios = [one / other for one, other in zip(ours, plain, strict=True)]
    return Row(
        what=f"parse {len(paths):,} BIDS paths on one core",
        measured=f"{spread(ours, '/s', 0)}, {spread(ratios, 'x', 0)} faster",
        beside=f"pybids {spread(plain, '/s', 0)}; its config kept {spread(cached, '/s', 0)}",
        bar=f">= {_PATHS_A_SECOND:,}/s",
        met=median(ours) >= _PATHS_A_SECOND,
        runs={"opsctl": ours, "pybids": plain, "pybids_config_kept": cached, "ratios": ratios},
    )

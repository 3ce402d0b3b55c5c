"""`check`: whether m2g will do with a dataset's scans, before anyone pays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from opsctl.aws.headers import Headers
from opsctl.core.checks import Verdict, judge
from opsctl.core.scan import Scan

_THREADS = 16


def check(
    scans: Sequence[Scan], headers: Headers, *, root_volume_gib: int, on_scan: Callable[[], None]
) -> list[Verdict]:
    """Judge every scan by its sidecars and its image's header; `on_scan` is told of each that is read."""

    def one(scan: Scan) -> Verdict:
        verdict = judge(scan, headers.facts(scan), root_volume_gib=root_volume_gib)
        on_scan()
        return verdict

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(one, scans))

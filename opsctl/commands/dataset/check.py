"""`check`: whether m2g can process a dataset's scans, before a job is paid for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from opsctl.aws.s3.headers import Headers
from opsctl.core.dataset.scan import Scan
from opsctl.core.dataset.scan_validation import Verdict, validate_scan

_THREADS = 16

#: `run` checks about this many scans: four small requests each, all at once.
_SPOT_CHECKED = 16


def check(
    scans: Sequence[Scan],
    headers: Headers,
    *,
    root_volume_gib: int,
    on_scan: Callable[[], None],
    tr: float | None = None,
    acquisition: str | None = None,
) -> list[Verdict]:
    """Judge every scan by its sidecars and its images' headers.

    Parameters
    ----------
    root_volume_gib, tr, acquisition
        See `opsctl.core.dataset.scan_validation.validate_scan`.
    on_scan
        Called after each scan.
    """

    def check_scan(scan: Scan) -> Verdict:
        facts = headers.facts(scan)
        judged = judge.submit(
            validate_scan, scan, facts, root_volume_gib=root_volume_gib, tr=tr, acquisition=acquisition
        )
        verdict = judged.result()
        on_scan()
        return verdict

    # One thread judges: that takes it no time, but a parsed sidecar may take 50 times the memory of its text.
    with ThreadPoolExecutor(1) as judge, ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(check_scan, scans))


def spread(scans: Sequence[Scan]) -> tuple[Scan, ...]:
    """A few scans spread evenly over a dataset, for `run`: reading every header would take too long."""
    step = max(1, -(-len(scans) // _SPOT_CHECKED))
    return tuple(scans[::step])

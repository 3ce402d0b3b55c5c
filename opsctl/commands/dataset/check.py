"""`check`: whether m2g can process a dataset's scans, before a job is paid for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from opsctl.aws.s3.workers import Workers
from opsctl.commands.dataset.headers import Headers
from opsctl.core.dataset.scan import Scan
from opsctl.core.dataset.scan_validation import Verdict, validate_scan

_THREADS = 16

#: `run` checks about this many scans first: four small requests each, all at once.
_SPOT_CHECKED = 16
#: It checks the others as well where that takes no longer.
_LONGEST_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Look:
    """What `run` saw of the scans that it would submit.

    Attributes
    ----------
    verdicts
        Of the scans that were looked at, in the order of all scans.
    scan_count
        How many scans there are.
    """

    verdicts: tuple[Verdict, ...]
    scan_count: int

    @property
    def invalid(self) -> tuple[Verdict, ...]:
        """Of the scans that m2g cannot process."""
        return tuple(verdict for verdict in self.verdicts if verdict.level == "wrong")


def check(
    scans: Sequence[Scan],
    headers: Headers,
    *,
    root_volume_gib: int,
    on_scan: Callable[[], None],
    tr: float | None = None,
    acquisition: str | None = None,
    is_whole: bool = False,
) -> list[Verdict]:
    """Judge every scan by its sidecars and its images' headers.

    Parameters
    ----------
    root_volume_gib, tr, acquisition
        See `opsctl.core.dataset.scan_validation.validate_scan`.
    on_scan
        Called after each scan.
    is_whole
        Whether every image is read to its end.
    """
    verdicts: list[Verdict | None] = [None] * len(scans)
    # One thread judges: that takes it no time, but a parsed sidecar may take 50 times the memory of its text.
    with ThreadPoolExecutor(1) as judge:

        def check_scan(index: int) -> None:
            facts = headers.facts(scans[index], is_whole=is_whole)
            judged = judge.submit(
                validate_scan, scans[index], facts, root_volume_gib=root_volume_gib, tr=tr, acquisition=acquisition
            )
            verdicts[index] = judged.result()
            on_scan()

        workers = Workers(check_scan, range(len(scans)), most_threads=_THREADS)
        try:
            workers.wait()
        except BaseException:
            # A whole image is read for minutes: after Ctrl-C nobody waits for its end.
            workers.stop(at_most_seconds=0.0)
            raise
    return [verdict for verdict in verdicts if verdict is not None]


def look(
    scans: Sequence[Scan],
    judge: Callable[[Sequence[Scan]], list[Verdict]],
    *,
    is_all: bool,
    clock: Callable[[], float],
) -> Look:
    """Judge a few scans, and all of them where that takes at most ten seconds.

    Parameters
    ----------
    judge
        `check`, for some of the scans.
    is_all
        Whether all are judged however long it takes.
    clock
        Seconds.
    """
    sample = spread(scans)
    began = clock()
    by_name = {verdict.scan: verdict for verdict in judge(sample)}
    rest = [scan for scan in scans if scan.name not in by_name]
    expected_seconds = (clock() - began) * len(rest) / max(1, len(sample))
    if rest and (is_all or expected_seconds <= _LONGEST_SECONDS):
        by_name |= {verdict.scan: verdict for verdict in judge(rest)}
    verdicts = tuple(by_name[scan.name] for scan in scans if scan.name in by_name)
    return Look(verdicts=verdicts, scan_count=len(scans))


def spread(scans: Sequence[Scan]) -> tuple[Scan, ...]:
    """A few scans spread evenly over a dataset."""
    step = max(1, -(-len(scans) // _SPOT_CHECKED))
    return tuple(scans[::step])

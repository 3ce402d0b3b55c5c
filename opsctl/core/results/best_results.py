"""The best result of each scan over all runs into one output location (docs/decisions/0023-best-results.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from opsctl.core.runs.manifest import Origin, Run, run_moment
from opsctl.core.runs.result import Result


class RunResults(Protocol):
    """A run and its results by the scan's index; a `RunSnapshot` is one."""

    @property
    def run(self) -> Run:
        """The run's record."""

    @property
    def results(self) -> Mapping[int, Result]:
        """The existing results, with or without their lists of files."""


@dataclass(frozen=True, slots=True)
class BestResult:
    """What counts for one scan.

    Attributes
    ----------
    origin
        The run whose job made the result, and the scan's index in that run. Of a scan that is not done, the latest run
        that submitted it.
    key
        The scan's key in that run.
    result
        The result of the job, its `index` that of the origin's run; None where the scan is not done.
    """

    scan: str
    origin: Origin
    key: str
    result: Result | None


def best_results(runs: Iterable[RunResults], *, is_intact: Callable[[Result], bool]) -> dict[str, BestResult]:
    """Choose the best result of each scan: the newest succeeded one whose files still exist as its job wrote them.

    A later job may have written over the files of an earlier one, so only the files tell which of several results is
    in the output location. Where none is intact, the newest succeeded result counts: what its files lack is found when
    they are fetched. A failed result never replaces a succeeded one.

    Parameters
    ----------
    runs
        The runs into one output location, in any order. Runs into several locations have other options: each
        location is asked about alone.
    is_intact
        Whether every file of a succeeded result is there (`OutputFiles.has_all_of`). It is asked only about scans with
        several succeeded results, because it needs a listing.

    Returns
    -------
    dict
        By the scan's name, in the order of the names. Scans that were deleted on request are in no run.
    """
    entries: dict[str, dict[Origin, BestResult]] = defaultdict(dict)
    for each in runs:
        run = each.run
        for index in run.remaining:
            origin = run.origin(index)
            result = each.results.get(index)
            done = result if result is not None and result.succeeded else None
            if done is not None and done.index != origin.index:
                done = replace(done, index=origin.index)
            entry = BestResult(run.scans[index], origin, run.keys[index], done)
            entries[entry.scan].setdefault(origin, entry)
    return {scan: _best(list(entries[scan].values()), is_intact) for scan in sorted(entries)}


def dataset_run(latest: Run, best: Mapping[str, BestResult]) -> Run:
    """A run that adopted every scan from where its best result is; it is only in memory, and has no job of its own.

    Every reader of runs can read it: it shows a dataset over all its runs as it shows one run.

    Parameters
    ----------
    latest
        The latest run into the output location: options and names are its.
    best
        What `best_results` returned.
    """
    return replace(
        latest,
        scans=tuple(best),
        keys=tuple(entry.key for entry in best.values()),
        sizes=(),
        adopted=tuple(entry.origin for entry in best.values()),
    )


def _best(entries: Sequence[BestResult], is_intact: Callable[[Result], bool]) -> BestResult:
    newest_first = sorted(entries, key=lambda entry: run_moment(entry.origin.run_id), reverse=True)
    done = [entry for entry in newest_first if entry.result is not None]
    if len(done) > 1:
        intact = (entry for entry in done if entry.result is not None and is_intact(entry.result))
        return next(intact, done[0])
    return done[0] if done else newest_first[0]

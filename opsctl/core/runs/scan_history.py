"""What has become of each scan over all runs into one output location: done, in flight or still to be done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from opsctl.core.dataset.selection import Only
from opsctl.core.runs.manifest import Origin, Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob

Disposition = Literal["done", "in flight", "blocked_by_active_job", "damaged", "failed", "changed", "new"]

#: What `--only` submits. Scans in flight never are, so that no two jobs write to one location.
_SUBMITTED: dict[Only, tuple[Disposition, ...]] = {
    "missing": ("damaged", "failed", "changed", "new"),
    "failed": ("failed",),
    "all": ("done", "damaged", "failed", "changed", "new"),
}


@dataclass(frozen=True)
class RunHistory:
    """An earlier run into the same location.

    Attributes
    ----------
    submitted
        Indices of the scans that were submitted; the others have no history.
    results, jobs
        Their existing results and the jobs that Batch still knows, by index.
    """

    run: Run
    submitted: Sequence[int]
    results: Mapping[int, Result]
    jobs: Mapping[int, BatchJob]


@dataclass(frozen=True)
class ScanDisposition:
    """What has become of one scan.

    Attributes
    ----------
    disposition
        `done`: the outputs of this key exist unchanged. `in flight`: a job of this key is active.
        `blocked_by_active_job`: a job of another key is active and would write to the same location. `damaged`: it was
        done, but its files are missing or differ. `failed`: the last job of this key failed. `changed`: there are only
        jobs of other keys, so inputs, options or image have changed. `new`: there is no job.
    origin
        The run and index that decided it; None for `new`.
    """

    name: str
    key: str
    disposition: Disposition
    origin: Origin | None = None

    def is_submitted(self, only: Only) -> bool:
        """Whether `--only` selects it."""
        return self.disposition in _SUBMITTED[only]


@dataclass(frozen=True)
class _Entry:
    """One scan in one earlier run."""

    key: str
    origin: Origin
    result: Result | None
    job: BatchJob | None

    @property
    def has_succeeded(self) -> bool:
        return self.result is not None and self.result.succeeded

    @property
    def is_active(self) -> bool:
        return self.job is not None and not self.job.is_over and not self.has_succeeded


def scan_dispositions(
    scans: Sequence[tuple[str, str]], history: Sequence[RunHistory], *, stands: Callable[[Result], bool]
) -> list[ScanDisposition]:
    """What has become of each scan.

    Parameters
    ----------
    scans
        The scans' names and keys.
    history
        The runs into the same location, oldest first.
    stands
        Whether every file that a succeeded result lists still exists as it was written.
    """
    entries: dict[str, list[_Entry]] = defaultdict(list)
    for earlier in reversed(history):
        for index in earlier.submitted:
            entry = _Entry(
                key=earlier.run.keys[index],
                origin=Origin(earlier.run.run_id, index),
                result=earlier.results.get(index),
                job=earlier.jobs.get(index),
            )
            entries[earlier.run.scans[index]].append(entry)
    return [_disposition(name, key, entries.get(name, ()), stands) for name, key in scans]


def _disposition(name: str, key: str, entries: Sequence[_Entry], stands: Callable[[Result], bool]) -> ScanDisposition:
    # The entries are newest first.
    for entry in entries:
        if entry.is_active:
            return ScanDisposition(
                name, key, "in flight" if entry.key == key else "blocked_by_active_job", entry.origin
            )
    same = [entry for entry in entries if entry.key == key]
    done = [entry for entry in same if entry.has_succeeded]
    for entry in done:
        # A later job of another key may have overwritten the files, so only the files themselves tell.
        if entry.result is not None and stands(entry.result):
            return ScanDisposition(name, key, "done", entry.origin)
    if done:
        return ScanDisposition(name, key, "damaged", done[0].origin)
    if same:
        return ScanDisposition(name, key, "failed", same[0].origin)
    if entries:
        return ScanDisposition(name, key, "changed", entries[0].origin)
    return ScanDisposition(name, key, "new")

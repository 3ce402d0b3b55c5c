"""What has become of each scan of an output place, over all the runs into it: done, on its way, or still to be done."""

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

#: What is submitted: an `in flight` scan never is, so that no two jobs write into one place.
_SUBMITTED: dict[Only, tuple[Disposition, ...]] = {
    "missing": ("damaged", "failed", "changed", "new"),
    "failed": ("failed",),
    "all": ("done", "damaged", "failed", "changed", "new"),
}


@dataclass(frozen=True)
class RunHistory:
    """An earlier run into the same place.

    Attributes
    ----------
    submitted
        The indices of its scans that Batch has had: what was never submitted tells nothing.
    results, jobs
        Of those, by index: the results that are there, and what Batch (still) says.
    """

    run: Run
    submitted: Sequence[int]
    results: Mapping[int, Result]
    jobs: Mapping[int, BatchJob]


@dataclass(frozen=True)
class ScanDisposition:
    """Where one scan stands.

    Attributes
    ----------
    disposition
        `done`: an output of this very key stands. `in flight`: a job of this key is active.
        `blocked_by_active_job`: a job of another key is active and would write into the same place. `damaged`: it was
        done, but its files are missing or differ. `failed`: the last job of this key failed. `changed`: there are only
        jobs of other keys, so inputs, options or image have changed. `new`: there is no job.
    origin
        The entry that says so; None where there is none.
    """

    name: str
    key: str
    disposition: Disposition
    origin: Origin | None = None

    def is_submitted(self, only: Only) -> bool:
        """Whether `--only` means it."""
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
    wanted: Sequence[tuple[str, str]], history: Sequence[RunHistory], *, stands: Callable[[Result], bool]
) -> list[ScanDisposition]:
    """Where each scan stands.

    Parameters
    ----------
    wanted
        Names and keys.
    history
        The runs into the same place, oldest first.
    stands
        Whether every file that a succeeded result lists is in its place as it was written.
    """
    entries: dict[str, list[_Entry]] = defaultdict(list)
    for past in reversed(history):
        for index in past.submitted:
            entry = _Entry(
                key=past.run.keys[index],
                origin=Origin(past.run.run_id, index),
                result=past.results.get(index),
                job=past.jobs.get(index),
            )
            entries[past.run.scans[index]].append(entry)
    return [_disposition(name, key, entries.get(name, ()), stands) for name, key in wanted]


def _disposition(name: str, key: str, entries: Sequence[_Entry], stands: Callable[[Result], bool]) -> ScanDisposition:
    """One scan's, from its entries, the newest first."""
    for entry in entries:
        if entry.is_active:
            return ScanDisposition(
                name, key, "in flight" if entry.key == key else "blocked_by_active_job", entry.origin
            )
    same = [entry for entry in entries if entry.key == key]
    done = [entry for entry in same if entry.has_succeeded]
    for entry in done:
        # Only the files tell whether a later job of another key has written over them.
        if entry.result is not None and stands(entry.result):
            return ScanDisposition(name, key, "done", entry.origin)
    if done:
        return ScanDisposition(name, key, "damaged", done[0].origin)
    if same:
        return ScanDisposition(name, key, "failed", same[0].origin)
    if entries:
        return ScanDisposition(name, key, "changed", entries[0].origin)
    return ScanDisposition(name, key, "new")

"""What has become of each scan over all runs into one output location: done, in flight or still to be done."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from opsctl.core.dataset.selection import Only
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.runs.manifest import Origin, Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.scan_key import m2g_image_of, work_of
from opsctl.core.runs.status import BatchJob

Disposition = Literal["done", "other_m2g", "in flight", "blocked_by_active_job", "damaged", "failed", "changed", "new"]

#: What `--only` submits. Scans in flight never are, so that no two jobs write to one location.
_SUBMITTED: dict[Only, tuple[Disposition, ...]] = {
    "missing": ("damaged", "failed", "changed", "new"),
    "failed": ("failed",),
    # Only those that ran out of memory; see `ScanDisposition.is_submitted`.
    "outgrown": ("failed",),
    "changed": ("other_m2g", "changed"),
    "all": ("done", "other_m2g", "damaged", "failed", "changed", "new"),
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


@dataclass(frozen=True, slots=True)
class ScanDisposition:
    """What has become of one scan.

    Attributes
    ----------
    key
        Of the work that is asked for now.
    disposition
        `done`: the outputs of this key exist unchanged. `other_m2g`: the outputs of the same work exist unchanged, but
        another m2g made them. `in flight`: a job of the same work is active. `blocked_by_active_job`: a job of other
        work is active and would write to the same location. `damaged`: it was done, but its files are missing or
        differ. `failed`: the last job of the same work failed. `changed`: there are only jobs of other work, so its
        inputs have changed. `new`: there is no job.
    origin
        The run and index that decided it; None for `new`.
    origin_key
        The key under which the scan ran there; it differs from `key` where another m2g did the work.
    is_outgrown
        It failed there because it ran out of memory.
    """

    name: str
    key: str
    disposition: Disposition
    origin: Origin | None = None
    origin_key: str = ""
    is_outgrown: bool = False

    def is_submitted(self, only: Only, *, redo: bool = False) -> bool:
        """Whether `--only` selects it.

        Parameters
        ----------
        redo
            Whether the scans that another m2g did are selected as well.
        """
        if only == "outgrown" and not self.is_outgrown:
            return False
        return self.disposition in _SUBMITTED[only] or (redo and self.disposition == "other_m2g")

    @property
    def is_adopted(self) -> bool:
        """Whether a later run may list it as it is, without a job of its own."""
        return self.disposition in ("done", "other_m2g", "in flight")

    @property
    def earlier_m2g(self) -> str | None:
        """The m2g that did the same work, or is doing it, where it is not the one of now; else None."""
        is_other = self.is_adopted and self.origin_key != self.key
        return m2g_image_of(self.origin_key) if is_other else None


@dataclass(frozen=True, slots=True)
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
    def has_outgrown(self) -> bool:
        return self.result is not None and self.result.cause_code == CauseCode.OUT_OF_MEMORY

    @property
    def is_active(self) -> bool:
        return self.job is not None and not self.job.is_over and not self.has_succeeded


def scan_dispositions(
    scans: Sequence[tuple[str, str]], history: Sequence[RunHistory], *, has_intact_files: Callable[[Result], bool]
) -> list[ScanDisposition]:
    """What has become of each scan.

    Parameters
    ----------
    scans
        The scans' names and keys.
    history
        The runs into the same location, oldest first.
    has_intact_files
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
    return [_disposition(name, key, entries.get(name, ()), has_intact_files) for name, key in scans]


def earlier_m2g(dispositions: Sequence[ScanDisposition], disposition: Disposition = "other_m2g") -> dict[str, int]:
    """How many scans of a disposition were done, or are being done, by which m2g other than the one of now."""
    images = (scan.earlier_m2g for scan in dispositions if scan.disposition == disposition)
    return dict(Counter(image for image in images if image is not None))


def _disposition(
    name: str, key: str, entries: Sequence[_Entry], has_intact_files: Callable[[Result], bool]
) -> ScanDisposition:
    # The entries are newest first.
    def decided(disposition: Disposition, entry: _Entry) -> ScanDisposition:
        is_outgrown = disposition == "failed" and entry.has_outgrown
        return ScanDisposition(name, key, disposition, entry.origin, entry.key, is_outgrown)

    work = work_of(key)
    for entry in entries:
        if entry.is_active:
            return decided("in flight" if work_of(entry.key) == work else "blocked_by_active_job", entry)
    same_work = [entry for entry in entries if work_of(entry.key) == work]
    same = [entry for entry in same_work if entry.key == key]
    # A later job of another key may have overwritten the files, so only the files themselves tell.
    if done := _intact(same, has_intact_files):
        return decided("done", done)
    if same and same[0] is same_work[0] and not any(entry.has_succeeded for entry in same):
        # It was asked for again with the m2g of now, and that failed.
        return decided("failed", same[0])
    if done := _intact(same_work, has_intact_files):
        return decided("other_m2g", done)
    for entry in [*same, *same_work]:
        if entry.has_succeeded:
            return decided("damaged", entry)
    if same_work:
        return decided("failed", same_work[0])
    if entries:
        return decided("changed", entries[0])
    return ScanDisposition(name, key, "new")


def _intact(entries: Sequence[_Entry], has_intact_files: Callable[[Result], bool]) -> _Entry | None:
    return next(
        (entry for entry in entries if entry.result and entry.has_succeeded and has_intact_files(entry.result)), None
    )

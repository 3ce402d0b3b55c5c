"""A scan's attempts: what its jobs wrote down, filled up with what Batch says of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.status import BatchJob, RunStatus

#: Of an attempt that never said its end, where Batch's word is not known (any more).
_LOST = "lost: it ended without a word"


def attempts_by_scan(attempts: Iterable[Attempt], jobs: Mapping[int, BatchJob]) -> dict[int, tuple[Attempt, ...]]:
    """Every scan's attempts, oldest first, two jobs' after each other.

    Parameters
    ----------
    attempts
        As the runners wrote them down, in any order.
    jobs
        Batch's word by the scan's index, as far as it was asked: its attempts end where a runner was lost.
    """
    found: dict[int, dict[tuple[str, int], Attempt]] = defaultdict(dict)
    for one in attempts:
        found[one.index][one.job_id, one.number] = one
    for index, job in jobs.items():
        for word in job.attempts:
            known = found[index].get((word.job_id, word.number))
            filled = _filled(known, word) if known else replace(word, index=index)
            # Batch says "Essential container in task exited" of those that ended well, too.
            found[index][word.job_id, word.number] = replace(filled, reason="") if filled.exit_code == 0 else filled
    return {index: tuple(sorted(some.values(), key=_by_time)) for index, some in found.items()}


def with_retries(status: RunStatus, attempts: Mapping[int, Sequence[Attempt]]) -> RunStatus:
    """A status whose scans tell which attempt they are on, and why those before it ended."""
    scans = []
    for scan in status.scans:
        some = _of_one_job(attempts.get(scan.index, ()))
        latest = max([scan.attempt, *(one.number for one in some)])
        reasons = tuple(one.reason or _LOST for one in some if one.number < latest)
        scans.append(replace(scan, attempt=latest, retried=reasons))
    return replace(status, scans=tuple(scans))


def _of_one_job(attempts: Sequence[Attempt]) -> list[Attempt]:
    """The attempts of the job that got furthest: of two jobs, both count from 1."""
    if not attempts:
        return []
    furthest = max(attempts, key=lambda one: one.number)
    return [one for one in attempts if one.job_id == furthest.job_id]


def _filled(known: Attempt, word: Attempt) -> Attempt:
    return replace(
        known,
        started_at=known.started_at or word.started_at,
        stopped_at=known.stopped_at or word.stopped_at,
        exit_code=known.exit_code if known.exit_code is not None else word.exit_code,
        reason=known.reason or word.reason,
        log_stream=known.log_stream or word.log_stream,
    )


def _by_time(one: Attempt) -> tuple[str, int]:
    return (one.started_at or one.stopped_at or "", one.number)

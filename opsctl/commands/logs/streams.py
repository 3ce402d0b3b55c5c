"""Finds the scan and attempt that a log stream belongs to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass

from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.runs.status import BatchJob

# RUNNABLE: a job that waits for a retry has had attempts.
_MAY_HAVE_MORE = ("RUNNABLE", "STARTING", "RUNNING", "FAILED")


@dataclass(frozen=True, slots=True)
class StreamOwner:
    """The scan and attempt that wrote a stream.

    Attributes
    ----------
    index
        The scan's index in the run.
    attempt
        From 1.
    """

    index: int
    attempt: int


class LogStreams:
    """The log streams of one run's jobs: each job records its stream when it starts, else Batch is asked.

    A record may name any stream, a stranger's too. So what Batch says of a job is believed before its record. Where
    Batch has forgotten the job only the record is left: it can name a stream of the platform's own log group and of
    the run's job definition, because no other is read.
    """

    def __init__(self, snapshots: SnapshotReader) -> None:
        self._snapshots = snapshots
        self._owners: dict[str, StreamOwner] = {}
        # What records say, whether or not Batch says the same: the stream's owner and the job's id.
        self._claims: dict[str, tuple[StreamOwner, str]] = {}
        self._times_asked: Counter[str] = Counter()

    def owner(self, stream: str) -> StreamOwner | None:
        """The stream's scan and attempt; None where it is another run's, or not known yet."""
        return self._owners.get(stream)

    def identify(self, unknown: Set[str], *, is_last: bool = False) -> None:
        """Look for the owners of streams. Streams of other runs are looked for more and more rarely.

        Parameters
        ----------
        is_last
            Look for all of them, however often that was done before.
        """
        self._times_asked.update(unknown)
        if not unknown or not (is_last or any(_is_power_of_two(self._times_asked[stream]) for stream in unknown)):
            return
        for attempt in self._snapshots.on_s3.attempts():
            if attempt.log_stream:
                self._claims[attempt.log_stream] = (StreamOwner(attempt.index, attempt.number), attempt.job_id)
        if unknown - self._claims.keys():
            for result in self._snapshots.on_s3.results().values():
                self._claims.setdefault(result.log_stream, (StreamOwner(result.index, result.attempt), result.job_id))
        self._believe({stream: self._claims[stream] for stream in unknown & self._claims.keys()})
        if unknown - self._owners.keys():
            self._ask_batch()

    def _believe(self, claims: Mapping[str, tuple[StreamOwner, str]]) -> None:
        """Take over what records say of streams, except where Batch names other streams of the scan's jobs."""
        jobs = self._snapshots.described_with([(owner.index, job_id) for owner, job_id in claims.values()])
        for stream, (owner, _) in claims.items():
            known = {known for job in jobs.get(owner.index, ()) for known in job.log_streams}
            if not known or stream in known:
                self._owners[stream] = owner

    def _ask_batch(self) -> None:
        """Describe the jobs that may have an unknown stream."""
        jobs = self._snapshots.jobs()
        known: dict[int, set[int]] = defaultdict(set)
        for owner in (*self._owners.values(), *(owner for owner, _ in self._claims.values())):
            known[owner.index].add(owner.attempt)
        indices = [index for index, job in jobs.items() if _may_have_more(job, known[index])]
        described = self._snapshots.described(indices)
        # A saved job that Batch has forgotten names its streams too.
        for index, job in {**jobs, **described}.items():
            for stream, number in _attempt_by_stream(job).items():
                self._owners.setdefault(stream, StreamOwner(index, number))


def _attempt_by_stream(job: BatchJob) -> dict[str, int]:
    """The attempt of each of a job's streams; an attempt whose image could not be pulled has no stream."""
    numbers = {attempt.log_stream: attempt.number for attempt in job.attempts if attempt.log_stream}
    others = [stream for stream in job.log_streams if stream not in numbers]
    return numbers | {stream: number for number, stream in enumerate(others, start=len(job.attempts) + 1)}


def _may_have_more(job: BatchJob, known: Set[int]) -> bool:
    """Whether a job may have streams that were not recorded: a lost attempt records nothing."""
    if job.status == "SUCCEEDED":
        return not known or known != set(range(1, max(known) + 1))
    return job.status in _MAY_HAVE_MORE


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0

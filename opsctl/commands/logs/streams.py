"""Which scan and attempt a log stream belongs to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Set
from dataclasses import dataclass

from opsctl.aws.batch.batch import Batch
from opsctl.commands.runs.array_jobs import ArrayJobs
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.commands.runs.status import StatusReader
from opsctl.core.runs.status import BatchJob

# RUNNABLE: a job that waits to be tried again has had attempts.
_MAY_HAVE_MORE = ("RUNNABLE", "STARTING", "RUNNING", "FAILED")


@dataclass(frozen=True, slots=True)
class StreamOwner:
    """Whose lines a stream carries.

    Attributes
    ----------
    index
        The scan's, in the run.
    attempt
        From 1.
    """

    index: int
    attempt: int


class LogStreams:
    """The streams of one run's jobs: the jobs write them down as they start; else Batch is asked.

    Parameters
    ----------
    reader
        The run's facts.
    states
        Where it stands.
    """

    def __init__(self, reader: RunReader, states: StatusReader, *, records: Records, batch: Batch) -> None:
        self._reader = reader
        self._states = states
        self._array_jobs = ArrayJobs(reader.run, records=records, batch=batch)
        self._places: dict[str, StreamOwner] = {}
        self._asked: Counter[str] = Counter()

    def place(self, stream: str) -> StreamOwner | None:
        """Whose it is; None: another run's, or not known yet."""
        return self._places.get(stream)

    def learn(self, unknown: Set[str], *, is_last: bool = False) -> None:
        """Find out whose streams are that have lines. Those of other runs are asked about more and more rarely.

        Parameters
        ----------
        is_last
            Ask whatever was asked before.
        """
        self._asked.update(unknown)
        if not unknown or not (is_last or any(_is_power_of_two(self._asked[stream]) for stream in unknown)):
            return
        for attempt in self._reader.attempts():
            if attempt.log_stream:
                self._places[attempt.log_stream] = StreamOwner(attempt.index, attempt.number)
        if unknown - self._places.keys():
            for result in self._reader.results().values():
                self._places.setdefault(result.log_stream, StreamOwner(result.index, result.attempt))
        if unknown - self._places.keys():
            self._ask_batch()

    def _ask_batch(self) -> None:
        """Describe the jobs that may have a stream that is not known."""
        parts = self._states.parts()
        jobs = self._array_jobs.all_jobs(parts, self._array_jobs.summaries(parts))
        known: dict[int, set[int]] = defaultdict(set)
        for place in self._places.values():
            known[place.index].add(place.attempt)
        wanted = [index for index, job in jobs.items() if _may_have_more(job, known[index])]
        described = self._array_jobs.describe(parts, wanted)
        # What was written down of a job that Batch has forgotten names its streams, too.
        for index, job in {**jobs, **described}.items():
            for stream, number in _numbered(job).items():
                self._places.setdefault(stream, StreamOwner(index, number))


def _numbered(job: BatchJob) -> dict[str, int]:
    """The attempt of each of a job's streams. An attempt whose image could not be pulled has none."""
    found = {one.log_stream: one.number for one in job.attempts if one.log_stream}
    others = [stream for stream in job.log_streams if stream not in found]
    return found | {stream: number for number, stream in enumerate(others, start=len(job.attempts) + 1)}


def _may_have_more(job: BatchJob, known: Set[int]) -> bool:
    """Whether a job may have streams that nobody wrote down: a lost attempt leaves no record."""
    if job.status == "SUCCEEDED":
        return not known or known != set(range(1, max(known) + 1))
    return job.status in _MAY_HAVE_MORE


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0

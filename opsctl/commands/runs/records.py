"""Reads and writes the runs' records in the data bucket, below `opsctl/runs/`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from typing import Any

from opsctl.aws.s3.cache import Cache
from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.checked_records import CheckedRecords, no_contradiction
from opsctl.commands.runs.completion_cache import CompletionCache
from opsctl.commands.runs.record_folder import WORTH_A_SUMMARY
from opsctl.commands.runs.record_forms import ATTEMPT, DOCUMENT, RESULT, RESULT_WITHOUT_FILES, SUBMISSION
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import RUNS_PREFIX, Location, run_location
from opsctl.core.record import UnreadableRecord
from opsctl.core.record_body import record_body
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Run, document_key, may_be_run_of, run_moment
from opsctl.core.runs.names import find_run
from opsctl.core.runs.result import Result
from opsctl.core.runs.scan_record import decode_scan_document
from opsctl.core.runs.status import BatchJob, FinalJobStates
from opsctl.core.runs.submission import Submission, contradiction
from opsctl.core.selftest.times import TIMES_KEY, PlatformTimes
from opsctl.core.size_limits import RUN_BYTES


class Records:
    """The records of every run, whichever machine submitted it.

    A run whose `run.json` cannot be read cannot be shown: whoever asks for it gets the `UnreadableRecord`. Every other
    record that cannot be read counts as missing, and is reported: by `on_unreadable`, and in `unreadable`.

    Parameters
    ----------
    cache
        Stores on this machine what was read before.
    on_unreadable
        Called once for each object that cannot be read.
    worth_a_summary
        How many records must have been read one by one before a summary of them is written (`RecordFolder`).
    """

    def __init__(
        self,
        storage: Storage,
        *,
        data_bucket: str,
        cache: Cache | None = None,
        on_unreadable: Callable[[UnreadableRecord], None] = lambda _: None,
        worth_a_summary: int = WORTH_A_SUMMARY,
    ) -> None:
        self._storage = storage
        self._bucket = data_bucket
        cache = cache or Cache()
        #: What completion and `opsctl runs` know without asking again.
        self.completion_cache = CompletionCache(cache, data_bucket)
        self._checked = CheckedRecords(
            storage, bucket=data_bucket, cache=cache, on_unreadable=on_unreadable, worth_a_summary=worth_a_summary
        )

    @property
    def data_bucket(self) -> str:
        """The bucket that the records lie in."""
        return self._bucket

    def unreadable(self, run_id: str | None = None) -> list[UnreadableRecord]:
        """Why the records cannot be read that counted as missing so far; None: of all runs."""
        return self._checked.unreadable("" if run_id is None else f"{self._prefix(run_id)}/")

    def run_ids(self) -> list[str]:
        """The ids of all runs, oldest first."""
        names = self._storage.folders(Location(self._bucket, RUNS_PREFIX.rstrip("/")))
        run_ids = sorted(names, key=run_moment)
        self.completion_cache.runs(run_ids)
        return run_ids

    def run(self, run_id: str | None) -> Run:
        """A run's record; None: the latest run.

        Parameters
        ----------
        run_id
            The whole id, or a part that names one run only (`opsctl.core.runs.names.find_run`).

        Raises
        ------
        Problem
            When there is no such run, or none at all, or its record cannot be read. An unreadable latest run is not
            passed over: commands that end or delete something must not act on another run.
        """
        run = self._read_run(run_id) if run_id is not None else None
        if run is None:
            known = self.run_ids()
            # A run that was killed before it wrote its record does not count.
            candidates = reversed(known) if run_id is None else [find_run(known, run_id)]
            run = next((record for candidate in candidates if (record := self._read_run(candidate)) is not None), None)
        if run is None and run_id is not None:
            raise Problem(
                f"The run {run_id} has no record: it was killed before it sent anything.",
                "",
                code=ErrorCode.RUN_NOT_FOUND,
            )
        if run is None:
            raise Problem("There is no run yet.", "`opsctl run DATASET` starts one.", code=ErrorCode.RUN_NOT_FOUND)
        self.completion_cache.run(run)
        return run

    def platform_times(self) -> PlatformTimes:
        """What the platform's self-tests have measured; nothing where there was none."""
        return self._checked.record(TIMES_KEY, PlatformTimes.decode) or PlatformTimes()

    def runs(self, run_ids: Sequence[str]) -> dict[str, Run]:
        """Several runs' records, by id; those without a record are left out, and so are unreadable ones."""
        run_id_by_key = {self._run_key(run_id): run_id for run_id in run_ids}
        runs: dict[str, Run] = {}
        for key, body in self._storage.get_bodies(self._bucket, list(run_id_by_key), at_most=RUN_BYTES).items():
            run = self._checked.decoded(Run.decode, body, key)
            if run is not None:
                runs[run_id_by_key[key]] = run
        return runs

    def runs_of(self, dataset_name: str) -> list[Run]:
        """The runs that may be of a dataset of this name, judged by their ids, oldest first; see `runs`."""
        return list(self.runs([run_id for run_id in self.run_ids() if may_be_run_of(run_id, dataset_name)]).values())

    def put_run(
        self, run: Run, documents: Mapping[int, Mapping[str, Any]], intended: Sequence[Submission] = ()
    ) -> None:
        """Write a run's scan JSONs, its submissions and its record."""
        with self.writing_documents(run, documents.items(), intended) as wait:
            wait()
        self.put_record(run)

    def writing_documents(
        self, run: Run, documents: Iterable[tuple[int, Mapping[str, Any]]], intended: Sequence[Submission]
    ) -> AbstractContextManager[Callable[[], None]]:
        """Write a run's scan JSONs and submissions while the block runs; the block may call what it gets to wait.

        Parameters
        ----------
        documents
            The scans' JSONs with their indices; each is made when it is sent, so that they are never all in memory.
        """
        prefix = self._prefix(run.run_id)
        submissions = ((_submission_key(prefix, submission), submission.as_json()) for submission in intended)
        scans = ((document_key(prefix, "scans", index), document) for index, document in documents)
        bodies = ((key, record_body(record)) for key, record in chain(submissions, scans))
        return self._storage.putting_bodies(self._bucket, bodies)

    def put_record(self, run: Run) -> None:
        """Write a run's record: comes last, because the record makes the run exist."""
        self._storage.put_body(self._bucket, self._run_key(run.run_id), record_body(run.as_json()))

    def submission_log(self, run_id: str, run: Run | None = None) -> list[Submission]:
        """A run's submissions in every state, in order; one that `run` never reached is missing.

        Parameters
        ----------
        run
            The run's record, which tells what its submissions must be; None where it is not known.
        """
        return self._checked.folder(f"{self._prefix(run_id)}/submissions", SUBMISSION, contradiction=_contradicts(run))

    @contextmanager
    def reading_submissions(self, run_ids: Iterable[str]) -> Iterator[Callable[[str, Run | None], list[Submission]]]:
        """Read runs' submissions in the background of the block; yields what is called in place of `submission_log`."""
        prefixes = [f"{self._prefix(run_id)}/submissions" for run_id in run_ids]
        with self._checked.reading(prefixes, SUBMISSION) as of_folder:

            def of_run(run_id: str, run: Run | None) -> list[Submission]:
                return of_folder(f"{self._prefix(run_id)}/submissions", _contradicts(run))

            yield of_run

    def report_submission(self, run_id: str, submission: Submission, detail: str) -> None:
        """Report a submission that something outside the records contradicts."""
        self._checked.report(_submission_key(self._prefix(run_id), submission), detail)

    def put_submission(self, run_id: str, submission: Submission) -> None:
        """Write one submission; if it is abandoned, first the mark by which its jobs know."""
        prefix = self._prefix(run_id)
        if submission.state == "abandoned":
            mark = document_key(prefix, "abandoned", submission.offset)
            self._storage.put_json(self._bucket, mark, submission.as_json())
        self._storage.put_json(self._bucket, _submission_key(prefix, submission), submission.as_json())

    def is_marked_abandoned(self, run_id: str, submission: Submission) -> bool:
        """Whether a submission has the mark of `put_submission`, whatever its record says: its jobs write nothing."""
        mark = document_key(self._prefix(run_id), "abandoned", submission.offset)
        return self._storage.get_body(self._bucket, mark) is not None

    def document(self, run_id: str, index: int) -> dict[str, Any] | None:
        """One scan's JSON, as its job reads it; None where it does not exist."""
        return self._checked.record(document_key(self._prefix(run_id), "scans", index), decode_scan_document)

    def documents(self, run_id: str) -> dict[int, dict[str, Any]]:
        """All scans' JSONs of a run, by index."""
        return {
            value["index"]: value
            for value in self._checked.folder(f"{self._prefix(run_id)}/scans", DOCUMENT, keep=False)
        }

    def submissions(self, run_id: str) -> list[Submission]:
        """A run's submissions that Batch is known to have."""
        return [submission for submission in self.submission_log(run_id) if submission.state == "submitted"]

    def results(
        self, run_id: str, *, files: bool = False, contradiction: Callable[[Result], str] = no_contradiction
    ) -> dict[int, Result]:
        """The results that exist, by the scan's index.

        Parameters
        ----------
        files
            Whether with the lists of files, which take 30 kB a scan; otherwise see `Result.without_files`.
        contradiction
            Says why a result cannot be the one of its scan (`Result.contradiction`).
        """
        if files:
            each = self.each_result(run_id, contradiction=contradiction)
            return {result.index: result for result in sorted(each, key=lambda result: result.index)}
        results = self._checked.folder(
            f"{self._prefix(run_id)}/results", RESULT_WITHOUT_FILES, contradiction=contradiction
        )
        return {result.index: result for result in results}

    def each_result(
        self, run_id: str, *, contradiction: Callable[[Result], str] = no_contradiction
    ) -> Iterator[Result]:
        """The results with their lists of files, in no order; whoever lets them go needs memory for one."""
        for obj, value in self._checked.each(f"{self._prefix(run_id)}/results", RESULT, keep=False):
            # Whoever asks for the results without their files need not read them again.
            self._checked.remember(obj, value and value.without_files())
            if (result := self._checked.believed(value, obj.key, contradiction)) is not None:
                yield result

    def result(self, run_id: str, index: int, *, contradiction: Callable[[Result], str]) -> Result | None:
        """One scan's result with its list of files; None where there is none."""
        key = document_key(self._prefix(run_id), "results", index)
        return self._checked.believed(self._checked.record(key, Result.decode), key, contradiction)

    def attempts(self, run_id: str) -> list[Attempt]:
        """Every attempt that a run's jobs recorded, in no order."""
        return self._checked.folder(f"{self._prefix(run_id)}/attempts", ATTEMPT)

    @contextmanager
    def reading_attempts(self, run_ids: Iterable[str]) -> Iterator[Callable[[str], list[Attempt]]]:
        """Read the attempts of runs in the background of the block; yields what is called in place of `attempts`."""
        prefixes = [f"{self._prefix(run_id)}/attempts" for run_id in run_ids]
        with self._checked.reading(prefixes, ATTEMPT) as of_folder:
            yield lambda run_id: of_folder(f"{self._prefix(run_id)}/attempts", no_contradiction)

    def load_final_job_states(self, run_id: str) -> dict[int, BatchJob]:
        """The jobs that ended without a result, as saved while Batch still knew them, by the scan's index."""
        states = self._checked.record(self._final_job_states_key(run_id), FinalJobStates.decode, at_most=RUN_BYTES)
        return {} if states is None else dict(states.jobs)

    def save_final_job_states(self, run_id: str, jobs: Mapping[int, BatchJob]) -> None:
        """Save ended jobs as Batch shows them now, but not over states that `load_final_job_states` could not read."""
        key = self._final_job_states_key(run_id)
        if not self._checked.unreadable(key):
            self._storage.put_json(self._bucket, key, FinalJobStates(jobs=jobs).as_json())

    def forget(self, is_gone: Callable[[str], bool]) -> None:
        """Forget records that were read before, on this machine too; `is_gone` tells by the key."""
        self._checked.forget(is_gone)

    def _read_run(self, run_id: str) -> Run | None:
        key = self._run_key(run_id)
        body = self._storage.get_body(self._bucket, key, at_most=RUN_BYTES)
        return None if body is None else Run.decode(body, f"s3://{self._bucket}/{key}")

    def _final_job_states_key(self, run_id: str) -> str:
        return f"{self._prefix(run_id)}/final_job_states.json"

    def _run_key(self, run_id: str) -> str:
        return f"{self._prefix(run_id)}/run.json"

    def _prefix(self, run_id: str) -> str:
        return run_location(run_id, data_bucket=self._bucket).prefix


def _contradicts(run: Run | None) -> Callable[[Submission], str]:
    return no_contradiction if run is None else lambda submission: contradiction(submission, run)


def _submission_key(run_prefix: str, submission: Submission) -> str:
    return f"{run_prefix}/submissions/{submission.number:02d}.json"

"""Reads and writes the runs' records in the data bucket, below `opsctl/runs/`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from typing import Any, TypeVar

from opsctl.aws.s3.cache import Cache
from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.completion_cache import CompletionCache
from opsctl.commands.runs.record_folder import WORTH_A_SUMMARY, Form, RecordFolder
from opsctl.core.dataset.scan import S3Object
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import RUNS_PREFIX, Location, run_location
from opsctl.core.record import UnreadableRecord
from opsctl.core.record_body import record_body
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Run, document_key, may_be_run_of, run_moment
from opsctl.core.runs.names import find_run
from opsctl.core.runs.result import Result
from opsctl.core.runs.scan_record import decode_scan_document, short_document
from opsctl.core.runs.status import BatchJob, FinalJobStates
from opsctl.core.runs.submission import Submission, contradiction
from opsctl.core.selftest.times import TIMES_KEY, PlatformTimes
from opsctl.core.size_limits import RECORD_BYTES, RUN_BYTES

T = TypeVar("T")

#: So many decoded records, of 1 kB each, are stored in this machine's cache at once: the disk is waited for each time.
_STORED_AT_ONCE = 2_000


def _nothing(_: Any) -> str:
    return ""


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
        self._worth_a_summary = worth_a_summary
        self._bucket = data_bucket
        self._cache = cache or Cache()
        self._on_unreadable = on_unreadable
        #: What completion and `opsctl runs` know without asking again.
        self.completion_cache = CompletionCache(self._cache, data_bucket)
        # Polling a run of 10,000 scans reads each record only once: etags and values by key.
        self._values: dict[str, tuple[str, Any]] = {}
        self._unreadable: dict[str, UnreadableRecord] = {}

    def unreadable(self, run_id: str | None = None) -> list[UnreadableRecord]:
        """Why the records cannot be read that counted as missing so far; None: of all runs."""
        prefix = "" if run_id is None else f"{self._uri(self._prefix(run_id))}/"
        return [problem for uri, problem in sorted(self._unreadable.items()) if uri.startswith(prefix)]

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
        return self._record(TIMES_KEY, PlatformTimes.decode) or PlatformTimes()

    def runs(self, run_ids: Sequence[str]) -> dict[str, Run]:
        """Several runs' records, by id; those without a record are left out, and so are unreadable ones."""
        run_id_by_key = {self._run_key(run_id): run_id for run_id in run_ids}
        runs: dict[str, Run] = {}
        for key, body in self._storage.get_bodies(self._bucket, list(run_id_by_key), at_most=RUN_BYTES).items():
            run = self._decoded(Run.decode, body, key)
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
        contradicts = _nothing if run is None else lambda submission: contradiction(submission, run)
        return self._records(run_id, "submissions", _SUBMISSION, contradiction=contradicts)

    def report_submission(self, run_id: str, submission: Submission, detail: str) -> None:
        """Report a submission that something outside the records contradicts."""
        self._report(self._not_believed(_submission_key(self._prefix(run_id), submission), detail))

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
        return self._record(document_key(self._prefix(run_id), "scans", index), decode_scan_document)

    def documents(self, run_id: str) -> dict[int, dict[str, Any]]:
        """All scans' JSONs of a run, by index."""
        return {value["index"]: value for value in self._records(run_id, "scans", _DOCUMENT, keep=False)}

    def submissions(self, run_id: str) -> list[Submission]:
        """A run's submissions that Batch is known to have."""
        return [submission for submission in self.submission_log(run_id) if submission.state == "submitted"]

    def results(
        self, run_id: str, *, files: bool = False, contradiction: Callable[[Result], str] = _nothing
    ) -> dict[int, Result]:
        """The results that exist, by the scan's index.

        Parameters
        ----------
        files
            Whether with the lists of files, which take 50 kB a scan; otherwise see `Result.without_files`.
        contradiction
            Says why a result cannot be the one of its scan (`Result.contradiction`).
        """
        if files:
            each = self.each_result(run_id, contradiction=contradiction)
            return {result.index: result for result in sorted(each, key=lambda result: result.index)}
        results = self._records(run_id, "results", _RESULT_WITHOUT_FILES, contradiction=contradiction)
        return {result.index: result for result in results}

    def each_result(self, run_id: str, *, contradiction: Callable[[Result], str] = _nothing) -> Iterator[Result]:
        """The results with their lists of files, in no order; whoever lets them go needs memory for one."""
        for obj, value in self._each(run_id, "results", _RESULT, keep=False):
            # Whoever asks for the results without their files need not read them again.
            self._values[obj.key] = (obj.etag, value and value.without_files())
            if (result := self._believed(value, obj.key, contradiction)) is not None:
                yield result

    def result(self, run_id: str, index: int, *, contradiction: Callable[[Result], str]) -> Result | None:
        """One scan's result with its list of files; None where there is none."""
        key = document_key(self._prefix(run_id), "results", index)
        return self._believed(self._record(key, Result.decode), key, contradiction)

    def attempts(self, run_id: str) -> list[Attempt]:
        """Every attempt that a run's jobs recorded, in no order."""
        return self._records(run_id, "attempts", _ATTEMPT)

    def load_final_job_states(self, run_id: str) -> dict[int, BatchJob]:
        """The jobs that ended without a result, as saved while Batch still knew them, by the scan's index."""
        states = self._record(self._final_job_states_key(run_id), FinalJobStates.decode, at_most=RUN_BYTES)
        return {} if states is None else dict(states.jobs)

    def save_final_job_states(self, run_id: str, jobs: Mapping[int, BatchJob]) -> None:
        """Save ended jobs as Batch shows them now, but not over states that `load_final_job_states` could not read."""
        key = self._final_job_states_key(run_id)
        if self._uri(key) not in self._unreadable:
            self._storage.put_json(self._bucket, key, FinalJobStates(jobs=jobs).as_json())

    def forget(self, is_gone: Callable[[str], bool]) -> None:
        """Forget records that were read before, on this machine too; `is_gone` tells by the key."""
        self._values = {key: value for key, value in self._values.items() if not is_gone(key)}
        self._cache.forget(self._bucket, is_gone)

    def _records(
        self,
        run_id: str,
        folder: str,
        form: Form[T],
        *,
        keep: bool = True,
        contradiction: Callable[[T], str] = _nothing,
    ) -> list[T]:
        """The records of a run's folder, in the order of their keys.

        Parameters
        ----------
        keep
            Whether to keep the values, so that only new and changed objects are read the next time.
        contradiction
            Says what else that is known contradicts a record; empty where nothing does.
        """
        values = {obj.key: value for obj, value in self._each(run_id, folder, form, keep=keep)}
        return [
            value for key in sorted(values) if (value := self._believed(values[key], key, contradiction)) is not None
        ]

    def _each(self, run_id: str, folder: str, form: Form[T], *, keep: bool) -> Iterator[tuple[S3Object, T | None]]:
        """The records of a run's folder, in no order; None in place of one that cannot be read."""
        location = Location(self._bucket, f"{self._prefix(run_id)}/{folder}")
        objects = list(self._storage.below(location))
        unread = []
        for obj in objects:
            etag, known = self._values.get(obj.key, ("", None)) if keep else ("", None)
            if etag == obj.etag:
                yield obj, known
            else:
                unread.append(obj)
        reader = RecordFolder(
            self._storage, self._cache, location, objects, form=form.name, worth_a_summary=self._worth_a_summary
        )
        stored: dict[S3Object, bytes] = {}
        unusable: list[S3Object] = []
        value: T | None
        for read in chain(reader.bodies(unread), _later(lambda: reader.bodies(unusable, cached=False))):
            if read.source == "cache" and form.decode_short is not None and isinstance(read.body, bytes):
                try:
                    value = form.decode_short(read.body, self._uri(read.obj.key))
                except UnreadableRecord:
                    # Somebody has changed the cache: it is not the record that is damaged.
                    unusable.append(read.obj)
                    continue
                self._unreadable.pop(self._uri(read.obj.key), None)
            else:
                value = self._decoded(form.decode, read.body, read.obj.key)
            if keep:
                self._values[read.obj.key] = (read.obj.etag, value)
            if value is not None and form.shorten is not None and read.source != "cache":
                stored[read.obj] = form.shorten(value)
            elif form.is_small and read.source != "cache" and isinstance(read.body, bytes):
                stored[read.obj] = read.body
            if len(stored) >= _STORED_AT_ONCE:
                self._cache.keep(self._bucket, stored, form=form.name)
                stored = {}
            yield read.obj, value
        self._cache.keep(self._bucket, stored, form=form.name)

    def _believed(self, value: T | None, key: str, contradiction: Callable[[T], str]) -> T | None:
        """A record, or None and a report where something else contradicts it."""
        detail = "" if value is None else contradiction(value)
        if detail:
            self._report(self._not_believed(key, detail))
        return None if detail else value

    def _not_believed(self, key: str, detail: str) -> UnreadableRecord:
        return UnreadableRecord(self._uri(key), f"is not believed: {detail}.", "Restore or delete it.")

    def _record(self, key: str, decode: Callable[[bytes, str], T], *, at_most: int = RECORD_BYTES) -> T | None:
        """One record, always read from S3; None where there is none, or none that can be read."""
        try:
            body: bytes | UnreadableRecord | None = self._storage.get_body(self._bucket, key, at_most=at_most)
        except UnreadableRecord as problem:
            body = problem
        if body is None:
            self._unreadable.pop(self._uri(key), None)
            return None
        return self._decoded(decode, body, key)

    def _decoded(self, decode: Callable[[bytes, str], T], body: bytes | UnreadableRecord, key: str) -> T | None:
        """A record, or None and a report where it cannot be read."""
        uri = self._uri(key)
        try:
            if isinstance(body, UnreadableRecord):
                raise body
            value = decode(body, uri)
        except UnreadableRecord as problem:
            self._report(problem)
            return None
        self._unreadable.pop(uri, None)
        return value

    def _report(self, problem: UnreadableRecord) -> None:
        is_known = problem.source in self._unreadable
        self._unreadable[problem.source] = problem
        if not is_known:
            self._on_unreadable(problem)

    def _read_run(self, run_id: str) -> Run | None:
        key = self._run_key(run_id)
        body = self._storage.get_body(self._bucket, key, at_most=RUN_BYTES)
        return None if body is None else Run.decode(body, self._uri(key))

    def _final_job_states_key(self, run_id: str) -> str:
        return f"{self._prefix(run_id)}/final_job_states.json"

    def _run_key(self, run_id: str) -> str:
        return f"{self._prefix(run_id)}/run.json"

    def _prefix(self, run_id: str) -> str:
        return run_location(run_id, data_bucket=self._bucket).prefix

    def _uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"


def _submission_key(run_prefix: str, submission: Submission) -> str:
    return f"{run_prefix}/submissions/{submission.number:02d}.json"


def _later(make: Callable[[], Iterator[T]]) -> Iterator[T]:
    """The elements of what is made when the first of them is asked for."""
    yield from make()


def _decode_without_files(data: bytes, uri: str) -> Result:
    # The files are checked too, so that no command calls a result readable that another cannot read.
    return Result.decode(data, uri).without_files()


_SUBMISSION = Form(decode=Submission.decode, is_small=True)
_ATTEMPT = Form(decode=Attempt.decode, is_small=True)
_DOCUMENT = Form(decode=decode_scan_document, name="inputs", shorten=short_document, decode_short=decode_scan_document)
_RESULT = Form(decode=Result.decode)
_RESULT_WITHOUT_FILES = Form(
    decode=_decode_without_files,
    name="without files",
    shorten=Result.short_body,
    decode_short=Result.decode_short,
)

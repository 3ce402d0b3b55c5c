"""Reads every earlier run with the same output location: which scans are done, in flight, or were cut short."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from opsctl.aws.batch.batch import Batch
from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.output_files import OutputFiles
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.location import Location
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.manifest import Run, may_be_run_of
from opsctl.core.runs.scan_history import ScanDisposition, scan_dispositions
from opsctl.core.runs.snapshot import RunSnapshot
from opsctl.core.runs.submission import Submission, submissions_of


@dataclass(frozen=True)
class UnconfirmedSubmission:
    """A submission that is still recorded as `intended`: its `run` was cut short, and Batch may or may not have it.

    Attributes
    ----------
    job_id
        The id of its job where a look-up has seen it; empty where none has.
    """

    run: Run
    submission: Submission
    job_id: str

    @property
    def scans(self) -> set[tuple[str, str]]:
        """Names and keys of its scans."""
        return {(self.run.scans[index], self.run.keys[index]) for index in self.submission.indices}


class PriorRuns:
    """Reads the history of one output location.

    Parameters
    ----------
    output
        The derivatives folder.
    dataset_name
        The ids of the dataset's runs begin with it.
    now
        The clock, UTC.
    """

    def __init__(
        self,
        output: Location,
        platform: Platform,
        *,
        dataset_name: str,
        records: Records,
        storage: Storage,
        batch: Batch,
        now: Callable[[], datetime],
    ) -> None:
        self._output = output
        self._platform = platform
        self._dataset_name = dataset_name
        self._records = records
        self._storage = storage
        self._batch = batch
        self._now = now
        self._readers: dict[str, SnapshotReader] = {}
        self._output_files: OutputFiles | None = None

    def runs(self) -> list[Run]:
        """The runs into this location, oldest first."""
        return [run for run in self._records.runs_of(self._dataset_name) if run.output == self._output.uri]

    def has_unreadable_runs(self) -> bool:
        """Whether the record of a run that may be of this dataset cannot be read."""
        sources = [problem.source for problem in self._records.unreadable()]
        return any(
            source.endswith("/run.json") and may_be_run_of(source.split("/")[-2], self._dataset_name)
            for source in sources
        )

    def snapshots(self) -> Iterator[RunSnapshot]:
        """Snapshots of the runs into this location, every scan one by one, oldest first."""
        for run in self.runs():
            yield self._reader(run).whole()

    def unconfirmed(self, runs: Sequence[Run]) -> list[UnconfirmedSubmission]:
        """The submissions that were cut short, oldest first; one without a record counts, Batch may have it."""
        unconfirmed = []
        for run in runs:
            recorded = {submission.number: submission for submission in self._records.submission_log(run.run_id, run)}
            for intended in submissions_of(run, self._platform, at=run.created_at):
                submission = recorded.get(intended.number, intended)
                if submission.state == "intended":
                    job_id = self._reader(run).job_id_by_name(submission.number)
                    unconfirmed.append(UnconfirmedSubmission(run, submission, job_id))
        return unconfirmed

    def dispositions(self, scan_keys: Sequence[tuple[str, str]], runs: Sequence[Run]) -> list[ScanDisposition]:
        """What has become of each scan so far.

        Parameters
        ----------
        scan_keys
            The scans' names and keys.
        """
        names = {name for name, _ in scan_keys}
        relevant = [run for run in runs if names & set(run.scans[: run.submitted_count])]
        history = [self._reader(run).history() for run in relevant]
        # The output location is listed after the results are read, when the first of them asks.
        self._output_files = self._files_of(runs)
        return scan_dispositions(scan_keys, history, has_intact_files=self._output_files.has_all_of)

    def _files_of(self, runs: Sequence[Run]) -> OutputFiles:
        return OutputFiles(
            self._output, storage=self._storage, runs=runs, reader_of=lambda run: self._reader(run).on_s3
        )

    def has_submitted(self, run: Run) -> bool:
        """Whether jobs of a run exist or may exist: False only where all its submissions were abandoned."""
        submission_log = self._records.submission_log(run.run_id, run)
        return not submission_log or any(submission.state != "abandoned" for submission in submission_log)

    def foreign(self, names: Collection[str], runs: Sequence[Run]) -> list[str]:
        """The URIs of files in scans' output folders to which no job of opsctl has ever written.

        Parameters
        ----------
        names
            The scans that no earlier run has submitted.
        """
        if not names:
            return []
        files = self._output_files or self._files_of(runs)
        new = set(names)
        foreign = []
        for key in files.elsewhere:
            parts = key[len(self._output.key_prefix) :].split("/")
            if any("/".join(parts[:depth]) in new for depth in range(1, len(parts))):
                foreign.append(f"s3://{self._output.bucket}/{key}")
        return foreign

    def _reader(self, run: Run) -> SnapshotReader:
        if run.run_id not in self._readers:
            self._readers[run.run_id] = SnapshotReader(run, records=self._records, batch=self._batch, now=self._now)
        return self._readers[run.run_id]

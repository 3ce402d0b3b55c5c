"""Reads every earlier run with the same output location: which scans are done, in flight, or were cut short."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from opsctl.aws.batch.batch import Batch
from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.dataset.scan import S3Object
from opsctl.core.location import Location, parse_uri
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.manifest import Run, may_be_run_of
from opsctl.core.runs.result import Result
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
        self._output_objects: dict[str, S3Object] | None = None

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
        self._output_objects = None
        names = {name for name, _ in scan_keys}
        relevant = [run for run in runs if names & set(run.scans[: run.submitted_count])]
        return scan_dispositions(
            scan_keys, [self._reader(run).history() for run in relevant], has_intact_files=self._has_intact_files
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
        known = {name for run in runs for name in run.scans}
        foreign = []
        for key in self._outputs():
            parts = key[len(self._output.key_prefix) :].split("/")
            folders = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
            if folders & set(names) and not folders & known:
                foreign.append(f"s3://{self._output.bucket}/{key}")
        return foreign

    def _outputs(self) -> dict[str, S3Object]:
        if self._output_objects is None:
            self._output_objects = self._storage.outputs(self._output)
        return self._output_objects

    def _reader(self, run: Run) -> SnapshotReader:
        if run.run_id not in self._readers:
            self._readers[run.run_id] = SnapshotReader(run, records=self._records, batch=self._batch, now=self._now)
        return self._readers[run.run_id]

    def _has_intact_files(self, result: Result) -> bool:
        """Whether every file of a result is on S3 as its job wrote it; one listing answers for all scans."""
        objects = self._outputs()
        return all(file.is_intact(objects.get(parse_uri(file.uri).prefix)) for file in result.files)

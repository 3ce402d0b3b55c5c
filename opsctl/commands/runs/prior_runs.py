"""Looks at every earlier run into an output place: what is done, on its way, or was cut short."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from opsctl.aws.batch.batch import Batch
from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.records import Records
from opsctl.core.dataset.scan import S3Object
from opsctl.core.location import Location, parse_uri
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.scan_history import RunHistory, ScanDisposition, scan_dispositions
from opsctl.core.runs.submission import Submission, submissions_of


@dataclass(frozen=True)
class UnconfirmedSubmission:
    """A submission of which nobody has written down that Batch has it: its `run` was cut short."""

    run: Run
    submission: Submission

    @property
    def scans(self) -> set[tuple[str, str]]:
        """Names and keys of the scans that it is about."""
        return {(self.run.scans[index], self.run.keys[index]) for index in self.submission.indices}


class PriorRuns:
    """Reads the history of one output place.

    Parameters
    ----------
    output
        The derivatives folder.
    dataset_name
        What the ids of its runs begin with.
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
    ) -> None:
        self._output = output
        self._platform = platform
        self._dataset_name = dataset_name
        self._records = records
        self._storage = storage
        self._batch = batch
        self._there: dict[str, S3Object] | None = None

    def runs(self) -> list[Run]:
        """The runs into this place, oldest first."""
        return [run for run in self._records.runs_of(self._dataset_name) if run.output == self._output.uri]

    def unsettled(self, runs: Sequence[Run]) -> list[UnconfirmedSubmission]:
        """The submissions that were cut short, oldest first; one that the journal does not hold may have been made."""
        found = []
        for run in runs:
            submission_log = {one.number: one for one in self._records.submission_log(run.run_id)}
            intended = submissions_of(run, self._platform, at=run.created_at)
            known = [submission_log.get(one.number, one) for one in intended]
            found += [UnconfirmedSubmission(run, one) for one in known if one.state == "intended"]
        return found

    def dispositions(self, wanted: Sequence[tuple[str, str]], runs: Sequence[Run]) -> list[ScanDisposition]:
        """Where each scan stands.

        Parameters
        ----------
        wanted
            Names and keys.
        """
        self._there = None
        names = {name for name, _ in wanted}
        concerned = [run for run in runs if names & set(run.scans[: run.submitted_count])]
        return scan_dispositions(wanted, [self._history(run) for run in concerned], stands=self._stands)

    def has_submitted(self, run: Run) -> bool:
        """Whether jobs of a run exist or may exist: not where all of it was given up."""
        submission_log = self._records.submission_log(run.run_id)
        return not submission_log or any(one.state != "abandoned" for one in submission_log)

    def foreign(self, names: Collection[str], runs: Sequence[Run]) -> list[str]:
        """The files in the places of scans that no job of opsctl has ever written to.

        Parameters
        ----------
        names
            The scans that are new here.
        """
        known = {name for run in runs for name in run.scans}
        found = []
        for key in self._outputs():
            parts = key[len(self._output.key_prefix) :].split("/")
            places = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
            if places & set(names) and not places & known:
                found.append(f"s3://{self._output.bucket}/{key}")
        return found

    def _outputs(self) -> dict[str, S3Object]:
        if self._there is None:
            self._there = self._storage.outputs(self._output)
        return self._there

    def _history(self, run: Run) -> RunHistory:
        # Batch first: a job that ends in between has then written its result.
        submissions = self._records.submissions(run.run_id)
        unfinished = _unfinished(submissions, self._batch.summaries(submissions))
        jobs = self._batch.jobs(unfinished)
        return RunHistory(
            run=run,
            submitted=[index for one in submissions for index in one.indices],
            results=self._records.results(run.run_id),
            jobs=jobs,
        )

    def _stands(self, result: Result) -> bool:
        """Whether every file of a result is on S3 as its job left it: one listing answers for all scans."""
        there = self._outputs()
        for file in result.files:
            found = there.get(parse_uri(file.uri).prefix)
            if found is None or (found.size_bytes, found.etag) != (file.size_bytes, file.etag):
                return False
        return True


def _unfinished(submissions: Sequence[Submission], summaries: Mapping[str, Mapping[str, int]]) -> list[Submission]:
    over = {"SUCCEEDED", "FAILED"}
    return [
        one
        for one in submissions
        if any(count and status not in over for status, count in summaries.get(one.job_id, {}).items())
    ]

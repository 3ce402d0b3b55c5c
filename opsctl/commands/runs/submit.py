"""Submits a run's jobs (`submit_once`) and records what was submitted.

Each submission is recorded before the call. It happens at least once; the job runner lets only one of two jobs publish
a scan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from opsctl.aws.batch.batch import Batch
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.submission_lease import SubmissionLease
from opsctl.commands.runs.submit_once import find_submitted, submit_once
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.manifest import Run, timestamp
from opsctl.core.runs.submission import Submission, submit_request

#: Longer together than the process that took the lease over needs to look a job up and to submit it anew.
_SETTLING_PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0)


#: With these AWS has not accepted a call.
_REFUSALS = (
    ErrorCode.AWS_REFUSED,
    ErrorCode.AWS_DENIED,
    ErrorCode.AWS_NOT_FOUND,
    ErrorCode.AWS_QUOTA_REACHED,
    ErrorCode.ACCOUNT_RESTRICTED,
    ErrorCode.CREDENTIALS_EXPIRED,
)


class Submitter:
    """Submits, and finds out what was submitted.

    Parameters
    ----------
    lease
        Held by this process.
    """

    def __init__(
        self,
        batch: Batch,
        records: Records,
        platform: Platform,
        *,
        lease: SubmissionLease,
        sleep: Callable[[float], None],
        now: Callable[[], datetime],
    ) -> None:
        self._batch = batch
        self._records = records
        self._platform = platform
        self._lease = lease
        self._sleep = sleep
        self._now = now

    def submit(self, run: Run, submission: Submission) -> Submission:
        """Submit an `intended` submission and record that Batch has it.

        Raises
        ------
        Problem
            When Batch refuses or does not answer, or another process holds the lease.
        """
        queue = self._platform.models[run.resources].job_queue
        if submission.job_queue != queue:
            # The queue of a record of an earlier run may be of another platform. Jobs are looked up where they are.
            submission = replace(submission, job_queue=queue)
            self._records.put_submission(run.run_id, submission)
        request = submit_request(submission, run, self._platform)
        job_id = submit_once(self._batch, request, sleep=self._sleep, ensure_allowed=self._lease.ensure_held)
        if self._lease.was_taken_over() and not self._was_found(run, submission, job_id):
            self._lease.ensure_held()
        return self._submitted(run, submission, job_id)

    def find(self, run: Run, submission: Submission, *, known_job_id: str = "") -> Submission | None:
        """Look a submission up by its exact job name; record it if Batch has it, else return None.

        Parameters
        ----------
        known_job_id
            The id of its job where an earlier look-up saw it: ListJobs lags, and may not see it now.
        """
        job_id = find_submitted(
            self._batch,
            submission.job_queue,
            submission.job_name,
            sleep=self._sleep,
            run_uri=run.records_uri(run.run_id),
        )
        return self._submitted(run, submission, job_id or known_job_id) if job_id or known_job_id else None

    def note_refusal(self, run: Run, submissions: Sequence[Submission], problem: Problem) -> None:
        """Record why submissions were not made, so that nobody waits for them; they stay `intended`.

        Only where AWS has certainly not accepted the call, and this process holds the lease: otherwise another one may
        have submitted them.
        """
        if problem.code not in _REFUSALS:
            return
        # The refusal is what the user is told; a record that cannot be written says the same two minutes later.
        with suppress(Problem):
            self._lease.ensure_held()
            for submission in submissions:
                refused = submission.refused(problem.what, code=CauseCode.NEVER_SUBMITTED, at=timestamp(self._now()))
                self._records.put_submission(run.run_id, refused)

    def abandon(self, run: Run, submission: Submission, note: str, *, code: CauseCode) -> None:
        """Give up a submission that Batch does not have: a job of it that starts nevertheless writes nothing.

        A process that is stopped for longer than the lease lasts between the check and the mark may give up what
        another one has submitted meanwhile. That job's work is lost, and no scan: `run` submits it again.

        Raises
        ------
        Problem
            When another process holds the lease: it may have submitted what this one was about to give up.
        """
        self._lease.ensure_held()
        self._records.put_submission(run.run_id, submission.abandoned(note, code=code, at=timestamp(self._now())))

    def _was_found(self, run: Run, submission: Submission, job_id: str) -> bool:
        """Whether the process that took over the lease settled the submission with this job; else the job is ended.

        Where that process has not settled it yet, its record stays `intended`, and the job is left to be looked up.
        """
        for pause in _SETTLING_PAUSES_SECONDS:
            recorded = {other.number: other for other in self._records.submission_log(run.run_id)}
            settled = recorded.get(submission.number, submission)
            if settled.state != "intended":
                if settled.job_id != job_id:
                    self._batch.terminate(job_id, reason="opsctl: submitted twice")
                return settled.job_id == job_id
            self._sleep(pause)
        return False

    def _submitted(self, run: Run, submission: Submission, job_id: str) -> Submission:
        submitted = submission.submitted(job_id, at=timestamp(self._now()))
        self._records.put_submission(run.run_id, submitted)
        return submitted

"""Calls SubmitJob, which has no idempotency token, so that no submission is lost and none is made twice.

Each submission is recorded before the call, and a job whose reply was lost is looked up by its exact name. ListJobs may
be stale, so in the end a submission happens at least once; the job runner lets only one of two jobs publish a scan.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from opsctl.aws.batch.batch import Batch, Throttled, Unanswered
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.submission_lease import SubmissionLease
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.manifest import Run, timestamp
from opsctl.core.runs.submission import Submission, submit_request

_TRIES = 10
_LONGEST_PAUSE_SECONDS = 20.0
#: Pauses before each look-up of a job's name: ListJobs may lag behind.
_LOOK_UP_PAUSES_SECONDS = (0.2, 0.8, 2.0)


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
        request = submit_request(submission, run, self._platform)
        pause = 1.0
        for _ in range(_TRIES):
            self._lease.ensure_held()
            try:
                return self._submitted(run, submission, self._batch.submit(request))
            except Throttled:
                # Batch has not accepted the call, so there is no job to look up.
                self._sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            except Unanswered:
                submitted = self.find(run, submission)
                if submitted is not None:
                    return submitted
        raise Problem(
            "AWS Batch takes no submission at the moment.",
            "Type it again in a few minutes: it goes on.",
            code=ErrorCode.AWS_THROTTLED,
        )

    def find(self, run: Run, submission: Submission, *, known_job_id: str = "") -> Submission | None:
        """Look a submission up by its exact job name; record it if Batch has it, else return None.

        Parameters
        ----------
        known_job_id
            The id of its job where an earlier look-up saw it: ListJobs lags, and may not see it now.
        """
        for pause in _LOOK_UP_PAUSES_SECONDS:
            self._sleep(pause)
            job_ids = self._batch.find(submission.job_queue, submission.job_name)
            if job_ids:
                for duplicate_id in job_ids[1:]:
                    self._batch.terminate(duplicate_id, reason="opsctl: submitted twice")
                return self._submitted(run, submission, job_ids[0])
        return self._submitted(run, submission, known_job_id) if known_job_id else None

    def abandon(self, run: Run, submission: Submission, note: str, *, code: CauseCode) -> None:
        """Give up a submission that Batch does not have: a job of it that starts nevertheless writes nothing.

        Raises
        ------
        Problem
            When another process holds the lease: it may have submitted what this one was about to give up.
        """
        self._lease.ensure_held()
        self._records.put_submission(run.run_id, submission.abandoned(note, code=code, at=timestamp(self._now())))

    def _submitted(self, run: Run, submission: Submission, job_id: str) -> Submission:
        submitted = submission.submitted(job_id, at=timestamp(self._now()))
        self._records.put_submission(run.run_id, submitted)
        return submitted

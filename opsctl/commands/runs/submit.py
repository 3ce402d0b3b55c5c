"""SubmitJob, which knows no idempotency token: a journal before each call, and a look for the exact name when in doubt.

So a submission happens once, whatever is killed or lost. ListJobs may be stale, therefore "once" is "at least once" in
the end, and the job runner lets only one of two jobs publish a scan.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from opsctl.aws.batch.batch import Batch, Throttled, Unanswered
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.submission_lease import SubmissionLease
from opsctl.core.errors import Problem
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.manifest import Run, timestamp
from opsctl.core.runs.submission import Submission, submit_request

_TRIES = 10
_LONGEST_PAUSE_SECONDS = 20.0
#: Before each look for a job's name: ListJobs may lag behind.
_LOOKS_SECONDS = (0.2, 0.8, 2.0)


class Submitter:
    """Submits, and finds out what was submitted.

    Parameters
    ----------
    turn
        Held by this process.
    sleep, now
        Injected: waiting is a plain test.
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
        """Submit what is written down as intended, and write down that Batch has it.

        Raises
        ------
        Problem
            When Batch refuses, does not answer, or another process has the turn.
        """
        request = submit_request(submission, run, self._platform)
        pause = 1.0
        for _ in range(_TRIES):
            self._lease.check()
            try:
                return self._submitted(run, submission, self._batch.submit(request))
            except Throttled:
                # Not carried out: no need to look.
                self._sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            except Unanswered:
                found = self.find(run, submission)
                if found is not None:
                    return found
        raise Problem("AWS Batch takes no submission at the moment.", "Type it again in a few minutes: it goes on.")

    def find(self, run: Run, submission: Submission) -> Submission | None:
        """Look whether Batch has it, by its exact name; then that is written down."""
        for pause in _LOOKS_SECONDS:
            self._sleep(pause)
            job_ids = self._batch.find(submission.job_queue, submission.job_name)
            if job_ids:
                for twice in job_ids[1:]:
                    self._batch.terminate(twice, reason="opsctl: submitted twice")
                return self._submitted(run, submission, job_ids[0])
        return None

    def abandon(self, run: Run, submission: Submission, note: str) -> None:
        """Give up what Batch does not have: from now on a job of it that turns up writes nothing."""
        self._records.put_submission(run.run_id, submission.abandoned(note, at=timestamp(self._now())))

    def _submitted(self, run: Run, submission: Submission, job_id: str) -> Submission:
        submitted = submission.submitted(job_id, at=timestamp(self._now()))
        self._records.put_submission(run.run_id, submitted)
        return submitted

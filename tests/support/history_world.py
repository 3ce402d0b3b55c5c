"""A dataset's runs over weeks, in memory: Batch, S3 and the job runners of each attempt, by clocks that a test turns.

What truly happened stays known (`support.true_history` tells it), whatever Batch has forgotten and S3 has lost.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from opsctl.aws.s3.cache import Cache
from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.cancel import Canceller
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.errors import Problem
from opsctl.core.runs.manifest import Run, timestamp
from support.batch_history import TIMED_OUT, BatchHistory, PlayedAttempt, PlayedJob
from support.fake_batch import RESET, Fault
from support.memory_s3 import MemoryS3
from support.played_runner import SIGN_OF_LIFE, Ending, PlayedRunner
from support.run_world import MOMENT, RunWorld, put_dataset

#: Of the platform's jobs; terraform/platform/variables.tf.
TIMEOUT = timedelta(hours=6)

SummaryChange = Literal["lost", "cut off", "empty", "forged", "of another version", "no summary"]

Submission = Literal["goes well", "reply is lost", "killed before Batch took it", "killed before its record"]


class Killed(BaseException):
    """What SIGKILL is to a process: nothing of it runs any more."""


_FAULTS: dict[Submission, Fault | None] = {
    "goes well": None,
    "reply is lost": Fault(RESET, carried_out=True),
    "killed before Batch took it": Fault(Killed(), carried_out=False),
    "killed before its record": Fault(Killed(), carried_out=True),
}


class _Sleeps(list[float]):
    """The times that `run` slept; the world's time passes meanwhile."""

    def __init__(self, world: HistoryWorld) -> None:
        super().__init__()
        self._world = world

    def append(self, seconds: float) -> None:
        super().append(seconds)
        self._world.pass_time(timedelta(seconds=seconds))


class HistoryWorld(RunWorld):
    """One dataset, one person, and every job.

    Attributes
    ----------
    moment
        The true time: AWS's own clocks.
    person_is_ahead
        By how much the clock of the person's machine is ahead of it.
    """

    def __init__(self, home: Path, *scans: str) -> None:
        self.moment = MOMENT
        self.person_is_ahead = timedelta()
        self.s3 = MemoryS3("data", now=lambda: self.moment)
        self.history = BatchHistory(now=lambda: self.moment, on_stop=self._stop)
        batch: Any = self.history
        client: Any = self.s3
        super().__init__(Storage(client), home, batch=batch, sleeps=_Sleeps(self))
        self.runners: dict[tuple[str, int], PlayedRunner] = {}
        self._instance_is_ahead: dict[tuple[str, int], timedelta] = {}
        #: What a runner does that gets SIGTERM: it writes its end, or is killed before.
        self.writes_when_stopped = True
        #: What the person's machine keeps of `runs`, and of the names that other verbs read.
        self.cache, self.cached_names = Cache(), Cache()
        self.has_lost_results = False
        self.names = scans
        put_dataset(self.s3, *scans)

    def now(self) -> datetime:
        """The time on the person's machine."""
        return self.moment + self.person_is_ahead

    def planned_at(self) -> datetime:
        return self.now()

    @property
    def records(self) -> Records:
        return Records(self.storage, data_bucket="data", cache=self.cached_names, worth_a_summary=1)

    # What people do.

    def submit(self, how: Submission = "goes well", **changes: Any) -> str | None:
        """Type `opsctl run`; returns the id of the run that it names, None where it was killed or refused."""
        self.history.faults = [_FAULTS[how]]
        try:
            return self.run(**changes).run_id
        except (Killed, Problem):
            return None
        finally:
            self.history.faults = []

    def snapshots(self, run: Run) -> SnapshotReader:
        """The reader of a person who may write: it saves the final states of jobs."""
        return SnapshotReader(run, records=self.records, batch=self.history.adapter(), now=self.now, is_saving=True)

    def look(self) -> None:
        """Type `opsctl status` for every run: what only Batch knows of ended jobs is saved."""
        for run in self.runs():
            self.snapshots(run).progress()

    def cancel(self, run: Run, indices: Sequence[int] | None = None) -> None:
        """Type `opsctl cancel`."""
        seconds = iter(range(10_000))
        canceller = Canceller(
            self.snapshots(run),
            records=self.records,
            batch=self.history.adapter(),
            user="ada",
            sleep=lambda _: None,
            clock=lambda: float(next(seconds)),
            timestamp=lambda: timestamp(self.now()),
        )
        canceller.carry_out(canceller.plan(indices), poll_seconds=1.0)

    def delete_outputs(self, name: str) -> None:
        """Delete a scan's files from the output location."""
        for page in self.s3.paginate(Bucket="data", Prefix=f"HNU1/derivatives/m2g-csa-native/{name}/"):
            for obj in page.get("Contents", ()):
                self.s3.delete_object(Bucket="data", Key=obj["Key"])

    def delete_result(self, run: Run, index: int) -> None:
        """Delete the record of a scan's result."""
        self.has_lost_results = True
        origin = run.origin(index)
        self.s3.delete_object(Bucket="data", Key=f"opsctl/runs/{origin.run_id}/results/{origin.index:05d}.json")

    def summaries(self) -> list[str]:
        """The keys of the summaries that readers have written."""
        pages = self.s3.paginate(Bucket="data", Prefix="opsctl/runs/")
        return [obj["Key"] for page in pages for obj in page.get("Contents", ()) if "/summaries/" in obj["Key"]]

    def change_summary(self, key: str, how: SummaryChange) -> None:
        """Do to a summary what happens to objects, or what somebody does who may write to the bucket."""
        body = self.s3.get_object(Bucket="data", Key=key)["Body"].read()
        if how == "lost":
            self.s3.delete_object(Bucket="data", Key=key)
            return
        if how == "cut off":
            body = body[: len(body) // 2]
        elif how == "empty":
            body = b""
        else:
            content = gzip.decompress(body)
            if how == "forged":
                # Of the same length, so that only the bytes tell.
                content = content.replace(b'"succeeded"', b'"failed"   ').replace(b'"exit_code": 0', b'"exit_code": 9')
            elif how == "of another version":
                content = content.replace(b'"schema_version": 1', b'"schema_version": 7', 1)
            else:
                content = b"x" + content
            body = gzip.compress(content)
        self.s3.put_object(Bucket="data", Key=key, Body=body)

    def runs(self) -> list[Run]:
        """Every run that has a record, oldest first."""
        records = self.records
        return list(records.runs(records.run_ids()).values())

    # What happens to jobs.

    def start(self, job: PlayedJob, *, ahead: timedelta = timedelta(), is_mute: bool = False) -> None:
        """Capacity comes for a job: its runner begins, on an instance whose clock is so far ahead.

        Parameters
        ----------
        is_mute
            S3 takes nothing of this runner before its end.
        """
        attempt = self.history.start(job)
        key = (job.job_id, attempt.number)
        self._instance_is_ahead[key] = ahead
        runner = self.runners[key] = PlayedRunner(self.s3, job, attempt, now=self._clock(key), is_mute=is_mute)
        if not runner.begin():
            self.end(job, "done")

    def end(self, job: PlayedJob, ending: Ending) -> None:
        """A job's runner ends by itself."""
        assert job.running is not None
        self.history.end(job, exit_code=self.runners[job.job_id, job.running.number].end(ending))

    def lose(self, job: PlayedJob) -> None:
        """A job's instance is lost: its runner writes nothing more."""
        self.history.lose(job)

    def lose_server(self) -> None:
        """The local server is killed with its jobs."""
        self.history.lose_everything()

    def pass_time(self, step: timedelta) -> None:
        """Let time pass: runners say that they are alive, and Batch ends an attempt that takes too long."""
        end = self.moment + step
        while late := [job for job in self.history.jobs if (due := _due(job)) is not None and due <= end]:
            job = min(late, key=lambda job: _due(job) or end)
            self.moment = _due(job) or end
            self._say_alive()
            assert job.running is not None
            self.runners[job.job_id, job.running.number].end("stopped")
            self.history.end(job, exit_code=143, status_reason=TIMED_OUT, timed_out=True)
        self.moment = end
        self._say_alive()

    def active(self) -> list[PlayedJob]:
        """The jobs that have not ended, in the order of their submission."""
        return [job for job in self.history.jobs if not job.is_over]

    def _say_alive(self) -> None:
        for job in self.active():
            attempt = job.running
            if attempt is None or attempt.started_at is None:
                continue
            key = (job.job_id, attempt.number)
            signs = (self.moment - attempt.started_at) // SIGN_OF_LIFE
            if signs:
                self.runners[key].say_alive(attempt.started_at + signs * SIGN_OF_LIFE + self._instance_is_ahead[key])

    def _stop(self, job: PlayedJob) -> None:
        attempt = job.running
        assert attempt is not None
        if self.writes_when_stopped:
            self.history.end(job, exit_code=self.runners[job.job_id, attempt.number].end("stopped"))
        else:
            self.history.end(job, exit_code=137)

    def _clock(self, key: tuple[str, int]) -> Callable[[], datetime]:
        return lambda: self.moment + self._instance_is_ahead[key]


def _due(job: PlayedJob) -> datetime | None:
    """When Batch ends the attempt that runs."""
    attempt: PlayedAttempt | None = job.running
    return attempt.started_at + TIMEOUT if attempt is not None and attempt.started_at is not None else None

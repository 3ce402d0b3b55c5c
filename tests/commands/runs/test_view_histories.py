"""All verbs agree on every scan, and tell the truth, after every step of any history."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.agreement import ensure_agreement
from support.batch_history import PlayedJob
from support.history_world import HistoryWorld, Submission, SummaryChange
from support.no_threads import no_threads
from support.played_runner import Ending

from opsctl.core.runs.manifest import Run

_MOST_RUNS = 4
_MINUTE = timedelta(minutes=1)

some = st.integers(0, 7)
seconds = st.integers(-5, 5)
#: How an attempt ends: by itself, or with its instance.
endings: st.SearchStrategy[Ending | Literal["lost"]] = st.sampled_from(
    ["done", "m2g failed", "out of memory", "wrong input", "S3 silent", "lost", "lost"]
)
submissions: st.SearchStrategy[Submission] = st.sampled_from(
    ["goes well", "goes well", "reply is lost", "killed before Batch took it", "killed before its record"]
)
summary_changes: st.SearchStrategy[SummaryChange] = st.sampled_from(
    ["lost", "cut off", "empty", "forged", "of another version", "no summary"]
)
minutes = st.sampled_from([1, 7, 60, 150, 300, 8 * 24 * 60])
#: Minutes until an attempt starts, minutes that it runs, and how it ends.
attempts = st.tuples(st.sampled_from([1, 7, 120]), st.sampled_from([2, 7, 60, 150, 300]), endings)
#: Three attempts that differ, or three alike: Batch gives up after the third.
played = st.lists(attempts, min_size=1, max_size=3) | attempts.map(lambda attempt: [attempt] * 3)


def waits(job: PlayedJob) -> bool:
    return job.status in ("RUNNABLE", "STARTING")


def runs(job: PlayedJob) -> bool:
    return job.running is not None


class Histories(RuleBasedStateMachine):
    """One dataset's runs; `which` counts among what the rule can happen to."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.story: list[str] = []
        self.past_summaries: dict[str, bytes] = {}

    @initialize(scans=st.integers(1, 3), lag=st.sampled_from([0, 2, 10]), how=submissions)
    def begin(self, scans: int, lag: int, how: Submission) -> None:
        self.world = HistoryWorld(Path(self._folder.name), *(f"sub-0{number + 1}" for number in range(scans)))
        self.world.history.lag = timedelta(seconds=lag)
        self.type_run(how)

    @precondition(lambda self: len(self.world.runs()) < _MOST_RUNS)
    @rule(how=submissions)
    def type_run(self, how: Submission) -> None:
        run_id = self.world.submit(how)
        self.tell(f"`opsctl run` {how}" + (f": {run_id}" if run_id else ""))

    @precondition(lambda self: self.world.runs())
    @rule(which=some, whole=st.booleans(), writes=st.booleans())
    def type_cancel(self, which: int, whole: bool, writes: bool) -> None:
        run = self.run_of(which)
        indices = None if whole else [which % len(run.scans)]
        self.tell(f"`opsctl cancel` {'all' if indices is None else run.scans[indices[0]]} of {run.run_id}")
        self.world.writes_when_stopped = writes
        self.world.cancel(run, indices)

    @precondition(lambda self: self.world.runs())
    @rule()
    def type_status(self) -> None:
        self.tell("`opsctl status` of every run")
        self.world.look()

    @precondition(lambda self: any(map(waits, self.world.active())))
    @rule(which=some, played=played, is_mute=st.booleans())
    def job_runs(self, which: int, played: list[tuple[int, int, Ending | Literal["lost"]]], is_mute: bool) -> None:
        """One job's next attempts, as far as Batch tries again."""
        job = self.job_of(which, waits)
        for wait, duration, ending in played:
            if waits(job):
                self.time_passes(wait, 0)
                self.start(job, ahead=0, is_mute=is_mute)
            if runs(job):
                self.time_passes(duration, 0)
            if runs(job):
                self.end(job, ending)

    @precondition(lambda self: any(map(waits, self.world.active())))
    @rule(which=some, ahead=seconds, is_mute=st.booleans())
    def attempt_starts(self, which: int, ahead: int, is_mute: bool) -> None:
        self.start(self.job_of(which, waits), ahead=ahead, is_mute=is_mute)

    @precondition(lambda self: any(map(runs, self.world.active())))
    @rule(which=some, ending=endings)
    def attempt_ends(self, which: int, ending: Ending | Literal["lost"]) -> None:
        self.end(self.job_of(which, runs), ending)

    @precondition(lambda self: any(map(waits, self.world.active())))
    @rule(which=some, has_image=st.booleans())
    def instance_boots(self, which: int, has_image: bool) -> None:
        job = self.job_of(which, waits)
        if has_image:
            self.tell(f"{self.name(job)} gets an instance")
            self.world.history.place(job)
        else:
            self.tell(f"{self.name(job)} cannot pull its image")
            self.world.history.refuse_image(job)

    @rule(count=minutes, ahead=seconds)
    def time_passes(self, count: int, ahead: int) -> None:
        """Time passes; then the clock of the person's machine is so far ahead."""
        self.world.pass_time(count * _MINUTE)
        self.world.person_is_ahead = timedelta(seconds=ahead)
        self.tell(f"{count} minutes have passed")

    @precondition(lambda self: self.world.runs())
    @rule(which=some, what=st.sampled_from(["outputs", "record of the result", "local server"]))
    def something_is_lost(self, which: int, what: str) -> None:
        run = self.run_of(which)
        index = which % len(run.scans)
        if what == "local server":
            self.tell("the local server is killed with its jobs")
            self.world.lose_server()
            self.time_passes(60, 0)
            return
        self.tell(f"the {what} of {run.scans[index]} in {run.run_id} is deleted")
        if what == "outputs":
            self.world.delete_outputs(run.scans[index])
        else:
            self.world.delete_result(run, index)

    @precondition(lambda self: self.world.summaries())
    @rule(which=some, how=summary_changes)
    def summary_changes(self, which: int, how: SummaryChange) -> None:
        summaries = self.world.summaries()
        key = summaries[which % len(summaries)]
        self.tell(f"the summary {key} is {how}")
        self.world.change_summary(key, how)

    @precondition(lambda self: self.world.summaries())
    @rule(which=some)
    def summary_is_of_the_past(self, which: int) -> None:
        """A second reader writes at last what it had read long ago."""
        summaries = self.world.summaries()
        key = summaries[which % len(summaries)]
        if key in self.past_summaries:
            self.tell(f"the summary {key} is one of the past")
            self.world.s3.put_object(Bucket="data", Key=key, Body=self.past_summaries[key])
        else:
            self.past_summaries[key] = self.world.s3.get_object(Bucket="data", Key=key)["Body"].read()

    @invariant()
    def verbs_agree(self) -> None:
        # ListJobs shows everything that has happened; while it lags, no two calls of it need agree.
        self.world.pass_time(self.world.history.lag)
        try:
            ensure_agreement(self.world)
        except AssertionError as error:
            raise AssertionError("\n".join([*self.story, str(error)])) from None

    def teardown(self) -> None:
        self._folder.cleanup()

    def tell(self, sentence: str) -> None:
        """Add to the history that a failure shows."""
        self.story.append(f"{self.world.moment:%d %b %H:%M} {sentence}")

    def start(self, job: PlayedJob, *, ahead: int, is_mute: bool) -> None:
        self.tell(f"{self.name(job)} starts" + (", which S3 does not hear of" if is_mute else ""))
        self.world.start(job, ahead=timedelta(seconds=ahead), is_mute=is_mute)

    def end(self, job: PlayedJob, ending: Ending | Literal["lost"]) -> None:
        if ending == "lost":
            self.tell(f"{self.name(job)} loses its instance")
            self.world.lose(job)
        else:
            self.tell(f"{self.name(job)} ends: {ending}")
            self.world.end(job, ending)

    def run_of(self, which: int) -> Run:
        runs = self.world.runs()
        return runs[which % len(runs)]

    def job_of(self, which: int, may: Callable[[PlayedJob], bool]) -> PlayedJob:
        jobs = [job for job in self.world.active() if may(job)]
        return jobs[which % len(jobs)]

    def name(self, job: PlayedJob) -> str:
        number = len(job.attempts) + (job.running is None)
        run = self.world.records.run(job.run_uri.rpartition("/")[2])
        return f"attempt {number} of {job.job_id} ({run.scans[job.scan_index]})"


_COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": False}


@pytest.mark.timeout(1800)  # a failure is shortened for minutes, so that a person can read it
def test_all_verbs_agree_after_every_step_of_any_history() -> None:
    with no_threads():
        run_state_machine_as_test(
            Histories, settings=settings(max_examples=12, stateful_step_count=25, derandomize=True, **_COMMON)
        )


@pytest.mark.campaign
@pytest.mark.timeout(7200)
def test_all_verbs_agree_after_every_step_of_many_histories() -> None:
    """The same histories each time, or HISTORIES random ones (`make histories`): about a second each."""
    count = os.environ.get("HISTORIES")
    amount = settings(max_examples=int(count or 20), stateful_step_count=50, derandomize=count is None, **_COMMON)
    with no_threads():
        run_state_machine_as_test(Histories, settings=amount)

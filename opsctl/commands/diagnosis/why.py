"""`why`: gathers what is known of a run's scans and of the platform, and lets the rules speak."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from opsctl.aws.batch.batch import Batch
from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.run_reader import RunReader
from opsctl.core.diagnosis.causes import cause_of
from opsctl.core.diagnosis.finding import Finding, Wait, is_blocked_reason
from opsctl.core.diagnosis.queue_snapshot import NotVisible, QueueSnapshot
from opsctl.core.diagnosis.why import Answer, Explanation, failure, needs_facts, said, waiting
from opsctl.core.location import Location, run_location
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.attempt_merge import attempts_by_scan
from opsctl.core.runs.names import named
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob, ScanStatus, State, join
from opsctl.core.runs.unsubmitted_scans import unsubmitted_reasons

_WAITING = ("PENDING", "RUNNABLE", "STARTING")


@dataclass
class _Case:
    """What is known of the scans that were asked for, by index."""

    reader: RunReader
    platform: Platform
    now: datetime
    statuses: Mapping[int, ScanStatus]
    results: Mapping[int, Result]
    jobs: Mapping[int, BatchJob]
    attempts: Mapping[int, tuple[Attempt, ...]]
    #: By index: the job (of an array the parent's) and when it was submitted.
    submitted: Mapping[int, tuple[str, str]]

    @property
    def memory_mib(self) -> int:
        run = self.reader.run
        return run.memory_mib or self.platform.models[run.resources].memory_mib

    def words(self, index: int) -> str:
        return said(self.statuses[index].cause, self.jobs.get(index))

    def seconds_since(self, moment: str) -> float:
        return max(0.0, (self.now - datetime.fromisoformat(moment)).total_seconds())


def why(
    wanted: str | None,
    *,
    reader: RunReader,
    batch: Batch,
    storage: Storage,
    platform: Platform,
    look: Callable[[], QueueSnapshot],
    now: datetime,
) -> Answer:
    """Why scans wait, or failed.

    Parameters
    ----------
    wanted
        A scan's name or a glob of names; None: the whole run.
    look
        Takes the snapshot of the platform; called only where it can explain something.
    now
        For how long something has waited.

    Raises
    ------
    Problem
        Where the run has no such scan.
    """
    scans = reader.run.scans
    indices = range(len(scans)) if wanted is None else named(scans, [wanted])
    case = _case(reader, batch, platform, indices, now=now)
    states = {state: [i for i in indices if case.statuses[i].state == state] for state in ("FAILED", "RUNNING", "DONE")}
    waits = [index for index in indices if case.statuses[index].state in _WAITING]
    needed = any(case.statuses[i].is_submitted for i in waits) or any(
        needs_facts(case.words(i)) for i in states["FAILED"]
    )
    facts = look() if needed else None
    explanations = [*_failures(case, states["FAILED"], facts), *_waits(case, waits, facts)]
    if len(indices) == 1:
        explanations = [_whole(case, indices[0], *explanations, storage=storage)]
    running = [case.seconds_since(_since(case, index)) for index in states["RUNNING"]]
    return Answer(
        run_id=reader.run.run_id,
        counts=_counts(case, indices),
        running_seconds=max(running, default=0.0),
        explanations=tuple(explanations),
        hidden=facts.hidden if facts else (),
        notes=_notes(facts),
    )


def _case(reader: RunReader, batch: Batch, platform: Platform, indices: Sequence[int], *, now: datetime) -> _Case:
    # Batch before the results: a job that ends in between has then written its result.
    submissions = reader.submissions()
    jobs = dict(reader.jobs())
    if len(indices) == 1 and indices[0] in jobs:
        # ListJobs does not tell the attempts.
        (index,) = indices
        jobs[index] = batch.describe([jobs[index].job_id]).get(jobs[index].job_id, jobs[index])
    results = reader.results()
    never = unsubmitted_reasons(reader.run, reader.submission_log(), now=now)
    status = join(reader.run, results=results, jobs=jobs, unsubmitted=never, indices=indices)
    # Of a run of thousands that is over, the attempts would be read for nothing.
    is_asked = len(indices) == 1 or not status.is_over
    submitted = {}
    for index in indices:
        origin = reader.run.origin(index)
        for one in submissions.get(origin.run_id, ()):
            if origin.index in one.indices:
                submitted[index] = (one.job_id, one.at)
    return _Case(
        reader=reader,
        platform=platform,
        now=now,
        statuses={one.index: one for one in status.scans},
        results=results,
        jobs=jobs,
        attempts=attempts_by_scan(reader.attempts() if is_asked else (), jobs),
        submitted=submitted,
    )


def _failures(case: _Case, indices: Sequence[int], facts: QueueSnapshot | None) -> list[Explanation]:
    groups: dict[str, list[int]] = defaultdict(list)
    for index in indices:
        groups[cause_of(case.words(index), run=case.reader.run).title].append(index)
    found = []
    for title, members in sorted(groups.items(), key=lambda item: -len(item[1])):
        # Of several, the one that needed most memory says most.
        first = max(members, key=lambda index: _peak(case, index))
        words = case.words(first)
        findings = failure(
            words,
            run=case.reader.run,
            memory_mib=case.memory_mib,
            is_spot=case.platform.spot,
            result=case.results.get(first),
            facts=facts,
        )
        found.append(_explanation(case, "failed", title, members, findings, words))
    return found


def _waits(case: _Case, indices: Sequence[int], facts: QueueSnapshot | None) -> list[Explanation]:
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index in indices:
        one = case.statuses[index]
        if not one.is_submitted:
            groups["PENDING", one.cause].append(index)
        else:
            # Batch gives its reason to the first in line only: it is everybody's.
            groups[one.state, "" if is_blocked_reason(one.cause) else _title(one.cause)].append(index)
    found = []
    for (state, _), members in groups.items():
        first = case.statuses[members[0]]
        if not first.is_submitted or facts is None:
            finding = Finding("Its submission is under way.", "Nothing: seconds to a minute.")
            found.append(_explanation(case, "waiting", first.cause, members, [finding], first.cause))
            continue
        reason = next(
            (case.statuses[i].cause for i in members if is_blocked_reason(case.statuses[i].cause)), first.cause
        )
        wait = Wait(
            status=case.jobs[first.index].status,
            seconds=case.seconds_since(_since(case, first.index)),
            reason=reason,
            job_id=case.submitted.get(first.index, ("", ""))[0],
            ahead_in_array=_ahead(case, first.index),
            head_reason=next((job.reason for job in case.jobs.values() if is_blocked_reason(job.reason)), ""),
        )
        findings = waiting(facts, wait, run=case.reader.run)
        found.append(_explanation(case, "waiting", f"{state} at AWS Batch", members, findings, reason))
    return found


def _explanation(
    case: _Case, kind: str, title: str, members: Sequence[int], findings: Sequence[Finding], words: str
) -> Explanation:
    return Explanation(
        kind="failed" if kind == "failed" else "waiting",
        title=title,
        scans=tuple(case.reader.run.scans[index] for index in members),
        findings=tuple(findings),
        words=words,
        places={},
    )


def _whole(case: _Case, index: int, *explained: Explanation, storage: Storage) -> Explanation:
    """One scan's explanation with its attempts, and where its logs and QA are."""
    one = case.statuses[index]
    made = explained[0] if explained else None
    attempts = case.attempts.get(index, ())
    has_lines = index in case.results or any(attempt.log_stream for attempt in attempts)
    places = {"logs": f"opsctl logs {one.name}"} if has_lines else {}
    origin = case.reader.run.origin(index)
    folder = run_location(origin.run_id, data_bucket=case.platform.data_bucket).prefix
    kept = Location(case.platform.data_bucket, f"{folder}/failures/{origin.index:05d}")
    if one.state != "DONE" and any(storage.below(kept)):
        places["logs and QA of failed attempts"] = f"{kept.uri}/"
    return Explanation(
        kind=made.kind if made else ("done" if one.state == "DONE" else "running"),
        title=made.title if made else one.state,
        scans=(one.name,),
        findings=made.findings if made else (),
        words=made.words if made else "",
        attempts=attempts,
        places=places,
    )


def _since(case: _Case, index: int) -> str:
    """When a scan began to wait for what it waits for, or to run."""
    attempts = case.attempts.get(index, ())
    if attempts and case.statuses[index].state == "RUNNING":
        return attempts[-1].started_at or case.reader.run.created_at
    stopped = [one.stopped_at for one in attempts if one.stopped_at]
    return stopped[-1] if stopped else case.submitted.get(index, ("", case.reader.run.created_at))[1]


def _ahead(case: _Case, index: int) -> int:
    """How many children of the same array wait before a scan's."""
    mine = case.jobs[index].job_id
    parent, _, place = mine.partition(":")
    before = [
        job for job in case.jobs.values()
        if place and job.status == "RUNNABLE" and job.job_id.startswith(f"{parent}:")
        and int(job.job_id.partition(":")[2]) < int(place)
    ]  # fmt: skip
    return len(before)


def _peak(case: _Case, index: int) -> int:
    return case.results[index].peak_memory_mib if index in case.results else 0


def _title(words: str) -> str:
    return cause_of(words).title if words else ""


def _counts(case: _Case, indices: Sequence[int]) -> dict[State, int]:
    found: dict[State, int] = defaultdict(int)
    for index in indices:
        found[case.statuses[index].state] += 1
    return dict(found)


def _notes(facts: QueueSnapshot | None) -> tuple[str, ...]:
    if facts is None or facts.image is None or isinstance(facts.image, NotVisible) or facts.image.exists is not None:
        return ()
    return (f"Whether {facts.image.uri} is there, its own registry alone can tell: it is not in this region's ECR.",)

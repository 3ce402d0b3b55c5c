"""`why`: gather what is known of a run's scans and of the platform, and explain it by the rules."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.diagnosis.blocked_reasons import is_blocked_reason
from opsctl.core.diagnosis.causes import group_key, group_title
from opsctl.core.diagnosis.finding import Finding, Wait
from opsctl.core.diagnosis.queue_snapshot import NotVisible, QueueSnapshot
from opsctl.core.diagnosis.reason import Reason, batch_reason
from opsctl.core.diagnosis.why import Answer, Explanation, Kind, failure, needs_facts, waiting
from opsctl.core.location import Location, run_location
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.attempt_merge import AttemptsByScan
from opsctl.core.runs.names import find_scans
from opsctl.core.runs.result import Result
from opsctl.core.runs.state import DailyState, daily_counts
from opsctl.core.runs.status import BatchJob, ScanStatus

_WAITING = ("PENDING", "RUNNABLE", "STARTING")


@dataclass
class _Case:
    """What is known of the requested scans.

    Attributes
    ----------
    statuses, results, jobs, attempts
        By the scan's index.
    submitted
        By the scan's index: the job's id (an array's parent) and when it was submitted.
    """

    reader: SnapshotReader
    platform: Platform
    now: datetime
    statuses: Mapping[int, ScanStatus]
    results: Mapping[int, Result]
    jobs: Mapping[int, BatchJob]
    attempts: AttemptsByScan
    submitted: Mapping[int, tuple[str, str]]

    @property
    def memory_mib(self) -> int:
        run = self.reader.run
        return run.memory_mib or self.platform.models[run.resources].memory_mib

    def reason(self, index: int) -> Reason:
        return self.statuses[index].reason

    def seconds_since(self, moment: str) -> float:
        return max(0.0, (self.now - datetime.fromisoformat(moment)).total_seconds())


def why(
    pattern: str | None,
    *,
    reader: SnapshotReader,
    storage: Storage,
    platform: Platform,
    look: Callable[[], QueueSnapshot],
) -> Answer:
    """Explain why scans wait, or failed.

    Parameters
    ----------
    pattern
        A scan's name or a glob of names; None: the whole run.
    look
        Takes the snapshot of the platform's queue; called only when it can explain something.

    Raises
    ------
    Problem
        When the run has no such scan.
    """
    scans = reader.run.scans
    indices = reader.run.remaining if pattern is None else find_scans(scans, [pattern])
    case = _case(reader, platform, indices)
    states = {index: case.statuses[index].state for index in indices}
    daily = {index: case.statuses[index].daily for index in indices}
    failed = [index for index in indices if daily[index] is DailyState.FAILED]
    cancelled = [index for index in indices if daily[index] is DailyState.CANCELLED]
    running = [index for index in indices if daily[index] is DailyState.RUNNING]
    waiting_scans = [index for index in indices if states[index] in _WAITING]
    needs_snapshot = any(case.statuses[index].is_submitted for index in waiting_scans) or any(
        needs_facts(case.reason(index)) for index in failed
    )
    snapshot = look() if needs_snapshot else None
    explanations = [
        *_ends(case, "failed", failed, snapshot),
        *_ends(case, "cancelled", cancelled, snapshot),
        *_waits(case, waiting_scans, snapshot),
    ]
    if len(indices) == 1:
        explanations = [_single_scan(case, indices[0], *explanations, storage=storage)]
    return Answer(
        run_id=reader.run.run_id,
        counts=Counter(states.values()),
        daily_counts=daily_counts(daily.values()),
        running_seconds=max((case.seconds_since(_since(case, index)) for index in running), default=0.0),
        explanations=tuple(explanations),
        hidden=snapshot.hidden if snapshot else (),
        notes=_notes(snapshot),
    )


def _case(reader: SnapshotReader, platform: Platform, indices: Sequence[int]) -> _Case:
    # One scan's place in the queue depends on the others' jobs, so every job is listed.
    snapshot = reader.whole(described=indices if len(indices) == 1 else ())
    submitted = {
        index: (part.submission.job_id, part.submission.at) for part in reader.last_parts for index in part.run_indices
    }
    return _Case(
        reader=reader,
        platform=platform,
        now=snapshot.at,
        statuses=snapshot.scans,
        results=snapshot.results,
        jobs=snapshot.jobs,
        attempts=snapshot.attempts,
        submitted=submitted,
    )


def _ends(
    case: _Case, kind: Literal["failed", "cancelled"], indices: Sequence[int], snapshot: QueueSnapshot | None
) -> list[Explanation]:
    """Why scans failed, or who cancelled them, by cause."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index in indices:
        groups[group_key(case.reason(index))].append(index)
    explanations = []
    for members in sorted(groups.values(), key=lambda members: -len(members)):
        # The scan that needed most memory stands for the group.
        example = max(members, key=lambda index: case.reason(index).number("peak_memory_mib"))
        reason = case.reason(example)
        findings = failure(
            reason,
            run=case.reader.run,
            scan=case.reader.run.scans[example],
            memory_mib=case.memory_mib,
            is_spot=case.platform.spot,
            facts=snapshot,
        )
        title = group_title([case.reason(index) for index in members])
        explanations.append(_explanation(case, kind, title, members, findings, reason))
    return explanations


def _waits(case: _Case, indices: Sequence[int], snapshot: QueueSnapshot | None) -> list[Explanation]:
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index in indices:
        scan = case.statuses[index]
        if not scan.is_submitted:
            groups["PENDING", scan.cause_code].append(index)
        else:
            # Batch gives a reason only to the first job in the queue; it holds for all.
            groups[scan.state, "" if is_blocked_reason(scan.cause) else scan.cause_code].append(index)
    explanations = []
    for (state, _), members in groups.items():
        first = case.statuses[members[0]]
        if not first.is_submitted or snapshot is None:
            finding = Finding("Its submission is under way.", "Nothing: seconds to a minute.")
            explanations.append(_explanation(case, "waiting", first.cause, members, [finding], first.reason))
            continue
        status_reason = next(
            (case.statuses[index].cause for index in members if is_blocked_reason(case.statuses[index].cause)),
            first.cause,
        )
        wait = Wait(
            status=case.jobs[first.index].status,
            seconds=case.seconds_since(_since(case, first.index)),
            reason=status_reason,
            job_id=case.submitted.get(first.index, ("", ""))[0],
            ahead_in_array=_ahead(case, first.index),
            head_reason=next((job.reason for job in case.jobs.values() if is_blocked_reason(job.reason)), ""),
        )
        findings = waiting(snapshot, wait, run=case.reader.run)
        explanations.append(
            _explanation(case, "waiting", f"{state} at AWS Batch", members, findings, batch_reason(status_reason))
        )
    return explanations


def _explanation(
    case: _Case,
    kind: Kind,
    title: str,
    members: Sequence[int],
    findings: Sequence[Finding],
    reason: Reason,
) -> Explanation:
    return Explanation(
        kind=kind,
        # Batch gives many waits no reason: then the platform's first fault that has a code tells what kind it is.
        code=reason.code or next((finding.code for finding in findings if finding.code), ""),
        title=title,
        scans=tuple(case.reader.run.scans[index] for index in members),
        findings=tuple(findings),
        words=reason.message,
        facts=reason.facts,
        places={},
    )


def _single_scan(case: _Case, index: int, *explained: Explanation, storage: Storage) -> Explanation:
    """One scan's explanation with its attempts, and where its logs and QA are."""
    scan = case.statuses[index]
    attempts = case.attempts.get(index, ())
    has_log = index in case.results or any(attempt.log_stream for attempt in attempts)
    places = {"logs": f"opsctl logs {scan.name} --run {case.reader.run.run_id}"} if has_log else {}
    origin = case.reader.run.origin(index)
    folder = run_location(origin.run_id, data_bucket=case.platform.data_bucket).prefix
    failures = Location(case.platform.data_bucket, f"{folder}/failures/{origin.index:05d}")
    if scan.state != "DONE" and any(storage.below(failures)):
        places["logs and QA of failed attempts"] = f"{failures.uri}/"
    if explained:
        return replace(explained[0], scans=(scan.name,), attempts=attempts, places=places)
    return Explanation(
        kind="done" if scan.state == "DONE" else "running",
        title=str(scan.daily),
        scans=(scan.name,),
        findings=(),
        words="",
        attempts=attempts,
        places=places,
    )


def _since(case: _Case, index: int) -> str:
    """When a scan entered its present state: began to run, or to wait."""
    attempts = case.attempts.get(index, ())
    if attempts and case.statuses[index].state == "RUNNING":
        return attempts[-1].started_at or case.reader.run.created_at
    stopped = [attempt.stopped_at for attempt in attempts if attempt.stopped_at]
    return stopped[-1] if stopped else case.submitted.get(index, ("", case.reader.run.created_at))[1]


def _ahead(case: _Case, index: int) -> int:
    """How many children of the same array job wait before this scan's."""
    parent, _, array_index = case.jobs[index].job_id.partition(":")
    return sum(
        job.status == "RUNNABLE"
        and job.job_id.startswith(f"{parent}:")
        and int(job.job_id.partition(":")[2]) < int(array_index)
        for job in case.jobs.values()
        if array_index
    )


def _notes(snapshot: QueueSnapshot | None) -> tuple[str, ...]:
    image = snapshot.image if snapshot else None
    if image is None or isinstance(image, NotVisible) or image.exists is not None:
        return ()
    return (f"Whether {image.uri} is there, its own registry alone can tell: it is not in this region's ECR.",)

"""The answer of `why`: the scans that wait or failed, grouped, each group with its explanation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from opsctl.core.diagnosis.causes import cause_of
from opsctl.core.diagnosis.finding import Finding, Wait, is_blocked_reason
from opsctl.core.diagnosis.pending_causes import blockers, pulling
from opsctl.core.diagnosis.queue_snapshot import NotVisible, QueueSnapshot
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob, State

Kind = Literal["failed", "waiting", "running", "done"]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Scans that have the same explanation.

    Attributes
    ----------
    title
        What has become of them, in few words.
    words
        The message of the first scan's job, or of Batch about it; may be empty.
    attempts
        All attempts, oldest first; only where one scan was asked for.
    places
        Where to look further, by what is to be found there; only where one scan was asked for.
    """

    kind: Kind
    title: str
    scans: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    words: str = ""
    attempts: tuple[Attempt, ...] = ()
    places: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Why the scans of a run are in their states.

    Attributes
    ----------
    counts
        Number of the scans that were asked for, by state.
    running_seconds
        How long the longest running scan has run; 0 where none runs.
    hidden
        Facts that could not be read and might explain more.
    notes
        Sentences on what could not be found out for another reason.
    """

    run_id: str
    counts: Mapping[State, int]
    running_seconds: float
    explanations: tuple[Explanation, ...]
    hidden: tuple[NotVisible, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_calm(self) -> bool:
        """Whether no scan failed and no scan waits."""
        return not any(explanation.kind in ("failed", "waiting") for explanation in self.explanations)

    def as_json(self) -> dict[str, Any]:
        """What `why --json` prints."""
        return {
            "schema_version": 1,
            "run_id": self.run_id,
            "counts": dict(self.counts),
            "running_seconds": round(self.running_seconds),
            "explanations": [
                {
                    "kind": explanation.kind,
                    "title": explanation.title,
                    "scans": list(explanation.scans),
                    "words": explanation.words,
                    "findings": [asdict(finding) for finding in explanation.findings],
                    "attempts": [asdict(attempt) for attempt in explanation.attempts],
                    "places": dict(explanation.places),
                }
                for explanation in self.explanations
            ],
            "hidden": [asdict(fact) for fact in self.hidden],
            "notes": list(self.notes),
        }


def waiting(facts: QueueSnapshot, wait: Wait, *, run: Run) -> list[Finding]:
    """Why scans wait; for a retried scan, the first finding says so."""
    if not wait.reason or is_blocked_reason(wait.reason):
        return blockers(facts, wait)
    # While a job waits for its next attempt, Batch's reason is still the end of the previous one.
    retry = Finding(
        f"Waits to be tried again; the attempt before ended so: {cause_of(wait.reason, run=run).title}.",
        "Nothing: Batch tries it again by itself.",
    )
    return [retry, *blockers(facts, replace(wait, reason=""))]


def said(message: str, job: BatchJob | None) -> str:
    """The most informative message: for a scan that was stopped, Batch's reason if it says who stopped it."""
    if message.startswith("stopped by SIG") and job is not None:
        for reason in (job.reason, *(attempt.reason for attempt in reversed(job.attempts))):
            if not cause_of(reason).title.startswith("stopped") and _is_informative(reason):
                return reason
    return message


def failure(
    message: str,
    *,
    run: Run,
    memory_mib: int,
    is_spot: bool,
    result: Result | None = None,
    facts: QueueSnapshot | None = None,
) -> list[Finding]:
    """Why a scan failed.

    Parameters
    ----------
    message
        The message that `said` returns.
    memory_mib
        Memory of its job.
    is_spot
        Whether the platform uses Spot instances.
    result
        The job's result, if it wrote one.
    facts
        Needed where `needs_facts` returns True.
    """
    cause = cause_of(message, run=run)
    what = cause.title
    is_likely = "most likely" in cause.title or cause.title.startswith("stopped")
    if cause.title.startswith("Spot took"):
        what = (
            "Spot took the instance back, on every attempt"
            if is_spot
            else "the instance was lost: this platform uses no Spot, so it failed, or somebody terminated it"
        )
    if "out of memory" in cause.title:
        limit = f"{memory_mib:,} MiB"
        peak = result.peak_memory_mib if result is not None else 0
        what += f": its largest process had reached {peak:,} of {limit}" if peak else f"; it had {limit}"
    findings = [Finding(f"{what[:1].upper()}{what[1:]}.", _sentence(cause.help), "likely" if is_likely else "certain")]
    if facts is not None and needs_facts(message):
        findings += pulling(facts)
    return findings


def needs_facts(message: str) -> bool:
    """Whether the platform itself (image, network, log group) may explain a failure further."""
    title = cause_of(message).title
    return title.startswith(("the image cannot be pulled", "the log group is missing", "the container cannot be"))


def _is_informative(reason: str) -> bool:
    return bool(reason) and not reason.startswith("Essential container in task exited")


def _sentence(text: str) -> str:
    return text and f"{text[:1].upper()}{text[1:].rstrip('.')}."

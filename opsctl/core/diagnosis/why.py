"""The answer of `why`: the scans that wait or failed, grouped, each group with its explanation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from opsctl.core.diagnosis.blocked_reasons import is_blocked_reason
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.cause_table import CAUSES
from opsctl.core.diagnosis.causes import cause_of, known_code
from opsctl.core.diagnosis.finding import Finding, Sure, Wait, sentence
from opsctl.core.diagnosis.pending_causes import blockers, pulling
from opsctl.core.diagnosis.queue_snapshot import NotVisible, QueueSnapshot
from opsctl.core.diagnosis.reason import Facts, Reason, batch_reason
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.state import DailyState
from opsctl.core.runs.status import State

#: Causes that the platform itself (image, network, log group) may explain further.
_PLATFORM_CAUSES = frozenset(
    {
        CauseCode.IMAGE_PULL_LIMIT,
        CauseCode.IMAGE_PULL_DENIED,
        CauseCode.IMAGE_NOT_FOUND,
        CauseCode.REGISTRY_UNREACHABLE,
        CauseCode.IMAGE_PULL_FAILED,
        CauseCode.LOG_GROUP_UNAVAILABLE,
        CauseCode.CONTAINER_NOT_CREATED,
        CauseCode.CONTAINER_NOT_STARTED,
    }
)
_MEMORY_CAUSES = frozenset({CauseCode.OUT_OF_MEMORY, CauseCode.KILLED})

Kind = Literal["failed", "cancelled", "waiting", "running", "done"]
#: What a person asks `why` about.
EXPLAINED: tuple[Kind, ...] = ("failed", "cancelled", "waiting")


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Scans that have the same explanation.

    Attributes
    ----------
    title
        What has become of them, in few words.
    code, words, facts
        The reason of one of them, as its job or Batch gave it; empty where there is none.
    attempts
        All attempts, oldest first; only where one scan was asked for.
    places
        Where to look further, by what is to be found there; only where one scan was asked for.
    """

    kind: Kind
    title: str
    scans: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    code: str = ""
    words: str = ""
    facts: Facts = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    places: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Why the scans of a run are in their states.

    Attributes
    ----------
    counts
        Number of the scans that were asked for, by state in AWS Batch's words.
    daily_counts
        The same in a user's words.
    running_seconds
        How long the longest running scan has run; 0 where none runs.
    hidden
        Facts that could not be read and might explain more.
    notes
        Sentences on what could not be found out for another reason.
    """

    run_id: str
    counts: Mapping[State, int]
    daily_counts: Mapping[DailyState, int]
    running_seconds: float
    explanations: tuple[Explanation, ...]
    hidden: tuple[NotVisible, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_calm(self) -> bool:
        """Whether no scan failed, was cancelled or waits."""
        return not any(explanation.kind in EXPLAINED for explanation in self.explanations)

    def as_json(self) -> dict[str, Any]:
        """What `why --json` prints."""
        return {
            "schema_version": 1,
            "run_id": self.run_id,
            "counts": dict(self.counts),
            "daily_counts": {str(state): count for state, count in self.daily_counts.items()},
            "running_seconds": round(self.running_seconds),
            "explanations": [
                {
                    "kind": explanation.kind,
                    "code": explanation.code,
                    "title": explanation.title,
                    "scans": list(explanation.scans),
                    "words": explanation.words,
                    "facts": dict(explanation.facts),
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
        f"Waits to be tried again; the attempt before ended so: {cause_of(batch_reason(wait.reason), run=run).title}.",
        "Nothing: Batch tries it again by itself.",
    )
    return [retry, *blockers(facts, replace(wait, reason=""))]


def failure(
    reason: Reason, *, run: Run, scan: str = "", memory_mib: int, is_spot: bool, facts: QueueSnapshot | None = None
) -> list[Finding]:
    """Why a scan failed.

    Parameters
    ----------
    reason, scan
        The scan's, and its name.
    memory_mib
        Memory of its job.
    is_spot
        Whether the platform uses Spot instances.
    facts
        Needed where `needs_facts` returns True.
    """
    what = _more_than_the_title(reason, memory_mib=memory_mib, is_spot=is_spot)
    findings = [Finding(what, sentence(cause_of(reason, run=run, scan=scan).help), _sure(reason))]
    if facts is not None and needs_facts(reason):
        findings += pulling(facts)
    return findings


def needs_facts(reason: Reason) -> bool:
    """Whether the platform itself (image, network, log group) may explain a failure further."""
    return known_code(reason) in _PLATFORM_CAUSES


def _sure(reason: Reason) -> Sure:
    """How sure the cause is: as the job said (fact `sure`), else as causes of its code are."""
    said = reason.facts.get("sure")
    return "likely" if said == "likely" else CAUSES[known_code(reason)].sure


def _more_than_the_title(reason: Reason, *, memory_mib: int, is_spot: bool) -> str:
    """What is known beyond the cause's title, as a sentence; empty where nothing is."""
    code = known_code(reason)
    if code is CauseCode.INSTANCE_LOST:
        if is_spot:
            return "Spot took the instance back, on every attempt."
        return "The instance was lost: this platform uses no Spot, so it failed, or somebody terminated it."
    if code in _MEMORY_CAUSES:
        limit = f"{reason.number('memory_limit_mib') or memory_mib:,} MiB"
        peak = reason.number("peak_memory_mib")
        had = f"Its processes together had reached {peak:,} of {limit}" if peak else f"It had {limit}"
        allocation = reason.number("allocation_mib")
        return f"{had} when it asked for {allocation:,} MiB more." if allocation else f"{had}."
    return ""

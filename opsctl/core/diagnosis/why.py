"""The answer of `why`: each group of scans that wait or failed, with what explains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Literal

from opsctl.core.diagnosis.causes import cause_of
from opsctl.core.diagnosis.finding import Finding, Wait
from opsctl.core.diagnosis.pending_causes import blockers, is_blocked_reason, pulling
from opsctl.core.diagnosis.queue_snapshot import NotVisible, QueueSnapshot
from opsctl.core.errors import Problem
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob, State

_SHOWN = 5

Kind = Literal["failed", "waiting", "running", "done"]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Scans that have one explanation.

    Attributes
    ----------
    title
        What has become of them, in few words.
    words
        What the job, or Batch, said itself of the first of them; empty where nothing.
    attempts
        Where one scan was asked for: all of its, oldest first.
    places
        Where one scan was asked for: what there is to look at, and where.
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
    """Why a run, or a scan of it, stands where it stands.

    Attributes
    ----------
    counts
        How many of the scans that were asked for are in each state.
    running_seconds
        How long those that run have run, the longest first; 0 where none does.
    hidden
        What could not be looked at, and might explain more.
    notes
        What could not be known for another reason.
    """

    run_id: str
    counts: Mapping[State, int]
    running_seconds: float
    explanations: tuple[Explanation, ...]
    hidden: tuple[NotVisible, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_calm(self) -> bool:
        """Whether nothing failed and nothing waits."""
        return not any(one.kind in ("failed", "waiting") for one in self.explanations)

    def as_json(self) -> dict[str, Any]:
        """What `why --json` prints."""
        return {
            "schema_version": 1,
            "run_id": self.run_id,
            "counts": dict(self.counts),
            "running_seconds": round(self.running_seconds),
            "explanations": [
                {
                    "kind": one.kind,
                    "title": one.title,
                    "scans": list(one.scans),
                    "words": one.words,
                    "findings": [asdict(finding) for finding in one.findings],
                    "attempts": [asdict(attempt) for attempt in one.attempts],
                    "places": dict(one.places),
                }
                for one in self.explanations
            ],
            "hidden": [asdict(one) for one in self.hidden],
            "notes": list(self.notes),
        }


def matching(scans: tuple[str, ...], wanted: str | None) -> tuple[int, ...]:
    """The scans that a name or a glob means, by index; None: all.

    Raises
    ------
    Problem
        Where there is none, with near names.
    """
    if wanted is None:
        return tuple(range(len(scans)))
    found = tuple(index for index, name in enumerate(scans) if name == wanted or fnmatchcase(name, wanted))
    if found:
        return found
    near = get_close_matches(wanted, scans, n=_SHOWN, cutoff=0.6) or [name for name in scans if wanted in name][:_SHOWN]
    hint = f"Near: {', '.join(near)}." if near else f"Its scans are {', '.join(scans[:_SHOWN])}"
    if not near:
        hint += ", …" if len(scans) > _SHOWN else "."
    raise Problem(f"The run has no scan {wanted}.", hint)


def waiting(facts: QueueSnapshot, wait: Wait, *, run: Run) -> list[Finding]:
    """Why scans wait; one that is tried again says so first."""
    if not wait.reason or is_blocked_reason(wait.reason):
        return blockers(facts, wait)
    # Batch leaves the last attempt's end as the reason of a job that waits for the next.
    again = Finding(
        f"Waits to be tried again; the attempt before ended so: {cause_of(wait.reason, run=run).title}.",
        "Nothing: Batch tries it again by itself.",
    )
    return [again, *blockers(facts, replace(wait, reason=""))]


def said(words: str, job: BatchJob | None) -> str:
    """The words that explain most: of a job that was told to stop only Batch knows by whom."""
    if words.startswith("stopped by SIG") and job is not None:
        told = (job.reason, *(attempt.reason for attempt in reversed(job.attempts)))
        return next((one for one in told if not cause_of(one).title.startswith("stopped") and _tells(one)), words)
    return words


def failure(
    words: str,
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
    words
        See `said`.
    memory_mib
        What its job had.
    is_spot
        Whether the platform uses Spot instances.
    result
        What the job left, where it left any.
    facts
        Needed where `needs_facts` says so.
    """
    cause = cause_of(words, run=run)
    what, sure = cause.title, "likely" if "most likely" in cause.title or cause.title.startswith("stopped") else ""
    if cause.title.startswith("Spot took"):
        what = (
            "Spot took the instance back, on every attempt"
            if is_spot
            else "the instance was lost: this platform uses no Spot, so it failed, or somebody terminated it"
        )
    if "out of memory" in cause.title:
        had = f"{memory_mib:,} MiB"
        peak = result.peak_memory_mib if result is not None else 0
        what += f": its largest process had reached {peak:,} of {had}" if peak else f"; it had {had}"
    findings = [Finding(f"{what[:1].upper()}{what[1:]}.", _sentence(cause.help), "likely" if sure else "certain")]
    if facts is not None and needs_facts(words):
        findings += pulling(facts)
    return findings


def needs_facts(words: str) -> bool:
    """Whether the platform itself may tell more of a failure: its image, its network, its log group."""
    title = cause_of(words).title
    return title.startswith(("the image cannot be pulled", "the log group is missing", "the container cannot be"))


def _tells(reason: str) -> bool:
    return bool(reason) and not reason.startswith("Essential container in task exited")


def _sentence(words: str) -> str:
    return words and f"{words[:1].upper()}{words[1:].rstrip('.')}."

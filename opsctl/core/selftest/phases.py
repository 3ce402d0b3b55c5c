"""How long a self-test's job took from its submission to its end, phase by phase."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from opsctl.core.runs.status import BatchJob
from opsctl.core.selftest.result import SelftestResult


@dataclass(frozen=True, kw_only=True)
class Phases:
    """Seconds of each phase; None where it did not come to that, or nobody saw it.

    Attributes
    ----------
    instance
        From the submission until an instance had the job.
    pull
        The pull of the image. None where the ECS agent did not say: then it is part of `start`.
    start
        From there until the job's process began.
    checks
        Until the job wrote its result.
    """

    instance: float | None = None
    pull: float | None = None
    start: float | None = None
    checks: float | None = None

    @property
    def total(self) -> float:
        """All phases together."""
        return sum(seconds for seconds in (self.instance, self.pull, self.start, self.checks) if seconds is not None)


@dataclass(frozen=True, kw_only=True)
class Sightings:
    """When opsctl saw the job in a state, by its own clock; UTC, ISO 8601. None: never.

    Attributes
    ----------
    submitted_at
        When Batch had accepted it.
    starting_at
        When it was first seen with an instance.
    stopped_at
        When it was seen ended, or when opsctl gave it up.
    """

    submitted_at: str
    starting_at: str | None = None
    stopped_at: str | None = None


def phases(job: BatchJob | None, result: SelftestResult | None, seen: Sightings) -> Phases:
    """The phases, by the clocks of AWS where they are known, else by what opsctl saw.

    Parameters
    ----------
    job
        None where Batch has forgotten it.
    result
        None where the job wrote none.
    """
    created = _first(job.created_at if job else None, seen.submitted_at)
    began = _first(result.started_at if result else None, job.started_at if job else None)
    ended = _first(result.stopped_at if result else None, job.stopped_at if job else None, seen.stopped_at)
    pull_began = result.pull_started_at if result else None
    pull_ended = result.pull_stopped_at if result else None
    placed = _first(pull_began, seen.starting_at, began)
    return Phases(
        instance=_between(created, placed or ended),
        pull=_between(pull_began, pull_ended),
        start=_between(pull_ended or placed, began),
        checks=_between(began, ended),
    )


def _first(*moments: str | None) -> str | None:
    return next((moment for moment in moments if moment is not None), None)


def _between(start: str | None, end: str | None) -> float | None:
    """Seconds between two moments; 0 where the clocks of two machines differ by more."""
    if start is None or end is None:
        return None
    return max(0.0, (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())


def seconds_since(moments: Iterable[str], now: datetime) -> float:
    """Seconds since the earliest of some moments."""
    return max(0.0, (now - min(map(datetime.fromisoformat, moments))).total_seconds())

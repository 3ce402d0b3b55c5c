"""One attempt at a scan, as the job runner recorded it or as AWS Batch reports it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opsctl.core.diagnosis.reason import Facts, Reason


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt of one job at one scan.

    Attributes
    ----------
    index
        Index of the scan in its run.
    number
        From 1.
    started_at, stopped_at
        UTC, ISO 8601. None where unknown: the attempt did not start (its image could not be pulled), or it was lost
        with its instance before it recorded its end.
    exit_code
        None while the attempt runs, and where it was lost.
    reason
        Why it ended, as the runner or else Batch says; empty for an attempt that succeeded or runs.
    cause_code
        The code of `reason` (`opsctl.core.diagnosis.cause_code`); empty where that is empty.
    facts
        What the cause is made of, as the runner recorded it.
    seen_at
        When the runner last recorded that the attempt ran; None where it recorded nothing.
    """

    index: int
    number: int
    job_id: str
    started_at: str | None = None
    stopped_at: str | None = None
    exit_code: int | None = None
    reason: str = ""
    log_stream: str = ""
    cause_code: str = ""
    facts: Facts = field(default_factory=dict, hash=False)
    seen_at: str | None = None

    @property
    def seconds(self) -> float | None:
        """How long the attempt ran; None where its start or end is unknown."""
        if self.started_at is None or self.stopped_at is None:
            return None
        ran_for = datetime.fromisoformat(self.stopped_at) - datetime.fromisoformat(self.started_at)
        return max(0.0, ran_for.total_seconds())

    @property
    def cause(self) -> Reason:
        """Why it ended, with code and facts."""
        return Reason(self.cause_code, self.reason, self.facts)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Attempt:
        """Parse `attempts/INDEX.NUMBER.TOKEN.json`, which the runner wrote."""
        return cls(
            index=value["index"],
            number=value["attempt"],
            job_id=value["job_id"],
            started_at=value["started_at"],
            stopped_at=value["stopped_at"],
            exit_code=value["exit_code"],
            reason=value["cause"],
            log_stream=value["log_stream"],
            cause_code=value.get("cause_code") or "",
            facts=dict(value.get("facts") or {}),
            seen_at=value.get("seen_at"),
        )

"""One attempt at a scan: what the job runner wrote of it, filled up with Batch's word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt of one job at one scan.

    Attributes
    ----------
    index
        The scan's, in its run.
    number
        From 1.
    started_at, stopped_at
        UTC, ISO 8601; None where nobody knows: not started (an image that could not be pulled), or lost with its
        instance before it could say its end.
    exit_code
        None while it runs, and where it was lost.
    reason
        Why it ended, in the runner's words or else in Batch's; empty where it ended well or runs.
    """

    index: int
    number: int
    job_id: str
    started_at: str | None = None
    stopped_at: str | None = None
    exit_code: int | None = None
    reason: str = ""
    log_stream: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it ran; None where its start or its end is not known."""
        if self.started_at is None or self.stopped_at is None:
            return None
        return max(0.0, (_moment(self.stopped_at) - _moment(self.started_at)).total_seconds())

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Attempt:
        """What the runner wrote as `attempts/INDEX.NUMBER.TOKEN.json`."""
        return cls(
            index=value["index"],
            number=value["attempt"],
            job_id=value["job_id"],
            started_at=value["started_at"],
            stopped_at=value["stopped_at"],
            exit_code=value["exit_code"],
            reason=value["cause"],
            log_stream=value["log_stream"],
        )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)

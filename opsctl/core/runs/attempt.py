"""One attempt at a scan, as the job runner recorded it or as AWS Batch reports it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from opsctl.core import bounded
from opsctl.core.diagnosis.reason import Reason
from opsctl.core.record import RecordReader
from opsctl.core.runs.phase import Phase

#: A running attempt renews its last sign of life (`seen_at`) at least this often: container/m2g_job/attempt.py.
SIGN_OF_LIFE_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True, slots=True)
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
        The stable code of the reason; empty where the runner gave none.
    seen_at
        The runner's last sign of life: UTC, ISO 8601. None where it gave none.
    facts
        What the reason is made of, such as a signal or a size.
    phase
        What it was doing when its record was written; None where that is not known.
    """

    index: bounded.Index
    number: bounded.AttemptNumber
    job_id: bounded.JobId
    started_at: bounded.Moment | None = None
    stopped_at: bounded.Moment | None = None
    exit_code: bounded.ExitCode | None = None
    reason: bounded.Cause = ""
    log_stream: bounded.LogStream = ""
    cause_code: bounded.Text = ""
    seen_at: bounded.Moment | None = None
    facts: bounded.Facts = field(default_factory=dict, hash=False)
    phase: Phase | None = None

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
    def decode(cls, data: bytes, uri: str) -> Attempt:
        """Read `attempts/INDEX.NUMBER.TOKEN.json`, which the runner wrote.

        Raises
        ------
        UnreadableRecord
            If it is damaged, or of another version.
        """
        record = _READER.decode(data, uri)
        return cls(
            index=record.index,
            number=record.attempt,
            job_id=record.job_id,
            started_at=record.started_at,
            stopped_at=record.stopped_at,
            exit_code=record.exit_code,
            reason=record.cause,
            log_stream=record.log_stream,
            cause_code=record.cause_code,
            seen_at=record.seen_at,
            facts=record.facts,
            phase=record.phase,
        )


_TOKEN = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class _AttemptRecord:
    """An attempt under the runner's names."""

    index: bounded.Index
    attempt: bounded.AttemptNumber
    job_id: bounded.JobId
    started_at: bounded.Moment | None
    stopped_at: bounded.Moment | None
    exit_code: bounded.ExitCode | None
    cause: bounded.Cause
    log_stream: bounded.LogStream
    cause_code: bounded.Text = ""
    seen_at: bounded.Moment | None = None
    facts: bounded.Facts = field(default_factory=dict)
    phase: Phase | None = None
    schema_version: Any = None


def _inconsistency(attempt: _AttemptRecord, uri: str) -> str:
    """What is wrong with an attempt whose single fields are valid; empty where nothing is."""
    start, _, token = uri.removesuffix(".json").rpartition(".")
    if not start.endswith(f"/{attempt.index:05d}.{attempt.attempt}") or not _TOKEN.fullmatch(token):
        return f"it is of attempt {attempt.attempt} at scan {attempt.index}, not of the one where it lies"
    return ""


_READER = RecordReader(
    _AttemptRecord,
    hint="Until it is restored or deleted, the attempt counts as one without a record.",
    check=_inconsistency,
)

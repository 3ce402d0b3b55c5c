"""What the job of a self-test wrote: `result.json`, one row a check."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from opsctl.core import bounded
from opsctl.core.record import RecordReader

Verdict = Literal["fine", "warning", "failed", "not_checked"]


@dataclass(frozen=True, kw_only=True)
class ResultRow:
    """One check.

    Attributes
    ----------
    check
        Its stable id (`opsctl.core.selftest.check_table`).
    verdict
        `not_checked`: the check cannot be made where the job ran, or its fact was hidden.
    detail
        One sentence.
    """

    check: bounded.Name
    group: bounded.Name
    verdict: Verdict
    detail: bounded.Cause
    seconds: bounded.Seconds


@dataclass(frozen=True, kw_only=True)
class SelftestResult:
    """The result of one model's job.

    Attributes
    ----------
    pull_started_at, pull_stopped_at
        When the ECS agent pulled the image; None where it did not say so.
    versions
        Of m2g (empty where unknown), and of the runner's Python and boto3.
    disk_used_mib
        What system and image took of the instance's disk; None where there is no instance.
    """

    selftest_id: bounded.Name
    model: bounded.Model
    job_id: bounded.Text
    attempt: bounded.AttemptNumber
    started_at: bounded.Moment
    stopped_at: bounded.Moment
    log_stream: bounded.Text
    rows: tuple[ResultRow, ...]
    pull_started_at: bounded.Moment | None = None
    pull_stopped_at: bounded.Moment | None = None
    versions: bounded.Facts = field(default_factory=dict, hash=False)
    disk_used_mib: bounded.Mib | None = None

    @classmethod
    def decode(cls, data: bytes, uri: str) -> SelftestResult:
        """Read `result.json`.

        Raises
        ------
        UnreadableRecord
            If it is damaged, or of another version.
        """
        return _READER.decode(data, uri)


_READER = RecordReader(
    SelftestResult,
    hint="The image's job runner is of another version: `opsctl image build`, then `opsctl image push`.",
)

"""S3's clock: what several machines write is dated by it, so that one machine's wrong clock does not reorder runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from opsctl.aws.errors import translated
from opsctl.core.location import RUNS_PREFIX

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def seconds_since_boot() -> float:
    """A clock that nobody sets and that also runs while the machine is suspended; `time.monotonic` stands still then.

    With that one a laptop that was closed for an hour would still trust its lease when it is opened.
    """
    # Linux has a clock of its own for it; on macOS CLOCK_MONOTONIC is that clock.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class S3Clock:
    """The time by S3: asked once, then counted on by this machine, whatever is done to its clock meanwhile.

    Parameters
    ----------
    bucket
        The platform's data bucket.

    Raises
    ------
    Problem
        When S3 refuses.
    """

    def __init__(self, client: S3Client, bucket: str, *, since_boot: Callable[[], float] = seconds_since_boot) -> None:
        with translated(f"listing s3://{bucket}/{RUNS_PREFIX}"):
            reply = client.list_objects_v2(Bucket=bucket, Prefix=RUNS_PREFIX, MaxKeys=1)
        date = reply["ResponseMetadata"]["HTTPHeaders"].get("date")
        self._asked_at = parsedate_to_datetime(date).astimezone(UTC) if date else datetime.now(UTC)
        self._since_boot = since_boot
        self._began = since_boot()

    def now(self) -> datetime:
        """The present moment, UTC."""
        return self._asked_at + timedelta(seconds=self._since_boot() - self._began)

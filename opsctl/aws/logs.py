"""CloudWatch Logs: one call a poll for a whole run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.core.errors import Problem

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient


@dataclass(frozen=True)
class LogEvent:
    """One line of one stream.

    Attributes
    ----------
    timestamp_ms
        Milliseconds since 1970, UTC.
    """

    event_id: str
    stream: str
    timestamp_ms: int
    message: str


class Logs:
    """The jobs' log group."""

    def __init__(self, client: CloudWatchLogsClient, *, group: str) -> None:
        self._client = client
        self._group = group

    def since(self, start_ms: int, *, stream_prefix: str) -> Iterator[LogEvent]:
        """Every event of the streams with a prefix from a moment on, all pages.

        Raises
        ------
        Problem
            When the log group is gone.
        """
        request: dict[str, Any] = {
            "logGroupName": self._group,
            "logStreamNamePrefix": stream_prefix,
            "startTime": start_ms,
        }
        with translated("reading the logs"):
            try:
                # A page may be empty and still have a token: the paginator goes on until there is none.
                for page in self._client.get_paginator("filter_log_events").paginate(**request):
                    for event in page["events"]:
                        yield LogEvent(event["eventId"], event["logStreamName"], event["timestamp"], event["message"])
            except ClientError as error:
                if code_of(error) != "ResourceNotFoundException":
                    raise
                raise Problem(
                    f"The log group {self._group} is not there.", "Is the platform up? `opsctl up` makes it."
                ) from error

"""CloudWatch Logs: a page of a log group's lines, many streams in one call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.core.errors import Problem

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

#: A window whose tokens expire again and again is not begun more often than this.
_MOST_RESTARTS = 5


class LogEvent(NamedTuple):
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


class StaleToken(Exception):
    """CloudWatch does not take a page's token any more: the window is to be read from its beginning."""


class Logs:
    """The jobs' log group."""

    def __init__(self, client: CloudWatchLogsClient, *, group: str) -> None:
        self._client = client
        self._group = group

    def page(self, start_ms: int, *, stream_prefix: str, token: str | None = None) -> tuple[list[LogEvent], str | None]:
        """Some events of the streams with a prefix from a moment on, and the next page's token: one call.

        Raises
        ------
        StaleToken
            The token has expired.
        Problem
            When the log group is gone, or AWS refuses.
        """
        request: dict[str, Any] = {
            "logGroupName": self._group,
            "logStreamNamePrefix": stream_prefix,
            "startTime": start_ms,
            **({"nextToken": token} if token else {}),
        }
        with translated("reading the logs"):
            try:
                reply = self._client.filter_log_events(**request)
            except ClientError as error:
                if token and _is_of_the_token(code_of(error)):
                    raise StaleToken(code_of(error)) from error
                if code_of(error) != "ResourceNotFoundException":
                    raise
                raise Problem(
                    f"The log group {self._group} is not there.", "Is the platform up? `opsctl up` makes it."
                ) from error
        events = [
            LogEvent(event["eventId"], event["logStreamName"], event["timestamp"], event["message"])
            for event in reply.get("events", ())
        ]
        return events, reply.get("nextToken") or None


class Sweep:
    """One reading of a time window, all pages. After a fault it goes on with the page that failed.

    Parameters
    ----------
    start_ms
        From when on.
    stream_prefixes
        Which streams; read one after the other.
    """

    def __init__(self, logs: Logs, *, start_ms: int, stream_prefixes: Sequence[str]) -> None:
        self._logs = logs
        self._start_ms = start_ms
        self._left = list(stream_prefixes)
        self._token: str | None = None
        #: How often it has begun anew.
        self.restarts = 0
        self._last: list[LogEvent] = []

    def pages(self) -> Iterator[list[LogEvent]]:
        """The pages that are left. After an expired token those of the window come once more.

        Raises
        ------
        Problem
            From AWS; with a `StaleToken` as its cause where tokens expire too often.
        """
        while self._left:
            try:
                events, token = self._logs.page(self._start_ms, stream_prefix=self._left[0], token=self._token)
            except StaleToken as error:
                self._token = None
                self.restarts += 1
                if self.restarts % _MOST_RESTARTS == 0:
                    raise Problem("CloudWatch's pages expire before they are read.", "Try again later.") from error
                continue
            # A page may be empty and still have a token. A token that leads to itself and to nothing new leads nowhere.
            if token is None or (token == self._token and events in ([], self._last)):
                self._left.pop(0)
                token = None
            self._token, self._last = token, events
            yield events


def _is_of_the_token(code: str) -> bool:
    """Whether an error of a call with a token may be about it. `ExpiredToken` is not: that is the login's."""
    return "NextToken" in code or code in ("InvalidParameterException", "InvalidParameter", "ValidationException")

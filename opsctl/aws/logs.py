"""CloudWatch Logs: the lines of many streams of one log group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.harmless import shortened

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

#: The runner cuts m2g's lines at 65,536 bytes and says so; other programs of a job may write longer ones.
_LONGEST_LINE = 66_000

#: Give up reading a time window after its page tokens have expired so many times.
_MOST_RESTARTS = 5


class LogEvent(NamedTuple):
    """One line of one stream.

    Attributes
    ----------
    timestamp_ms
        Milliseconds since 1970, UTC.
    message
        Of a very long line the beginning (`shortened`).
    """

    event_id: str
    stream: str
    timestamp_ms: int
    message: str


class StaleToken(Exception):
    """A page's token has expired: the time window must be read again from its start."""


class Logs:
    """The jobs' log group."""

    def __init__(self, client: CloudWatchLogsClient, *, group: str) -> None:
        self._client = client
        self._group = group

    def page(self, start_ms: int, *, stream_prefix: str, token: str | None = None) -> tuple[list[LogEvent], str | None]:
        """Read one page: events of the streams with a prefix from a time on, and the next page's token.

        Raises
        ------
        StaleToken
            The token has expired.
        Problem
            If the log group does not exist, or AWS refuses.
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
                if token and _is_token_error(code_of(error)):
                    raise StaleToken(code_of(error)) from error
                if code_of(error) != "ResourceNotFoundException":
                    raise
                raise Problem(
                    f"The log group {self._group} is not there.",
                    "Its log lines are gone with it. `opsctl up` creates the group again.",
                    code=ErrorCode.AWS_NOT_FOUND,
                ) from error
        events = [
            LogEvent(
                event["eventId"],
                event["logStreamName"],
                event["timestamp"],
                shortened(event["message"], _LONGEST_LINE),
            )
            for event in reply.get("events", ())
        ]
        return events, reply.get("nextToken") or None


class Sweep:
    """Reads all pages of a time window once. After an error it continues with the page that failed.

    Parameters
    ----------
    start_ms
        Start of the window, milliseconds since 1970, UTC.
    stream_prefixes
        The streams to read, one prefix after the other.
    """

    def __init__(self, logs: Logs, *, start_ms: int, stream_prefixes: Sequence[str]) -> None:
        self._logs = logs
        self._start_ms = start_ms
        self._prefixes = list(stream_prefixes)
        self._token: str | None = None
        #: How often the window was read again from its start.
        self.restarts = 0
        self._last_events: list[LogEvent] = []

    def pages(self) -> Iterator[list[LogEvent]]:
        """The remaining pages. After an expired token all pages of the window come again.

        Raises
        ------
        Problem
            From AWS; caused by `StaleToken` if tokens expire too often.
        """
        while self._prefixes:
            try:
                events, token = self._logs.page(self._start_ms, stream_prefix=self._prefixes[0], token=self._token)
            except StaleToken as error:
                self._token = None
                self.restarts += 1
                if self.restarts % _MOST_RESTARTS == 0:
                    raise Problem(
                        "CloudWatch's pages expire before they are read.",
                        "Try again later.",
                        code=ErrorCode.AWS_UNREACHABLE,
                    ) from error
                continue
            # A page may be empty and still have a token; the same token again with nothing new is the end.
            if token is None or (token == self._token and events in ([], self._last_events)):
                self._prefixes.pop(0)
                token = None
            self._token, self._last_events = token, events
            yield events


def _is_token_error(code: str) -> bool:
    """Whether an error may concern the page token. `ExpiredToken` does not: it concerns the login."""
    return "NextToken" in code or code in ("InvalidParameterException", "InvalidParameter", "ValidationException")

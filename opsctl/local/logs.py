"""moto's CloudWatch Logs with a FilterLogEvents that follows AWS, and a writer for the lines of jobs.

moto 5.2.5 ignores `logStreamNamePrefix`, numbers events 0, 1, 2… without a lock, interleaves streams only on request,
has no page limit in bytes, and cannot change the KMS key of a group.
"""

from __future__ import annotations

import heapq
import itertools
import json
import threading
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Any

import moto.logs.models as models
import moto.logs.urls as urls
from moto.kms.models import kms_backends
from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.logs.responses import LogsResponse
from moto.logs.utils import EventMessageFilter

_PAGE_BYTES = 1024 * 1024
_PAGE_EVENTS = 10_000
_STREAM_NAMES = 100


class StoredLogEvent:
    """One line. Ids are unique and increase with each event, also after a restart: clients recognise events by them."""

    __slots__ = ("event_id", "ingestion_time", "message", "timestamp")
    _ids = itertools.count(time.time_ns())

    def __init__(self, ingestion_time: int, log_event: dict[str, Any]) -> None:
        self.ingestion_time = ingestion_time
        self.timestamp: int = log_event["timestamp"]
        self.message: str = log_event["message"]
        self.event_id = f"{next(self._ids):056d}"

    @property
    def position(self) -> tuple[int, str]:
        """The position in the order of all events."""
        return self.timestamp, self.event_id

    def to_filter_dict(self) -> dict[str, Any]:
        """Return the event as FilterLogEvents shows it, without its stream."""
        return {"eventId": self.event_id, **self.to_response_dict()}

    def to_response_dict(self) -> dict[str, Any]:
        """Return the event as GetLogEvents shows it."""
        return {"ingestionTime": self.ingestion_time, "message": self.message, "timestamp": self.timestamp}


class LogStream(models.LogStream):
    """A stream that keeps its events sorted, so that a time window is found by bisection."""

    __module__ = "moto.logs.models"

    def __init__(self, log_group: models.LogGroup, name: str) -> None:
        super().__init__(log_group, name)
        self._lock = threading.Lock()

    def put_log_events(self, log_events: list[dict[str, Any]]) -> str:
        """Append events, as PutLogEvents does."""
        with self._lock:
            end = self.events[-1].timestamp if self.events else 0
            token = super().put_log_events(log_events)
            if log_events and log_events[0]["timestamp"] < end:
                self.events = sorted(self.events, key=lambda event: (event.timestamp, event.event_id))
            return token

    def window(self, start: int, end: int | None) -> list[Any]:
        """Return the events from `start` to `end`, both included, in milliseconds since 1970."""
        with self._lock:
            first = bisect_left(self.events, start, key=lambda event: event.timestamp)
            stop = len(self.events) if end is None else bisect_left(self.events, end + 1, key=lambda e: e.timestamp)
            return self.events[first:stop]


class LocalLogsResponse(LogsResponse):
    """The HTTP side of FilterLogEvents."""

    __module__ = "moto.logs.responses"

    def filter_log_events(self) -> str:
        """Answer FilterLogEvents: interleaved, oldest first, at most `limit` events or 1 MB a page."""
        name = self._get_param("logGroupName") or self._get_param("logGroupIdentifier") or ""
        group = self.logs_backend.groups.get(name.partition(":log-group:")[2].rstrip(":*") or name)
        if group is None:
            raise ResourceNotFoundException()
        names, prefix = self._get_param("logStreamNames"), self._get_param("logStreamNamePrefix")
        limit = self._get_param("limit") or _PAGE_EVENTS
        if names and prefix:
            raise InvalidParameterException("Either logStreamNames or logStreamNamePrefix may be given, not both.")
        if len(names or ()) > _STREAM_NAMES or limit > _PAGE_EVENTS or self._get_param("startFromHead") is False:
            raise InvalidParameterException("At most 100 stream names and 10000 events a page, oldest first.")
        if names and (missing := [name for name in names if name not in group.streams]):
            raise ResourceNotFoundException(f"The specified log stream does not exist: {missing[0]}")
        streams = [
            stream
            for stream in list(group.streams.values())
            if (not names or stream.log_stream_name in names) and stream.log_stream_name.startswith(prefix or "")
        ]
        after = _from_token(self._get_param("nextToken"))
        start = max(self._get_param("startTime") or 0, after[0])
        events = _merged(streams, start, self._get_param("endTime"), after)
        matches = EventMessageFilter(self._get_param("filterPattern") or "").matches
        page, token = _page((event for event in events if matches(event["message"])), limit)
        return json.dumps({"events": page, "searchedLogStreams": []} | ({"nextToken": token} if token else {}))

    def associate_kms_key(self) -> str:
        """Answer AssociateKmsKey: new lines of a group are encrypted with an existing key."""
        group, key = self._group(), self._get_param("kmsKeyId")
        keys = kms_backends[self.current_account][self.region].keys
        if key.rpartition("/")[2] not in keys:
            raise InvalidParameterException("The specified KMS key does not exist or is not allowed to be used.")
        group.kms_key_id = key
        return ""

    def disassociate_kms_key(self) -> str:
        """Answer DisassociateKmsKey."""
        self._group().kms_key_id = None
        return ""

    def _group(self) -> models.LogGroup:
        group = self.logs_backend.groups.get(self._get_param("logGroupName"))
        if group is None:
            raise ResourceNotFoundException
        return group


def _merged(streams: Iterable[Any], start: int, end: int | None, after: tuple[int, str]) -> Iterator[dict[str, Any]]:
    def events_of(stream: Any) -> Iterator[tuple[tuple[int, str], str, Any]]:
        for event in stream.window(start, end):
            if event.position > after:
                yield event.position, stream.log_stream_name, event

    for _, name, event in heapq.merge(*(events_of(stream) for stream in streams)):
        yield {"logStreamName": name, **event.to_filter_dict()}


def _page(events: Iterator[dict[str, Any]], limit: int) -> tuple[list[dict[str, Any]], str | None]:
    page: list[dict[str, Any]] = []
    size_bytes = 0
    for event in events:
        size_bytes += len(event["message"].encode())
        if page and (len(page) == limit or size_bytes > _PAGE_BYTES):
            return page, f"{page[-1]['timestamp']}/{page[-1]['eventId']}"
        page.append(event)
    return page, None


def _from_token(token: str | None) -> tuple[int, str]:
    if not token:
        return 0, ""
    timestamp, slash, event_id = token.partition("/")
    if not slash or not timestamp.isdigit():
        raise InvalidParameterException("The specified nextToken is invalid.")
    return int(timestamp), event_id


class JobLog:
    """The log stream of one attempt.

    Parameters
    ----------
    backend
        moto's logs of the platform's account and region.
    group
        An existing log group.
    stream
        The stream, which is created.

    Raises
    ------
    moto.logs.exceptions.ResourceNotFoundException
        When the group does not exist.
    """

    def __init__(self, backend: models.LogsBackend, group: str, stream: str) -> None:
        self._backend = backend
        self._group = group
        self._stream = stream
        backend.create_log_stream(group, stream)

    def write(self, lines: list[tuple[int, str]]) -> None:
        """Append (milliseconds since 1970, line) pairs. As on AWS, lines of a deleted group are dropped."""
        group = self._backend.groups.get(self._group)
        stream = group.streams.get(self._stream) if group else None
        if stream is not None and lines:
            stream.put_log_events([{"timestamp": timestamp, "message": message} for timestamp, message in lines])


def install() -> None:
    """Replace moto's classes by these. To be called before moto's application is created."""
    models.LogEvent = StoredLogEvent  # type: ignore[misc,assignment]
    models.LogStream = LogStream  # type: ignore[misc]
    urls.url_paths["{0}/$"] = LocalLogsResponse.dispatch

"""moto's CloudWatch Logs with a FilterLogEvents that follows AWS, and a writer for the lines of jobs.

moto 5.2.5 ignores `logStreamNamePrefix`, numbers events 0, 1, 2… without a lock, interleaves streams only on request,
has no page limit in bytes, cannot change the KMS key of a group, and keeps nothing on disk. Here a group that is made
again after a restart of the server has its streams and lines again (`opsctl.local.log_store`); one that was deleted has
none, as on AWS.
"""

from __future__ import annotations

import heapq
import itertools
import json
import threading
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import moto.logs.models as models
import moto.logs.urls as urls
from moto.kms.models import kms_backends
from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.logs.responses import LogsResponse
from moto.logs.utils import EventMessageFilter

from opsctl.local.log_store import LogStore, StoredLine

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

    @classmethod
    def restored(cls, line: StoredLine) -> StoredLogEvent:
        """The event of a line that an earlier server stored."""
        event = cls(line.ingested_ms, {"timestamp": line.timestamp_ms, "message": line.message})
        event.event_id = line.event_id
        return event

    @property
    def stored(self) -> StoredLine:
        """The event as the store keeps it."""
        return StoredLine(self.event_id, self.timestamp, self.ingestion_time, self.message)

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
    """A stream that stores its events, and keeps them sorted, so that a time window is found by bisection."""

    __module__ = "moto.logs.models"
    store: LogStore

    def __init__(self, log_group: models.LogGroup, name: str) -> None:
        super().__init__(log_group, name)
        self._lock = threading.Lock()

    def put_log_events(self, log_events: list[dict[str, Any]]) -> str:
        """Append events, as PutLogEvents does."""
        with self._lock:
            end = self.events[-1].timestamp if self.events else 0
            token = super().put_log_events(log_events)
            new: list[Any] = self.events[len(self.events) - len(log_events) :]
            self.store.add_lines(self.log_group.arn, self.log_stream_name, [event.stored for event in new])
            if log_events and log_events[0]["timestamp"] < end:
                self.events = sorted(self.events, key=lambda event: (event.timestamp, event.event_id))
            return token

    def restore(self, *, created_ms: int) -> None:
        """Take over what an earlier server stored of this stream."""
        events: list[Any] = [
            StoredLogEvent.restored(line) for line in self.store.lines(self.log_group.arn, self.log_stream_name)
        ]
        self.creation_time = _moment(created_ms)
        self.events = events
        self.stored_bytes = sum(len(event.message) for event in events)
        if events:
            self.last_ingestion_time = _moment(max(event.ingestion_time for event in events))

    def window(self, start: int, end: int | None) -> list[Any]:
        """Return the events from `start` to `end`, both included, in milliseconds since 1970."""
        with self._lock:
            first = bisect_left(self.events, start, key=lambda event: event.timestamp)
            stop = len(self.events) if end is None else bisect_left(self.events, end + 1, key=lambda e: e.timestamp)
            return self.events[first:stop]


class LogGroup(models.LogGroup):
    """A group that begins with the streams that an earlier server stored of it."""

    __module__ = "moto.logs.models"
    store: LogStore

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        for name, created_ms in self.store.streams(self.arn):
            stream = LogStream(self, name)
            stream.restore(created_ms=created_ms)
            self.streams[name] = stream

    def create_log_stream(self, log_stream_name: str) -> None:
        """Create a stream, as CreateLogStream does."""
        super().create_log_stream(log_stream_name)
        self.store.add_stream(self.arn, log_stream_name, created_ms=int(time.time() * 1000))

    def delete_log_stream(self, log_stream_name: str) -> None:
        """Delete a stream with its lines, as DeleteLogStream does."""
        super().delete_log_stream(log_stream_name)
        self.store.forget_stream(self.arn, log_stream_name)

    def set_retention_policy(self, retention_in_days: str | None) -> None:
        """Set how long lines are kept, as PutRetentionPolicy and DeleteRetentionPolicy do."""
        super().set_retention_policy(retention_in_days)
        self.store.set_retention(self.arn, int(retention_in_days) if retention_in_days is not None else None)


class LocalLogsResponse(LogsResponse):
    """The HTTP side of what moto answers differently from AWS."""

    __module__ = "moto.logs.responses"
    store: LogStore

    def delete_log_group(self) -> str:
        """Answer DeleteLogGroup: the lines are gone with the group."""
        arn = self._group().arn
        answer = super().delete_log_group()
        self.store.forget_group(arn)
        return answer

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


def _moment(milliseconds: int) -> datetime:
    """A time as moto keeps it: UTC, without a time zone."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).replace(tzinfo=None)


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


def install(store: LogStore) -> None:
    """Replace moto's classes by these. To be called before moto's application is created.

    Parameters
    ----------
    store
        Where the lines are kept over restarts.
    """
    LogStream.store = LogGroup.store = LocalLogsResponse.store = store
    models.LogEvent = StoredLogEvent  # type: ignore[misc,assignment]
    models.LogStream = LogStream  # type: ignore[misc]
    models.LogGroup = LogGroup  # type: ignore[misc]
    urls.url_paths["{0}/$"] = LocalLogsResponse.dispatch

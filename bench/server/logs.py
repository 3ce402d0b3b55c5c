"""CloudWatch Logs: the streams of one group."""

from __future__ import annotations

import json
import time
from bisect import bisect_left
from typing import Any

from bench.server.http import Reply, Request

_MOST_EVENTS = 10_000


class Logs:
    """The events of a group, in the order in which they were written."""

    def __init__(self) -> None:
        self._events: list[tuple[int, str, dict[str, Any]]] = []
        self._streams: dict[str, list[dict[str, Any]]] = {}

    def write_lines(self, stream: str, lines: list[str]) -> None:
        """Write lines with the present time."""
        now = time.time_ns() // 1_000_000
        for line in lines:
            event = {"timestamp": now, "ingestionTime": now, "message": line}
            self._streams.setdefault(stream, []).append(event)
            filtered_event = {"eventId": f"{len(self._events):056d}", "logStreamName": stream, **event}
            self._events.append((now, stream, filtered_event))

    def answer(self, request: Request) -> Reply:
        """Answer one call."""
        parameters = json.loads(request.body)
        action = request.headers["x-amz-target"].partition(".")[2]
        calls = {"FilterLogEvents": self._filter, "GetLogEvents": self._get}
        if action not in calls:
            # Requests for AWS's price list come here too; they must fail.
            return Reply(400, body=b'{"__type": "AccessDeniedException"}')
        return Reply.json(calls[action](parameters))

    def _filter(self, parameters: dict[str, Any]) -> dict[str, Any]:
        start = bisect_left(self._events, (parameters.get("startTime", 0), ""))
        at = max(start, int(parameters.get("nextToken", 0)))
        prefix = parameters.get("logStreamNamePrefix", "")
        page = self._events[at : at + min(_MOST_EVENTS, parameters.get("limit", _MOST_EVENTS))]
        more = {"nextToken": str(at + len(page))} if at + len(page) < len(self._events) else {}
        return {
            "events": [event for _, stream, event in page if stream.startswith(prefix)],
            "searchedLogStreams": [],
            **more,
        }

    def _get(self, parameters: dict[str, Any]) -> dict[str, Any]:
        events = self._streams.get(parameters["logStreamName"], [])
        at = int(parameters.get("nextToken", "f/0").partition("/")[2])
        token = f"f/{len(events)}"
        return {"events": events[at:][:_MOST_EVENTS], "nextForwardToken": token, "nextBackwardToken": "b/0"}

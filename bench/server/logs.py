"""CloudWatch Logs: one group's streams."""

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

    def say(self, stream: str, lines: list[str]) -> None:
        """Write lines now."""
        now = time.time_ns() // 1_000_000
        for line in lines:
            event = {"timestamp": now, "ingestionTime": now, "message": line}
            self._streams.setdefault(stream, []).append(event)
            one = {"eventId": f"{len(self._events):056d}", "logStreamName": stream, **event}
            self._events.append((now, stream, one))

    def answer(self, request: Request) -> Reply:
        """One call."""
        asked = json.loads(request.body)
        action = request.headers["x-amz-target"].partition(".")[2]
        calls = {"FilterLogEvents": self._filter, "GetLogEvents": self._get}
        if action not in calls:
            # AWS's price list comes here too: nobody in the bench may read it.
            return Reply(400, body=b'{"__type": "AccessDeniedException"}')
        return Reply.json(calls[action](asked))

    def _filter(self, asked: dict[str, Any]) -> dict[str, Any]:
        start = bisect_left(self._events, (asked.get("startTime", 0), ""))
        at = max(start, int(asked.get("nextToken", 0)))
        prefix = asked.get("logStreamNamePrefix", "")
        page = self._events[at : at + min(_MOST_EVENTS, asked.get("limit", _MOST_EVENTS))]
        more = {"nextToken": str(at + len(page))} if at + len(page) < len(self._events) else {}
        return {
            "events": [one for _, stream, one in page if stream.startswith(prefix)],
            "searchedLogStreams": [],
            **more,
        }

    def _get(self, asked: dict[str, Any]) -> dict[str, Any]:
        events = self._streams.get(asked["logStreamName"], [])
        at = int(asked.get("nextToken", "f/0").partition("/")[2])
        token = f"f/{len(events)}"
        return {"events": events[at:][:_MOST_EVENTS], "nextForwardToken": token, "nextBackwardToken": "b/0"}

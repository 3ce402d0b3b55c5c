"""A small HTTP server in the place of AWS's JSON services: it counts the calls and answers what the test says."""

from __future__ import annotations

import json
from typing import Any

from support.scripted_http import Reply, Request, ScriptedServer

#: A client's settings: moto asks for keys, not for which.
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


class Answers(ScriptedServer):
    """Attributes: `replies` (status and JSON, or how the connection breaks; the last one for ever)."""

    def __init__(self) -> None:
        super().__init__(self._next_reply)
        self.replies: list[tuple[int, dict[str, Any]] | str] = [(200, {})]

    @property
    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """Path and JSON of each request."""
        return [(request.path, json.loads(request.body or b"{}")) for request in self.requests]

    def _next_reply(self, _: Request) -> Reply | None:
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply == "hang up":
            return None
        if reply == "half an answer":
            return Reply(headers={"Content-Length": "1000"}, body=b"{")
        status, value = reply  # type: ignore[misc]
        error = {"x-amzn-ErrorType": str(value.get("code", "InternalFailure"))} if status >= 400 else {}
        return Reply(status, {"Content-Type": "application/json", **error}, json.dumps(value).encode())

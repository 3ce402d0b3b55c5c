"""A tiny HTTP server in the place of AWS: it counts the calls and answers what the test says."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

#: A client's settings: moto asks for keys, not for which.
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


class Answers:
    """Attributes: `calls` (path and JSON of each request), `replies` (what is answered, the last one for ever)."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.replies: list[tuple[int, dict[str, Any]] | str] = [(200, {})]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.calls.append((self.path, json.loads(body or b"{}")))
                reply = outer.replies.pop(0) if len(outer.replies) > 1 else outer.replies[0]
                self.close_connection = True
                if reply == "hang up":
                    return
                if reply == "half an answer":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
                    return
                status, value = reply  # type: ignore[misc]
                answer = json.dumps(value).encode()
                self.send_response(status)
                if status >= 400:
                    self.send_header("x-amzn-ErrorType", str(value.get("code", "InternalFailure")))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Answers:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

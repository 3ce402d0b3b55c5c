"""A proxy before the local platform that answers some calls as AWS would where the local platform would not.

`CONTRIBUTING.md` says how to add a refusal; the texts of AWS's that several tests play are in `refusals/aws_texts.py`.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from support.aws_protocol import AwsError, Reply, error_reply, operation_of, protocol_of, service_of, throttling

#: As the number of times: every call.
ALWAYS = sys.maxsize
_UPSTREAM_SECONDS = 120
_OF_THE_CONNECTION = ("content-length", "transfer-encoding", "connection")


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request to AWS.

    Attributes
    ----------
    service
        As the request is signed: `iam`, `servicequotas`.
    operation
        As in AWS's models: `CreateRole`.
    text
        Its path, query and body.
    """

    service: str
    operation: str
    text: str


@dataclass(frozen=True)
class Rule:
    """What becomes of the calls of an operation, a number of times.

    Attributes
    ----------
    service, operation
        As `Call` names them; the operation `*` means all of the service's.
    having
        Only calls with this text in path or body: the name of a resource.
    after
        How many calls pass before.
    times
        How many calls the rule applies to.
    """

    service: str
    operation: str
    having: str = ""
    after: int = 0
    times: int = 1

    def fits(self, call: Call) -> bool:
        """Whether the rule is about this call."""
        names = call.service == self.service and self.operation in ("*", call.operation)
        return names and self.having in call.text

    def answer(self, call: Call) -> Reply | None:
        """The reply in place of the platform's; None: the platform is asked."""
        return None

    def changed(self, call: Call, body: bytes) -> bytes | None:
        """The platform's reply as the client gets it; None: it is lost."""
        return body


@dataclass(frozen=True)
class Refusal(Rule):
    """AWS refuses the call with an error; without one it says that there are too many calls."""

    error: AwsError | None = None

    def answer(self, call: Call) -> Reply:
        return error_reply(call.service, self.error or throttling(call.service))


@dataclass(frozen=True)
class Answer(Rule):
    """AWS answers what the local platform does not know.

    Attributes
    ----------
    document
        JSON, or the XML of the query protocol; or a function that makes it when the call comes.
    """

    document: Any = None

    def answer(self, call: Call) -> Reply:
        document = self.document() if callable(self.document) else self.document
        if protocol_of(call.service) in ("json", "rest-json"):
            return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()
        return 200, {"Content-Type": "text/xml"}, str(document).encode()


@dataclass(frozen=True)
class Rewrite(Rule):
    """The platform answers, and its reply is changed: a JSON document, or the text of an XML document."""

    change: Callable[[Any], Any] = lambda document: document

    def changed(self, call: Call, body: bytes) -> bytes:
        if protocol_of(call.service) in ("json", "rest-json"):
            return json.dumps(self.change(json.loads(body))).encode()
        return str(self.change(body.decode())).encode()


@dataclass(frozen=True)
class LostReply(Rule):
    """The platform does it, and its reply does not arrive."""

    def changed(self, call: Call, body: bytes) -> None:
        return None


class AwsRefusals:
    """The proxy.

    Attributes
    ----------
    url
        For AWS_ENDPOINT_URL.
    met
        The calls to which a rule applied, in order.
    """

    def __init__(self, upstream_port: int, rules: Sequence[Rule] = ()) -> None:
        self.upstream_port = upstream_port
        self.url = ""
        self.met: list[Call] = []
        self._lock = threading.Lock()
        self._play(rules)

    def _play(self, rules: Sequence[Rule]) -> None:
        with self._lock:
            self._rules = list(rules)
            self._calls = [0] * len(rules)

    @contextmanager
    def playing(self, *rules: Rule) -> Iterator[None]:
        """Apply these rules while the block runs, and no others. The first that fits a call counts."""
        before = self._rules
        self._play(rules)
        try:
            yield
        finally:
            self._play(before)

    def rule_for(self, call: Call) -> Rule | None:
        """The rule that applies to a call, which is counted."""
        with self._lock:
            for number, rule in enumerate(self._rules):
                if not rule.fits(call):
                    continue
                self._calls[number] += 1
                if rule.after < self._calls[number] <= rule.after + rule.times:
                    self.met.append(call)
                    return rule
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes; with Nagle's algorithm the second waits 40 ms for the first's ACK.
    disable_nagle_algorithm = True
    proxy: AwsRefusals

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        # `self.path` lacks leading slashes, which are part of a key.
        target = self.requestline.split(" ")[1]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = self._call(target, body)
        rule = self.proxy.rule_for(call)
        reply = rule.answer(call) if rule is not None else None
        if reply is not None:
            status, headers, content = reply
            self._answer(status, [*headers.items(), ("x-amzn-RequestId", "0")], content)
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.proxy.upstream_port, timeout=_UPSTREAM_SECONDS)
        # As a proxy does; the client's Host names this one.
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        upstream.request(self.command, target, body, headers)
        response = upstream.getresponse()
        changed: bytes | None = response.read()
        upstream.close()
        if rule is not None and changed is not None:
            changed = rule.changed(call, changed)
        if changed is None:
            self.close_connection = True
            return
        self._answer(response.status, response.getheaders(), changed)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def _call(self, target: str, body: bytes) -> Call:
        service = service_of(self.headers, target)
        is_form = service != "s3" and "x-www-form-urlencoded" in self.headers.get("Content-Type", "")
        form = body if is_form else b""
        operation = operation_of(service, method=self.command, target=target, headers=self.headers, form=form)
        # The body of an object is no text that a rule asks for.
        text = target if service == "s3" else f"{target} {body.decode(errors='replace')}"
        return Call(service=service, operation=operation, text=text)

    def _answer(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        length = next((value for name, value in headers if name.lower() == "content-length"), str(len(body)))
        for name, value in headers:
            if name.lower() not in _OF_THE_CONNECTION:
                self.send_header(name, value)
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing about a client that was killed, which is what some tests do."""


@contextmanager
def refusing(upstream_port: int, *rules: Rule) -> Iterator[AwsRefusals]:
    """Run the proxy while the block runs."""
    proxy = AwsRefusals(upstream_port, rules)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy}))
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""A proxy that answers as Batch does while it does not see a new role yet: the first environments become INVALID."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Batch's own words, of hashicorp/terraform-provider-aws#37945.
REASON = (
    "CLIENT_ERROR - User: arn:aws:sts::123456789012:assumed-role/{role}/aws-batch is not authorized to perform: "
    "ecs:DescribeClusters on resource: arn:aws:ecs:us-east-1:123456789012:cluster/{name}_Batch_6d67ab71 because no "
    "identity-based policy allows the ecs:DescribeClusters action (Service: AmazonECS; Status Code: 400; Error Code: "
    "AccessDeniedException; Request ID: 13e1dc8d; Proxy: null)"
)
#: "Compute environments must be in the VALID state before you can associate them with a job queue" (CreateJobQueue).
REFUSED = (
    "{arn} is not in the VALID state. Compute environments must be VALID before they are associated with a job queue."
)

DENIED = (
    "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: ssm:PutParameter on resource: "
    "arn:aws:ssm:us-east-1:123456789012:parameter/opsctl/lab/platform because no identity-based policy allows the "
    "ssm:PutParameter action"
)


@dataclass
class UnseenRoles:
    """What Batch does with the environments that were created first.

    Attributes
    ----------
    unseen
        How many environments are created before the role is seen.
    invalid
        Names of the INVALID environments; an update has Batch look at the role again.
    refused
        Queues that were refused for an INVALID environment.
    denies_record
        Whether SSM denies PutParameter, as for somebody who lacks that permission.
    """

    upstream: str
    unseen: int = 2
    created: list[str] = field(default_factory=list)
    invalid: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    denies_record: bool = False

    def refuse(self, operation: str, request: dict[str, Any]) -> str:
        """AWS's message when it refuses a call; empty otherwise."""
        if operation in ("createjobqueue", "updatejobqueue"):
            for entry in request.get("computeEnvironmentOrder", ()):
                if entry["computeEnvironment"].rpartition("/")[2] in self.invalid:
                    self.refused.append(request.get("jobQueueName", request.get("jobQueue")))
                    return REFUSED.format(arn=entry["computeEnvironment"])
        return ""

    def edit(self, operation: str, request: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        """The server's reply as Batch would give it."""
        if operation == "createcomputeenvironment":
            name = request["computeEnvironmentName"]
            self.created.append(name)
            if len(self.created) <= self.unseen:
                self.invalid.add(name)
        elif operation == "updatecomputeenvironment":
            self.invalid.discard(request["computeEnvironment"].rpartition("/")[2])
        elif operation == "describecomputeenvironments":
            for environment in reply["computeEnvironments"]:
                name = environment["computeEnvironmentName"]
                if name in self.invalid:
                    role = environment["serviceRole"].rpartition("/")[2]
                    environment |= {"status": "INVALID", "statusReason": REASON.format(role=role, name=name)}
        return reply


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    batch: UnseenRoles

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        operation = self.path.removeprefix("/v1/") if self.path.startswith("/v1/") else ""
        request = json.loads(body) if operation and body else {}
        message = self.batch.refuse(operation, request)
        if message:
            self._refuse("ClientException", message)
            return
        if self.batch.denies_record and self.headers.get("X-Amz-Target") == "AmazonSSM.PutParameter":
            self._refuse("AccessDeniedException", DENIED)
            return
        upstream = http.client.HTTPConnection(self.batch.upstream.removeprefix("http://"), timeout=120)
        # As a proxy does; the client's Host names this one.
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        upstream.request(self.command, self.path, body, headers)
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        if operation and answer.status == http.HTTPStatus.OK and content:
            content = json.dumps(self.batch.edit(operation, request, json.loads(content))).encode()
        self._answer(answer.status, answer.getheaders(), content)

    def _refuse(self, code: str, message: str) -> None:
        headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", code)]
        self._answer(400, headers, json.dumps({"__type": code, "message": message}).encode())

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        length = next((value for name, value in headers if name.lower() == "content-length"), str(len(body)))
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def unseen_roles(upstream: str) -> Iterator[tuple[str, UnseenRoles]]:
    """Run the proxy while the block runs; gives its address and what has happened."""
    batch = UnseenRoles(upstream)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"batch": batch}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", batch
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

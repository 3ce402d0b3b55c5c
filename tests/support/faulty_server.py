"""The local platform's server with faults: `python -m support.faulty_server --faults JSON` and the server's options.

A request to FAULTS_PATH sets another plan (PUT) or only asks (GET); the answer counts the faults that have happened.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from opsctl.core.errors import Problem
from opsctl.local import control, server
from support.batch_fault_plan import FaultPlan
from support.faulty_batch import BatchFaults, FaultyScheduler
from support.repository import ROOT

#: Requests below `/_opsctl/` pass `chaos/fault_proxy` untouched.
FAULTS_PATH = "/_opsctl/faults"


def start(home: Path, *, faults: Mapping[str, object], **options: Any) -> control.LocalServer:
    """Start a server as `control.start` does, with the parameters of a `FaultPlan`."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    program = ("env", f"PYTHONPATH={path}", sys.executable, "-m", __name__, "--faults", json.dumps(faults))
    return control.start(home, program=program, **options)


def request_faults(port: int, plan: Mapping[str, object] | None = None) -> tuple[int, Any]:
    """Set another plan (None: only ask); the answer's status and its JSON, None where there is no such path."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    body = None if plan is None else json.dumps(plan)
    connection.request("GET" if plan is None else "PUT", FAULTS_PATH, body=body)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if answer.status in (200, 400) else None


class FaultyBatch:
    """A WSGI application before moto: it answers FAULTS_PATH, and lets ListJobs lag behind."""

    def __init__(self, application: server.Application, faults: BatchFaults) -> None:
        self._application = application
        self._faults = faults

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == FAULTS_PATH:
            return self._answer(environ, start_response)
        if environ["PATH_INFO"] == "/v1/listjobs":
            return self._list_jobs(environ, start_response)
        return self._application(environ, start_response)

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            if body:
                self._faults.set_plan(FaultPlan.parse(body.decode(errors="replace")))
        except Problem as problem:
            return _json(start_response, "400 Bad Request", {"message": str(problem)})
        return _json(start_response, "200 OK", self._faults.counts)

    def _list_jobs(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        started: list[Any] = []
        body = b"".join(self._application(environ, lambda *arguments: started.extend(arguments)))
        status, headers = started[:2]
        if not status.startswith("200"):
            start_response(status, headers)
            return [body]
        answer = json.loads(body)
        answer["jobSummaryList"] = self._faults.listed(answer["jobSummaryList"])
        return _json(start_response, status, answer)


def _json(start_response: Callable[..., Any], status: str, value: object) -> Iterable[bytes]:
    body = json.dumps(value).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def main() -> int:
    """Run the server until it is stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--faults", required=True)
    own, others = parser.parse_known_args()
    try:
        faults = BatchFaults(FaultPlan.parse(own.faults))
    except Problem as problem:
        sys.stderr.write(f"{problem}\n")
        return problem.exit_code
    return server.main(
        others,
        scheduler_type=partial(FaultyScheduler, faults=faults),
        middleware=partial(FaultyBatch, faults=faults),
    )


if __name__ == "__main__":
    sys.exit(main())

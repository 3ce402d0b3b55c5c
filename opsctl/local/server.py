"""The local platform's process: `python -m opsctl.local.server --home DIR [--port N] [--slots N]`.

One moto server on 127.0.0.1 with opsctl's own Batch, S3 and logs. Jobs may do what their roles' policies allow
(`opsctl.local.rights`). The user's key is no secret: whoever can reach the server can run jobs as its user, so it
listens on this machine only, and refuses the requests that a web page in the user's browser could send.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.platform import LOCAL_CREDENTIALS, LOCAL_REGION
from opsctl.local.batch.scheduler import Scheduler
from opsctl.local.control import IDENTITY_PATH, Containers, Files
from opsctl.local.jobs import attempts
from opsctl.whole_file import write_whole

#: A WSGI application.
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Middleware = Callable[[Application], Application]

_LOG = logging.getLogger("opsctl.local")
_HOST = "127.0.0.1"
_CREDENTIALS = {**LOCAL_CREDENTIALS, "AWS_DEFAULT_REGION": LOCAL_REGION}
# moto reads these when it is imported. Terraform attaches AWS's managed policies to roles.
_MOTO = {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "MOTO_DISABLE_GLOBAL_CORS": "true"}


class Front:
    """Answers the identity path, refuses requests of web pages, and passes all others on.

    A page in the user's browser could otherwise post to 127.0.0.1 (browsers then send an Origin), or reach it under a
    host name of its own (Host). moto's `/moto-api/reset` would delete every object without confirmation.
    """

    def __init__(self, application: Application, token: str) -> None:
        self._application = application
        self._identity = json.dumps({"pid": os.getpid(), "token": token}).encode()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        host = environ.get("HTTP_HOST", "").rpartition(":")[0] or environ.get("HTTP_HOST", "")
        from_web_page = "HTTP_ORIGIN" in environ or not host.endswith((_HOST, "localhost"))
        if from_web_page or environ["PATH_INFO"].startswith("/moto-api"):
            start_response("403 Forbidden", [("Content-Length", "0")])
            return [b""]
        if environ["PATH_INFO"] == IDENTITY_PATH:
            length = str(len(self._identity))
            start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", length)])
            return [self._identity]
        return self._application(environ, start_response)


def _listen(files: Files, port: int | None) -> socket.socket:
    for candidate in (port,) if port is not None else (_last_port(files), 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, candidate))
        except OSError as error:
            listener.close()
            if candidate == 0 or port is not None:
                raise
            _LOG.info("port %s cannot be used again (%s)", candidate, error.strerror)
            continue
        listener.listen(256)
        return listener
    raise Problem("There is no free port on 127.0.0.1.", code=ErrorCode.PLATFORM_NOT_RUNNING)


def _last_port(files: Files) -> int:
    """The last server's port; 0 where it is not known."""
    try:
        port = int(files.port.read_bytes())
    except (OSError, ValueError):
        return 0
    return port if port in range(1024, 65536) else 0


def serve(
    files: Files,
    options: argparse.Namespace,
    stopping: threading.Event,
    *,
    scheduler_type: Callable[..., Scheduler] = Scheduler,
    middleware: Middleware | None = None,
) -> None:
    """Run the server until `stopping` is set; then stop the jobs, and after them the server, which they still call."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_"))]:
        del os.environ[name]
    os.environ.update(_CREDENTIALS | _MOTO)

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    from opsctl.local import logs
    from opsctl.local.batch import api as batch
    from opsctl.local.batch.launcher import JobLauncher
    from opsctl.local.rights.attempt_rights import RightsOfAttempts
    from opsctl.local.rights.enforcement import Enforcement
    from opsctl.local.rights.instance_metadata import InstanceMetadata
    from opsctl.local.rights.sessions import Sessions
    from opsctl.local.s3 import api as s3
    from opsctl.local.s3.restoring import restore
    from opsctl.local.s3.store import Store

    class Handler(MotoRequestHandler):
        # Headers and body are two writes; with Nagle's algorithm the second waits 40 ms for the first's ACK.
        disable_nagle_algorithm = True

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            # Failures only: object keys name subjects, and the log should not collect them.
            if str(code).startswith("5"):
                super().log_request(code, size)

    listener = _listen(files, options.port)
    port = listener.getsockname()[1]
    leftovers = attempts.remove_leftovers(files)
    store = Store(files.objects)
    sessions = Sessions()
    metadata = InstanceMetadata(sessions)
    launcher = JobLauncher(
        attempts.attempt_starter(
            files,
            endpoint_url=f"http://{_HOST}:{port}",
            rights=RightsOfAttempts(sessions, metadata),
            stop_grace_seconds=options.stop_grace_seconds,
            containers=options.containers,
            entrypoint=options.entrypoint,
        )
    )
    scheduler = scheduler_type(launcher, slots=options.slots)
    logs.install()
    s3.install(store)
    batch.install(scheduler)
    restored = restore(store)
    token = secrets.token_hex(16)
    services: Application = Enforcement(DomainDispatcherApplication(create_backend_app), sessions)
    application = Front(metadata.before(middleware(services) if middleware is not None else services), token)
    server = make_server(_HOST, port, application, threaded=True, request_handler=Handler, fd=listener.fileno())
    thread = threading.Thread(target=server.serve_forever, name="http")
    thread.start()
    started_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    containers = asdict(options.containers) if options.containers is not None else None
    record = {"pid": os.getpid(), "port": port, "started_at": started_at, "token": token, "containers": containers}
    write_whole(files.record, json.dumps(record))
    write_whole(files.port, str(port))
    _LOG.info("on port %s, %s slots, %s objects, %s leftovers removed", port, options.slots, restored, leftovers)
    stopping.wait()
    _LOG.info("stopping")
    scheduler.close()
    server.shutdown()
    thread.join()
    store.close()
    files.record.unlink(missing_ok=True)


def main(
    argv: Sequence[str] | None = None,
    *,
    scheduler_type: Callable[..., Scheduler] = Scheduler,
    middleware: Middleware | None = None,
) -> int:
    """Run the server from a command line, and return its exit code.

    Parameters
    ----------
    argv
        The arguments; those of this process by default.
    scheduler_type
        Makes the scheduler of the jobs.
    middleware
        Wraps the AWS services' WSGI application, behind `Front`. Tests record calls and cause faults with it.
    """
    parser = argparse.ArgumentParser(prog="python -m opsctl.local.server", description=__doc__.partition("\n")[0])
    parser.add_argument("--home", type=Path, required=True, help="OPSCTL_HOME")
    parser.add_argument("--port", type=int, help="default: the last one if it is free")
    parser.add_argument("--slots", type=int, default=os.cpu_count() or 1, help="how many jobs run at once")
    parser.add_argument("--entrypoint", type=json.loads, help="a JSON list: what each job runs, default the job runner")
    parser.add_argument("--stop-grace-seconds", type=float, default=30.0, help="between SIGTERM and SIGKILL of a job")
    parser.add_argument(
        "--containers",
        metavar="JSON",
        type=lambda text: Containers.parse(json.loads(text)),
        help="the engine whose containers jobs run in, default: processes of this machine",
    )
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    files = Files(options.home.expanduser().resolve())
    files.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    with files.lock("server").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write("Another server already runs on this folder.\n")
            return 1
        try:
            serve(files, options, stopping, scheduler_type=scheduler_type, middleware=middleware)
        except Problem as problem:
            sys.stderr.write(f"{problem}\n")
            return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

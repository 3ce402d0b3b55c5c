"""The local platform's process: `python -m opsctl.local.server --home DIR [--port N] [--slots N]`.

One moto server on 127.0.0.1 with opsctl's own Batch, S3 and logs. Whoever has its key (`opsctl.local.key`) may do
everything, also run jobs as its user; jobs may do what their roles' policies allow (`opsctl.local.rights`), and nobody
else may do anything. Requests pass `connections`, `front`, the metadata of instances, `enforcement`, and then moto.
"""

from __future__ import annotations

import argparse
import atexit
import fcntl
import json
import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.platform_name import LOCAL_REGION
from opsctl.local.batch.scheduler import Scheduler
from opsctl.local.control import Containers, Files, credentials
from opsctl.local.front import Application, Front
from opsctl.local.jobs import attempts
from opsctl.local.key import make_key
from opsctl.log_format import EntryFormatter
from opsctl.whole_file import write_whole

Middleware = Callable[[Application], Application]

_LOG = logging.getLogger("opsctl.local")
_HOST = "127.0.0.1"
#: How soon it notices that it is to stop; `opsctl down` waits for it.
_NOTICE_SECONDS = 0.1
# moto reads these when it is imported. Terraform attaches AWS's managed policies to roles. The credentials are not the
# key: botocore within moto wants some, and sends them nowhere.
_MOTO = {
    "AWS_ACCESS_KEY_ID": "unused",
    "AWS_SECRET_ACCESS_KEY": "unused",
    "AWS_DEFAULT_REGION": LOCAL_REGION,
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    "MOTO_DISABLE_GLOBAL_CORS": "true",
    # Hundreds of machine images, which nobody asks for: a third of a second at each start.
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
}


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
    ca_bundle = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")
    for name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_"))]:
        del os.environ[name]
    os.environ.update(_MOTO)

    from opsctl.local import budgets, logs
    from opsctl.local.batch import api as batch
    from opsctl.local.batch.launcher import JobLauncher
    from opsctl.local.connections import BoundedServer
    from opsctl.local.dispatch import Dispatcher
    from opsctl.local.dry_run import DryRun
    from opsctl.local.log_store import LogStore
    from opsctl.local.notices.notifier import Notifier
    from opsctl.local.one_at_a_time import OneAtATime
    from opsctl.local.rights.attempt_rights import RightsOfAttempts
    from opsctl.local.rights.enforcement import Enforcement
    from opsctl.local.rights.instance_metadata import InstanceMetadata
    from opsctl.local.rights.sessions import Sessions
    from opsctl.local.s3 import api as s3
    from opsctl.local.s3.public_bucket import PublicBucket, endpoint
    from opsctl.local.s3.restoring import restore
    from opsctl.local.s3.store import Store

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
    log_store = LogStore(files.log_lines)
    log_store.remove_expired()
    logs.install(log_store)
    budgets.install()
    s3.install(store)
    batch.install(scheduler)
    restored = restore(store)
    token = secrets.token_hex(16)
    user_key = credentials(files.home)["AWS_ACCESS_KEY_ID"]
    moto = DryRun(OneAtATime(Dispatcher()))
    services: Application = Enforcement(
        PublicBucket(moto, endpoint(os.environ), ca_bundle=ca_bundle), sessions, user_key=user_key
    )
    application = Front(metadata.before(middleware(services) if middleware is not None else services), token)
    server = BoundedServer(listener, application)

    def answer_requests() -> None:
        try:
            server.serve_forever(_NOTICE_SECONDS)
        finally:
            # Without it (no memory left), the process would stay and answer nobody.
            stopping.set()

    thread = threading.Thread(target=answer_requests, name="http")
    thread.start()
    started_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    containers = asdict(options.containers) if options.containers is not None else None
    record = {"pid": os.getpid(), "port": port, "started_at": started_at, "token": token, "containers": containers}
    write_whole(files.record, json.dumps(record))
    write_whole(files.port, str(port))
    notifier = threading.Thread(target=Notifier(files, scheduler).run, args=(stopping,), name="notifier", daemon=True)
    notifier.start()
    _LOG.info("on port %s, %s slots, %s objects, %s leftovers removed", port, options.slots, restored, leftovers)
    stopping.wait()
    _LOG.info("stopping")
    notifier.join()
    scheduler.close()
    server.shutdown()
    thread.join()
    store.close()
    log_store.close()
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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(EntryFormatter("%(asctime)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    files = Files(options.home.expanduser().resolve())
    # Whatever this process and its jobs write is their user's alone.
    os.umask(0o077)
    files.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.folder.chmod(0o700)
    make_key(files.key)
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


def _end_at_once() -> int:
    """Run the server, and then end without giving back its memory object by object, which takes seconds.

    What is registered later, such as the end of the supervisors, is done before. Where the server could not start, the
    process ends as any other.
    """
    codes: list[int] = []

    def end() -> None:
        if codes:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(codes[0])

    atexit.register(end)
    codes.append(main())
    return codes[0]


if __name__ == "__main__":
    sys.exit(_end_at_once())

"""A supervisor that imports the job runner once and runs one job after the other, each in a fork of itself.

Started as `python -P -m opsctl.local.jobs.preloaded_supervisor`. Its standard input is a socket whose other end only
the server holds: `J`, with the job's output as a file descriptor, the length of an order and the order in JSON start a
job, `T` sends SIGTERM to its process group, and a byte with its exit code comes back when it and all its processes have
ended. When the other end closes, every process of the job is killed (`process_supervisor`), and the supervisor ends.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any

from opsctl.local.jobs import process_supervisor as processes


def _receive(server: socket.socket, count: int) -> bytes:
    """Receive exactly so many bytes.

    Raises
    ------
    EOFError
        When the server has ended.
    """
    received = b""
    while len(received) < count:
        piece = server.recv(count - len(received))
        if not piece:
            raise EOFError
        received += piece
    return received


def _next_order(server: socket.socket) -> tuple[dict[str, Any], int]:
    """The next order, and the job's output."""
    while True:
        kind, descriptors, _, _ = socket.recv_fds(server, 1, 1)
        if kind == b"J":
            order = json.loads(_receive(server, int.from_bytes(_receive(server, 8), "big")))
            return order, descriptors[0]
        if not kind:
            raise EOFError
        # `T` for a job that has ended meanwhile.


def _become_job(order: dict[str, Any], output: int, server: socket.socket, run_job: Callable[[], int]) -> int:
    """Run the job in this process, a new fork, as `python -m m2g_job` would; returns the exit code."""
    # Held open, the server would not notice the end of a supervisor.
    server.close()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    # As Python sets them when it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv[1:] = order["arguments"]
    try:
        return run_job()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        return 1


def _run(order: dict[str, Any], output: int, server: socket.socket, wake: int, run_job: Callable[[], int]) -> int:
    """Run a job to its end, and return its exit code.

    Raises
    ------
    EOFError
        When the server has ended: the job has been killed.
    """
    child = processes.start(lambda: _become_job(order, output, server, run_job))
    while True:
        ended = processes.reap()
        if child in ended:
            processes.kill_all(child)
            return ended[child] if ended[child] >= 0 else 128 - ended[child]
        ready, _, _ = select.select([server.fileno(), wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
        if server.fileno() in ready:
            if server.recv(1) == b"T":
                processes.send(child, signal.SIGTERM, group=True)
            else:
                processes.kill_all(child)
                raise EOFError


def main() -> int:
    """Run jobs until standard input closes."""
    from m2g_job.__main__ import main as run_job
    from m2g_job.s3 import make_client

    # Reads what every job's client needs.
    make_client()
    # The collector of a job would otherwise copy every page that it shares with this process.
    gc.collect()
    gc.freeze()
    processes.adopt_orphans()
    wake = processes.wake_on_signals()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    server = socket.socket(fileno=os.dup(0))
    try:
        while True:
            order, output = _next_order(server)
            code = _run(order, output, server, wake, run_job)
            server.sendall(bytes([code]))
            # Only now: the end of the output tells the server that the job has ended.
            os.close(output)
    except (EOFError, ConnectionError):
        return 128 + signal.SIGKILL


if __name__ == "__main__":
    os._exit(main())

"""A program that runs one job's container and ensures that it does not outlive the job or the server.

Started as `python -I -S container_supervisor.py ENGINE NAME ARGUMENTS…`, where `ENGINE run ARGUMENTS…` creates the
container called NAME. Its standard input is a lifeline, as in `process_supervisor.py`. The engine's client is not the
container: killing the client leaves the container running. So the engine is told to stop or remove it, by name.
The exit code is the container's.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence

_SIGTERM_INTERVAL_SECONDS = 1.0
_REMOVAL_INTERVAL_SECONDS = 0.5
_REMOVAL_TRIES = 60
#: The engine's own failures are 125 to 127; they may leave a container behind.
_ENGINE_FAILED = 125


def _run(*command: str) -> None:
    # Failures are ignored: the container may not exist yet, or no longer.
    subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )  # fmt: skip


def _remove(engine: str, name: str, client: subprocess.Popen[bytes]) -> None:
    """Kill and remove the container, also if the client is only about to create it."""
    for _ in range(_REMOVAL_TRIES):
        ended = client.poll() is not None
        # Podman's `rm --force` alone would send SIGTERM and wait ten seconds.
        _run(engine, "kill", name)
        _run(engine, "rm", "--force", "--volumes", name)
        if ended:
            return
        try:
            client.wait(_REMOVAL_INTERVAL_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    client.kill()


def main(engine: str, name: str, arguments: Sequence[str]) -> int:
    """Run the container to its end, or until standard input closes."""
    wake, notify = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(notify, False)
    received: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: received.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(notify, warn_on_full_buffer=False)
    client = subprocess.Popen([engine, "run", *arguments], stdin=subprocess.DEVNULL)
    while client.poll() is None:
        if received:
            # Repeatedly: the container may not run yet, and process 1 ignores SIGTERM until it handles it.
            _run(engine, "kill", "--signal", "TERM", name)
        ready, _, _ = select.select([0, wake], [], [], _SIGTERM_INTERVAL_SECONDS if received else None)
        if wake in ready:
            os.read(wake, 4096)
        if 0 in ready and not os.read(0, 1):
            _remove(engine, name, client)
            return 128 + signal.SIGKILL
    code = client.wait()
    if code < 0 or code >= _ENGINE_FAILED:
        _remove(engine, name, client)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    os._exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))

"""A program of its own: runs one job's container and sees to it that it does not outlive the job or the server.

Started as `python -I -S contain.py ENGINE NAME WORDS…`, where `ENGINE run WORDS…` makes the container called NAME. Its
standard input is a lifeline, as `supervise.py`'s is. The engine's client is not the container: a client that is killed
leaves its container running, so whatever must happen is asked of the engine, by name. The exit code is the container's.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence

_AGAIN_SECONDS = 1.0
_GOING_SECONDS = 0.5
_GOING_TIMES = 60
#: The engine's own failures are 125 to 127; what came before them may have left a container behind.
_ENGINE_FAILED = 125


def _ask(*words: str) -> None:
    # What it says is of no use: the container may not be there yet, or not any more.
    subprocess.run(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )  # fmt: skip


def _remove(engine: str, name: str, client: subprocess.Popen[bytes]) -> None:
    """Kill and remove the container, also one that the client is about to make."""
    for _ in range(_GOING_TIMES):
        ended = client.poll() is not None
        # Podman's `rm --force` alone would ask it to end first, and wait ten seconds.
        _ask(engine, "kill", name)
        _ask(engine, "rm", "--force", "--volumes", name)
        if ended:
            return
        try:
            client.wait(_GOING_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    client.kill()


def main(engine: str, name: str, words: Sequence[str]) -> int:
    """Run the container to its end, or until standard input closes."""
    wake, notify = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(notify, False)
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: asked.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(notify, warn_on_full_buffer=False)
    client = subprocess.Popen([engine, "run", *words], stdin=subprocess.DEVNULL)
    while client.poll() is None:
        if asked:
            # Again and again: the container may not run yet, and process 1 hears nothing before it listens.
            _ask(engine, "kill", "--signal", "TERM", name)
        ready, _, _ = select.select([0, wake], [], [], _AGAIN_SECONDS if asked else None)
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

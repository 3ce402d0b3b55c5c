"""Notices that runs have ended, and starts a process that sends their messages.

The server knows when the last job of a run has ended, and lives on when the terminal of `run` is closed. What became of
the scans is read as every command reads it, in a process of its own (`python -m opsctl.cli.notify.process`).
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opsctl.local.batch.scheduler import Scheduler
from opsctl.local.control import python_path
from opsctl.local.files import Files
from opsctl.local.notices.pending import PendingNotices

_LOG = logging.getLogger(__name__)

#: Exit codes of the process that sends.
SETTLED, NOT_OVER, NOT_SENT = 0, 75, 76

_LOOK_SECONDS = 1.0
#: A run without jobs of its own may wait for the jobs of an earlier run.
_NOT_OVER_SECONDS = 60.0
#: Before each further attempt to send: a laptop that wakes up has no network at first.
_PAUSES_SECONDS = (10.0, 60.0, 600.0, 3600.0)

StartProcess = Callable[[Sequence[str]], "subprocess.Popen[bytes]"]


@dataclass
class _Wait:
    """When to try again, and how many attempts have failed."""

    until: float = 0.0
    failures: int = 0


class Notifier:
    """Looks once a second whether a run that has a message has ended.

    Parameters
    ----------
    files
        The local platform's.
    scheduler
        Knows the jobs.
    start_process
        Starts the process that sends; tests take another.
    """

    def __init__(
        self,
        files: Files,
        scheduler: Scheduler,
        *,
        start_process: StartProcess | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = files
        self._pending = PendingNotices(files.home)
        self._scheduler = scheduler
        self._start_process = start_process or self._start
        self._now = now
        self._waits: dict[str, _Wait] = {}

    def run(self, stopping: threading.Event) -> None:
        """Look until the server stops. What is not sent then is sent by the next server."""
        while not stopping.wait(_LOOK_SECONDS):
            try:
                self.look(stopping)
            except Exception:
                # The server must not end because of a message.
                _LOG.exception("messages")

    def look(self, stopping: threading.Event) -> None:
        """Send the messages of the runs that have ended."""
        run_ids = self._pending.run_ids()
        if not run_ids:
            return
        active = self._scheduler.active_runs()
        for run_id in run_ids:
            wait = self._waits.setdefault(run_id, _Wait())
            if run_id in active or self._now() < wait.until or stopping.is_set():
                continue
            is_last = wait.failures == len(_PAUSES_SECONDS)
            code = self._exit_code([run_id, *(["--last"] if is_last else [])], stopping)
            if code == NOT_OVER:
                wait.until = self._now() + _NOT_OVER_SECONDS
            elif code is not None and code != SETTLED and not is_last:
                wait.until = self._now() + _PAUSES_SECONDS[wait.failures]
                wait.failures += 1
            elif code is not None:
                # After the last attempt, too: an address is a secret, which is not kept for nothing.
                self._pending.remove(run_id)
                del self._waits[run_id]

    def _exit_code(self, arguments: Sequence[str], stopping: threading.Event) -> int | None:
        """Run the process; None if the server stops before it has ended."""
        process = self._start_process(arguments)
        while not stopping.is_set():
            try:
                return process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
        process.terminate()
        process.wait()
        return None

    def _start(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        # The server's AWS variables are those of its own services; the settings of a user's shell are not the run's.
        environment = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "OPSCTL_"))}
        environment |= {"OPSCTL_HOME": str(self._files.home), "OPSCTL_CONFIG": os.devnull}
        if root := python_path():
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH"))))
        return subprocess.Popen(
            [sys.executable, "-m", "opsctl.cli.notify.process", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            stderr=sys.stderr,
            cwd="/",
            env=environment,
        )

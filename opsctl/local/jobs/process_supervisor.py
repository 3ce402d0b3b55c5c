"""A program that runs one job's process and ensures that no process of the job outlives the job or the server.

Started as `python -I -S process_supervisor.py COMMAND…`. Its standard input, the lifeline, is a pipe whose other end
only the server holds: when that end closes, on purpose or because the server died, every process of the job is killed.
SIGTERM is passed on to the job's process group. The exit code is the job's (128 + N after signal N). It imports little
of the standard library and nothing else, because its start-up time is part of every job.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_ON_LINUX = sys.platform == "linux"


def _prctl(option: int, argument: int) -> None:
    if _ON_LINUX:
        ctypes.CDLL(None).prctl(option, argument, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of the job's processes that lose theirs."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def wake_on_signals() -> int:
    """Return a pipe's end that becomes readable when a child has ended or a signal with a handler has come."""
    wake, notify = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(notify, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(notify, warn_on_full_buffer=False)
    return wake


def start(run: Callable[[], int]) -> int:
    """Fork a process with a group of its own that calls `run` and ends with the code that it returns."""
    child = os.fork()
    if child:
        try:  # noqa: SIM105 contextlib would cost each job its import
            # Parent and child both set the group, so that it exists whichever runs first.
            os.setpgid(child, child)
        except (PermissionError, ProcessLookupError):
            pass
        return child
    code = 127
    try:
        os.setpgid(0, 0)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        code = run()
    finally:
        os._exit(code)


def _execute(command: Sequence[str]) -> int:
    try:
        os.execvpe(command[0], list(command), os.environ)  # noqa: S606 no shell is the point
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    return 127


def _descendants() -> list[int]:
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 pathlib would cost each job its import
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:  # noqa: PTH123
                    # The command in brackets may itself hold blanks and brackets: fields begin after the last bracket.
                    parents[int(name)] = int(stat.read().rpartition(b")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
    processes = [os.getpid()]
    for process in processes:
        processes.extend(pid for pid, parent in parents.items() if parent == process)
    return processes[1:]


def send(pid: int, number: int, *, group: bool = False) -> None:
    """Send a signal to a process or its group, if there still is one."""
    try:  # noqa: SIM105 contextlib would cost each job its import
        (os.killpg if group else os.kill)(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def kill_all(child: int) -> None:
    """Kill every process of a job, and wait until none is left."""
    send(child, signal.SIGKILL, group=True)
    # A process that left the group (its own session) is still a descendant of this one, which adopts orphans.
    # Repeat until there is none: each may have started others meanwhile.
    while _ON_LINUX and (pids := _descendants()):
        for pid in pids:
            send(pid, signal.SIGKILL)
        reap()
        select.select([], [], [], 0.002)


def reap() -> dict[int, int]:
    """The exit codes of the children that have ended, by their ids; -N after signal N."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = os.waitstatus_to_exitcode(status)


def main(command: Sequence[str]) -> int:
    """Run the command to its end, or until standard input closes."""
    adopt_orphans()
    wake = wake_on_signals()
    received: list[int] = []
    child = 0

    def pass_on(number: int, _frame: object) -> None:
        received.append(number)
        if child:
            send(child, signal.SIGTERM, group=True)

    signal.signal(signal.SIGTERM, pass_on)
    child = start(lambda: _execute(command))
    if received:
        pass_on(signal.SIGTERM, None)
    while True:
        ended = reap()
        if child in ended:
            kill_all(child)
            return ended[child] if ended[child] >= 0 else 128 - ended[child]
        ready, _, _ = select.select([0, wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
        if 0 in ready and not os.read(0, 1):
            kill_all(child)
            return 128 + signal.SIGKILL


if __name__ == "__main__":
    # Not sys.exit: it would flush standard output, which belongs to the job.
    os._exit(main(sys.argv[1:]))

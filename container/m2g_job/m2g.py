"""m2g as a child process: started without a shell, followed line by line, stopped with its whole family."""

from __future__ import annotations

import collections
import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import BinaryIO, Mapping, Sequence

from m2g_job import memory
from m2g_job.faults import ScanFailed, Stopped
from m2g_job.log import Log
from m2g_job.stop import Stop

#: Batch kills 30 s after its SIGTERM: the rest is for pushing the logs.
GRACE_SECONDS = 15.0
#: For the last lines to come through; a child that left m2g's group may hold the pipe open.
_REST_SECONDS = 3.0
_LOOK_SECONDS = 0.2
_TAIL_LINES = 30
_LONGEST_LINE_BYTES = 64 * 1024  # CloudWatch takes events of 256 KiB at most
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")

#: The runner's own Python must not reach m2g's, and m2g needs nothing of AWS: credentials stay with the runner.
_NOT_FOR_M2G = ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "PYTHONNOUSERSITE", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
)


@dataclass(frozen=True)
class Outcome:
    """How m2g ended.

    Attributes
    ----------
    exit_code
        Negative: the number of the signal that ended it.
    peak_memory_mib
        Of the largest single process among m2g and the children it waited for.
    tail
        Its last lines, without control sequences.
    out_of_memory_kills
        How many processes the kernel killed meanwhile for want of memory.
    """

    exit_code: int
    seconds: float
    peak_memory_mib: int
    tail: tuple[str, ...]
    out_of_memory_kills: int = 0


def child_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment that m2g gets: the job's, less what belongs to the runner alone."""
    kept = {name: value for name, value in variables.items() if name not in _NOT_FOR_M2G + _CREDENTIALS}
    # Python holds back what it prints into a pipe; the log is followed while m2g runs.
    kept["PYTHONUNBUFFERED"] = "1"
    return kept


def command(argv: Sequence[str], *, input_dir: str, output_dir: str) -> list[str]:
    """The scan's argv with this job's folders in it."""
    folders = {"INPUT_DIR": input_dir, "OUTPUT_DIR": output_dir}
    return [folders.get(word, word) for word in argv]


class _Follower(threading.Thread):
    """Carries the child's output to the log and a file, a line at a time, and remembers its end."""

    def __init__(self, descriptor: int, copy: BinaryIO, log: Log) -> None:
        super().__init__(name="m2g output", daemon=True)
        self._descriptor = descriptor
        self._copy = copy
        self._log = log
        self.tail: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)

    def run(self) -> None:
        with self._copy:
            self._carry()

    def _carry(self) -> None:
        rest = b""
        while True:
            piece = os.read(self._descriptor, 65536)
            # A progress bar ends its lines with a carriage return: waiting for its newline would hide an hour.
            *lines, rest = re.split(rb"[\r\n]+", rest + piece)
            if rest and (not piece or len(rest) > _LONGEST_LINE_BYTES):
                lines.append(rest)
                rest = b""
            for line in filter(None, lines):
                self._keep(line)
            if not piece:
                return

    def _keep(self, line: bytes) -> None:
        text = _CONTROL.sub("", line.decode("utf-8", "replace")).strip()
        if text:
            self.tail.append(text)
        self._log.raw(line + b"\n")
        # A full disk must not stop the reading: m2g would wait for ever on a full pipe.
        with contextlib.suppress(OSError):
            self._copy.write(line + b"\n")


def run(
    words: Sequence[str],
    *,
    log: Log,
    log_path: str,
    stop: Stop,
    variables: Mapping[str, str],
    grace_seconds: float = GRACE_SECONDS,
) -> Outcome:
    """Run m2g to its end.

    Parameters
    ----------
    words
        The whole command, from `command`.
    log, log_path
        Where its output goes while it runs, and a copy for failed scans.
    stop
        A signal is passed on to m2g's process group.
    variables
        The job's environment variables.
    grace_seconds
        From the signal until SIGKILL.

    Raises
    ------
    ScanFailed
        There is no m2g.
    OSError
        The copy of its output cannot be made.
    Stopped
        A signal came; m2g and its children are gone.
    """
    started = time.monotonic()
    ended_by_itself = True
    kills = memory.out_of_memory_kills()
    # Made before m2g can fill the disk: what fills it is exactly what the copy is kept for.
    copy = open(log_path, "ab", buffering=0)  # noqa: SIM115 - the follower closes it
    try:
        # A group of its own: FSL and its like start children, and a signal must reach all of them.
        with memory.offered_first():
            child = subprocess.Popen(
                list(words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=child_environment(variables),
                start_new_session=True,
            )
    except OSError as error:
        copy.close()
        raise ScanFailed(f"m2g cannot be started: {error}")
    follower = _Follower(child.stdout.fileno(), copy, log)
    follower.start()
    try:
        while child.poll() is None:
            if stop.wanted:
                ended_by_itself = False
                _end(child, grace_seconds, log)
                break
            time.sleep(_LOOK_SECONDS)
    finally:
        # Whatever m2g left running would keep the pipe, and this job, open.
        _signal_group(child, signal.SIGKILL)
        child.wait()
        follower.join(timeout=_REST_SECONDS)
        child.stdout.close()
    if not ended_by_itself:
        raise Stopped(stop.cause)
    return Outcome(
        exit_code=child.returncode,
        seconds=time.monotonic() - started,
        peak_memory_mib=memory.peak_mib(),
        tail=tuple(follower.tail),
        out_of_memory_kills=memory.out_of_memory_kills() - kills,
    )


def _signal_group(child: subprocess.Popen, number: int) -> None:
    # All gone; macOS says PermissionError of a group of zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _end(child: subprocess.Popen, grace_seconds: float, log: Log) -> None:
    log.say(f"asked to stop: passing SIGTERM on to m2g, which has {grace_seconds:.0f} s to end")
    _signal_group(child, signal.SIGTERM)
    try:
        child.wait(timeout=grace_seconds)
    except subprocess.TimeoutExpired:
        log.say(f"m2g did not end in {grace_seconds:.0f} s: killing it")


def shortage(outcome: Outcome) -> str:
    """What m2g ran short of, in words: the disk or memory; "" where nothing says so.

    Parameters
    ----------
    outcome
        Also of an m2g that ended with 0: its func path ignores what C-PAC says.
    """
    after, last = _when(outcome)
    said = "\n".join(outcome.tail)
    reached = f"its largest process had reached {outcome.peak_memory_mib} MiB{last}"
    if re.search(r"No space left on device|Disk quota exceeded", said):
        return f"the disk is full: m2g ended {after}{last}; give the platform a larger root volume"
    if outcome.out_of_memory_kills:
        return f"out of memory: the kernel killed a process of m2g's, which ended {after}; {reached}"
    if _signal_number(outcome) == signal.SIGKILL:
        return f"m2g was killed (SIGKILL) {after}, most likely out of memory: {reached}"
    if re.search(r"MemoryError|[Cc]annot allocate memory|std::bad_alloc|Unable to allocate", said):
        return f"m2g ran out of memory {after}: {reached}"
    if re.search(r"SIGKILL|return(ed|code)? -9\b|\bKilled$", said, re.MULTILINE):
        return f"a process of m2g's was killed, most likely out of memory; m2g ended {after}: {reached}"
    return ""


def _when(outcome: Outcome) -> tuple[str, str]:
    return f"after {outcome.seconds:.0f} s", f": {outcome.tail[-1][:300]}" if outcome.tail else ""


def _signal_number(outcome: Outcome) -> int:
    # A shell that loses a child to a signal reports 128 plus its number.
    return -outcome.exit_code if outcome.exit_code < 0 else outcome.exit_code - 128


def cause(outcome: Outcome) -> str:
    """Why m2g failed, in words: what ended it, when, and its last line.

    Parameters
    ----------
    outcome
        Of an m2g that did not end with 0.
    """
    short = shortage(outcome)
    if short:
        return short
    after, last = _when(outcome)
    number = _signal_number(outcome)
    if 0 < number < 65:
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        return f"m2g was ended by {name} {after}{last}"
    return f"m2g ended with exit code {outcome.exit_code} {after}{last}"

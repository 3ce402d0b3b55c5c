"""m2g as a child process: started without a shell, followed line by line, stopped with all its descendants."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import Callable, Mapping, Sequence

from m2g_job import causes, memory
from m2g_job.faults import ScanFailed
from m2g_job.log import Log
from m2g_job.m2g_output import OutputReader
from m2g_job.peaks import Peaks
from m2g_job.process_tree import ProcessTree
from m2g_job.stop import StopRequest

#: Batch sends SIGKILL 30 s after SIGTERM: the remaining time is for uploading the logs.
GRACE_SECONDS = 15.0
#: For the last lines of output; a child that left m2g's process group may keep the pipe open.
LAST_LINES_SECONDS = 3.0
_POLL_SECONDS = 0.2

#: The settings of the runner's Python would break m2g's Python.
_PYTHON_VARIABLES = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSAFEPATH",
    "PYTHONNOUSERSITE",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)
#: m2g sends no request to AWS, so it gets no credentials.
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
class M2gExit:
    """How m2g ended.

    Attributes
    ----------
    exit_code
        Negative: the number of the signal that ended it.
    peak_memory_mib
        The most memory of all its processes together; see `Peaks`.
    tail
        The last lines of its output, without control sequences, indented as they were printed.
    out_of_memory_kills
        How many processes of the container the kernel killed for lack of memory while m2g ran.
    """

    exit_code: int
    seconds: float
    peak_memory_mib: int
    tail: tuple[str, ...]
    out_of_memory_kills: int = 0


def child_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment that m2g gets: the job's, without the runner's Python settings and credentials."""
    environment = {name: value for name, value in variables.items() if name not in _PYTHON_VARIABLES + _CREDENTIALS}
    # Python buffers its output into a pipe, but the log is followed while m2g runs.
    environment["PYTHONUNBUFFERED"] = "1"
    # C-PAC would report each of its runs to Google Analytics.
    environment["CPAC_TRACKING"] = "off"
    return environment


def command(argv: Sequence[str], *, input_dir: str, output_dir: str) -> list[str]:
    """The scan's argv, with `INPUT_DIR` and `OUTPUT_DIR` replaced by this job's folders."""
    folders = {"INPUT_DIR": input_dir, "OUTPUT_DIR": output_dir}
    return [folders.get(argument, argument) for argument in argv]


def run(
    command: Sequence[str],
    *,
    log: Log,
    log_path: str,
    stop: StopRequest,
    variables: Mapping[str, str],
    peaks: Peaks | None = None,
    on_line: Callable[[str], None] | None = None,
    grace_seconds: float = GRACE_SECONDS,
) -> M2gExit:
    """Run m2g until it ends.

    Parameters
    ----------
    command
        Program and arguments, from `command`.
    log, log_path
        Where its output goes while it runs, and a file that gets a copy, for failed scans.
    stop
        A signal is passed on to m2g's process group.
    variables
        The job's environment variables.
    peaks
        Gets the memory and disk that m2g uses, also of an m2g that is stopped.
    on_line
        Called with each line of its output, from a thread of its own.
    grace_seconds
        From the signal until SIGKILL.

    Raises
    ------
    ScanFailed
        There is no m2g.
    OSError
        The copy of its output cannot be created.
    Stopped
        A signal came; m2g and its children have ended.
    """
    started = time.monotonic()
    stopped = False
    peaks = peaks or Peaks()
    kills_before = memory.out_of_memory_kills()
    # Opened before m2g can fill the disk: this file then shows what filled it.
    log_file = open(log_path, "ab", buffering=0)  # noqa: SIM115 - the reader closes it
    try:
        # A process group of its own: FSL and similar tools start children, and a signal must reach all of them.
        with memory.killed_first():
            child = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=child_environment(variables),
                start_new_session=True,
            )
    except OSError as error:
        log_file.close()
        raise ScanFailed(f"m2g cannot be started: {error}", causes.M2G_NOT_STARTED)
    reader = OutputReader(child.stdout.fileno(), log_file, log, on_line=on_line)
    reader.start()
    tree = ProcessTree(child.pid)
    try:
        while child.poll() is None:
            peaks.measure(tree)
            if stop.received:
                stopped = True
                _terminate(child, grace_seconds, log)
                break
            _wait_a_moment(child, reader)
    finally:
        # Any process that m2g left behind would keep the pipe open, and this job running.
        _signal_group(child, signal.SIGKILL)
        child.wait()
        reader.join(timeout=LAST_LINES_SECONDS)
        child.stdout.close()
        peaks.measure_disk()
    if stopped:
        raise stop.fault
    return M2gExit(
        exit_code=child.returncode,
        seconds=time.monotonic() - started,
        peak_memory_mib=peaks.memory_mib,
        tail=tuple(reader.tail),
        out_of_memory_kills=memory.out_of_memory_kills() - kills_before,
    )


def _wait_a_moment(child: subprocess.Popen, reader: OutputReader) -> None:
    """Wait until m2g has ended, not longer than until the next look at the signal and the memory."""
    # The end of its output comes just before its own.
    reader.join(timeout=_POLL_SECONDS)
    if not reader.is_alive():
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=_POLL_SECONDS)


def _signal_group(child: subprocess.Popen, number: int) -> None:
    # The group may have ended; macOS raises PermissionError for a group of zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _terminate(child: subprocess.Popen, grace_seconds: float, log: Log) -> None:
    log.write(f"asked to stop: passing SIGTERM on to m2g, which has {grace_seconds:.0f} s to end")
    _signal_group(child, signal.SIGTERM)
    try:
        child.wait(timeout=grace_seconds)
    except subprocess.TimeoutExpired:
        log.write(f"m2g did not end in {grace_seconds:.0f} s: killing it")

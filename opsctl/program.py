"""Another program: where it lies on the PATH, who may replace it, and its short answers."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

#: Enough for a version. A program that prints without end fills no memory.
_LONGEST_ANSWER_BYTES = 100_000
#: How long to read on when the program has ended: what it has left running may hold its output open.
_LAST_OUTPUT_SECONDS = 1.0


@dataclass(frozen=True)
class ProgramReply:
    """How a program ended, and the beginning of what it printed."""

    code: int
    output: str
    errors: str


def find_program(name: str, environment: Mapping[str, str]) -> str | None:
    """The absolute path of a program on the PATH; None where there is none.

    Relative folders of the PATH are left out: in the working folder lies what others have put there.
    """
    folders = [folder for folder in _path(environment) if Path(folder).is_absolute()]
    return shutil.which(name, path=os.pathsep.join(folders)) if folders else None


def why_not_found(name: str, environment: Mapping[str, str]) -> str:
    """A sentence on a program that lies on the PATH and is not used; empty where none lies there."""
    for folder in _path(environment):
        candidate = Path(folder or ".", name)
        if not os.path.lexists(candidate):
            continue
        if not Path(folder).is_absolute():
            return f"The one in the working folder is not used ({candidate}): others may have put it there."
        if candidate.is_dir():
            return f"{candidate} is a folder."
        if not candidate.exists():
            return f"{candidate} is a link that leads nowhere."
        return f"{candidate} is not executable."
    return ""


def replaceable_sentence(path: str) -> str:
    """A sentence where every user of this machine may replace a program; else empty."""
    place = _open_to_all(path)
    return f"Every user of this machine may replace {path}: all may write to {place}." if place else ""


def _open_to_all(path: str) -> str:
    """The file or folder through which every user of this machine may replace a program; empty where none may."""
    program = Path(path)
    for place in dict.fromkeys((*_with_parents(program), *_with_parents(program.resolve()))):
        with suppress(OSError):
            mode = place.stat().st_mode
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                return str(place)
    with suppress(OSError):
        is_shared = program.parent.stat().st_mode & stat.S_IWOTH
        if is_shared and program.lstat().st_uid not in (0, os.getuid()):
            return str(program.parent)
    return ""


def ask_program(command: Sequence[str], *, environment: Mapping[str, str], timeout_seconds: float) -> ProgramReply:
    """Run a program for a short answer. It cannot read from the terminal, and its own children end with it.

    Raises
    ------
    OSError
        When it cannot be run.
    subprocess.TimeoutExpired
        When it has not ended in time; it is killed.
    """
    process = subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    output, errors = (_Reader(process, stream) for stream in (process.stdout, process.stderr))
    try:
        code = process.wait(timeout_seconds)
        output.join(_LAST_OUTPUT_SECONDS)
        errors.join(_LAST_OUTPUT_SECONDS)
    finally:
        # Also what it has left running: nobody waits for that.
        _kill(process)
        process.wait()
    return ProgramReply(code, output.text, errors.text)


class _Reader(threading.Thread):
    """Reads the beginning of an output, and ends a program that prints more than an answer."""

    def __init__(self, process: subprocess.Popen[bytes], stream: IO[bytes] | None) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._stream = cast("IO[bytes]", stream)
        self.text = ""
        self.start()

    def run(self) -> None:
        """Read until the output ends or is too long."""
        with self._stream:
            answer = self._stream.read(_LONGEST_ANSWER_BYTES)
            self.text = answer.decode(errors="replace")
            if len(answer) == _LONGEST_ANSWER_BYTES:
                _kill(self._process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _path(environment: Mapping[str, str]) -> list[str]:
    return environment.get("PATH", os.defpath).split(os.pathsep)


def _with_parents(path: Path) -> Iterator[Path]:
    yield path
    yield from path.parents

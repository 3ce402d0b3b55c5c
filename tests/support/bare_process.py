"""Runs opsctl in processes that lack what most have: each a fork of one that has imported it, because that takes long.

A program of its own: it reads a list of cases from standard input and writes their outcomes, both as JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.repository import ROOT

#: No user database has it.
UNKNOWN_USER = 54321
_STREAMS = ("stdin", "stdout", "stderr")
_KEEP_CAPABILITIES, _READ_ALL, _VERSION_3 = 8, 1 << 2, 0x20080522


@dataclass(frozen=True)
class Case:
    """A command and what its process is started with.

    Attributes
    ----------
    closed
        The standard streams that are closed, by their numbers.
    is_unknown_user
        Whether the user has no entry in the user database. It may read this machine's Python wherever that lies, and
        write nowhere but in its own folders.
    """

    arguments: Sequence[str]
    environment: dict[str, str]
    closed: Sequence[int] = ()
    is_unknown_user: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a case ended."""

    code: int
    out: str
    err: str
    case: Case = field(repr=False)


def run_cases(cases: Sequence[Case], folder: Path) -> list[Outcome]:
    """Run the cases, one after the other, in a working folder that everybody may write to."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-m", "support.bare_process"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))},
        input=json.dumps([vars(case) for case in cases]),
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
        check=True,
    )
    return [Outcome(**outcome, case=case) for case, outcome in zip(cases, json.loads(done.stdout), strict=True)]


def _run(case: Case) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            code = 99
            try:
                code = _become(case, out.fileno(), err.fileno())
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return {"code": code, "out": texts[0], "err": texts[1]}


def _become(case: Case, out: int, err: int) -> int:
    """Run opsctl in this process, and return its exit code; any other exception than its own end is a traceback."""
    import traceback

    from opsctl.__main__ import main

    for number, source in enumerate((os.open(os.devnull, os.O_RDONLY), out, err)):
        os.dup2(source, number)
    os.closerange(3, 1000)
    for number, name in enumerate(_STREAMS):
        is_closed = number in case.closed
        setattr(sys, name, None if is_closed else os.fdopen(number, "r" if number == 0 else "w", closefd=False))
        if is_closed:
            os.close(number)
    os.environ.clear()
    os.environ.update(case.environment)
    if case.is_unknown_user:
        _become_unknown()
    sys.argv = ["opsctl", *case.arguments]
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 98
    except BaseException:
        traceback.print_exc()
        code = 97
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code


def _become_unknown() -> None:
    libc = ctypes.CDLL(None)
    libc.prctl(_KEEP_CAPABILITIES, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(UNKNOWN_USER)
    os.setuid(UNKNOWN_USER)
    libc.capset((ctypes.c_uint32 * 2)(_VERSION_3, 0), (ctypes.c_uint32 * 6)(_READ_ALL, _READ_ALL, 0, 0, 0, 0))


if __name__ == "__main__":
    import boto3  # noqa: F401
    import rich.console  # noqa: F401

    import opsctl.cli  # noqa: F401

    sys.stdout.write(json.dumps([_run(Case(**case)) for case in json.load(sys.stdin)]))

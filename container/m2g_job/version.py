"""The version of m2g that a job runs: of the package that its command belongs to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import Mapping

#: Reading the metadata of a large environment from a cold disk takes seconds.
_TIMEOUT_SECONDS = 15.0
#: Python 3.7, m2g's, has no importlib.metadata; the newest has no pkg_resources.
_PRINT_VERSION = """
try:
    from importlib.metadata import version
except ImportError:
    from pkg_resources import get_distribution
    version = lambda name: get_distribution(name).version
print(version("m2g"))
"""


def find(command: str, variables: Mapping[str, str]) -> str | None:
    """Find the version of the m2g package that a command belongs to.

    Parameters
    ----------
    command
        The program that starts m2g.
    variables
        The environment that m2g runs in.

    Returns
    -------
    str or None
        None where the command is not a Python script, or its Python has no such package: no scan fails for a version.
    """
    path = shutil.which(command, path=variables.get("PATH"))
    interpreter = _interpreter(path) if path else []
    if not interpreter:
        return None
    try:
        completed = subprocess.run(
            [*interpreter, "-c", _PRINT_VERSION],
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = completed.stdout.decode("utf-8", "replace").split()
    if completed.returncode != 0 or not lines or not re.match(r"^[0-9][0-9A-Za-z.+!-]*$", lines[-1]):
        return None
    return lines[-1]


def _interpreter(path: str) -> list[str]:
    """The command in a script's first line; an empty list where it does not start Python."""
    try:
        with open(path, "rb") as script:
            first_line = script.readline(512)
    except OSError:
        return []
    command = os.fsdecode(first_line[2:]).split() if first_line.startswith(b"#!") else []
    python = command[1] if len(command) == 2 and os.path.basename(command[0]) == "env" else (command or [""])[0]
    return command if os.path.basename(python).startswith("python") else []

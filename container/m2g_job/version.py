"""Which m2g a job runs: what the package that its command belongs to says of itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import Mapping

#: A big environment's metadata on a cold disk takes seconds; nothing is worth more than that.
_TIMEOUT_SECONDS = 15.0
#: Python 3.7, m2g's, has no importlib.metadata; the newest has no pkg_resources.
_ASK = """
try:
    from importlib.metadata import version
except ImportError:
    from pkg_resources import get_distribution
    version = lambda name: get_distribution(name).version
print(version("m2g"))
"""


def find(command: str, variables: Mapping[str, str]) -> str | None:
    """The version of the package m2g that a command is of.

    Parameters
    ----------
    command
        The word that a job starts m2g with.
    variables
        The environment that m2g runs in.

    Returns
    -------
    str or None
        None where it is no Python script, or its Python knows no such package: a version is never worth a scan.
    """
    path = shutil.which(command, path=variables.get("PATH"))
    words = _interpreter(path) if path else []
    if not words:
        return None
    try:
        said = subprocess.run(
            [*words, "-c", _ASK],
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = said.stdout.decode("utf-8", "replace").split()
    if said.returncode != 0 or not lines or not re.match(r"^[0-9][0-9A-Za-z.+!-]*$", lines[-1]):
        return None
    return lines[-1]


def _interpreter(path: str) -> list[str]:
    """The words of a script's first line, where they start a Python."""
    try:
        with open(path, "rb") as script:
            first = script.readline(512)
    except OSError:
        return []
    words = os.fsdecode(first[2:]).split() if first.startswith(b"#!") else []
    python = words[1] if len(words) == 2 and os.path.basename(words[0]) == "env" else (words or [""])[0]
    return words if os.path.basename(python).startswith("python") else []

"""The package m2g that a job runs, the one that its command belongs to: its version, and a hash of its code."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import Mapping

#: Reading the metadata of a large environment from a cold disk takes seconds.
_TIMEOUT_SECONDS = 15.0
#: Python 3.7, m2g's, has no importlib.metadata; the newest has no pkg_resources. The first entry of the path is the
#: working folder, which is not on the path of m2g's own command.
_PRINT_PACKAGE = """
import hashlib, importlib.util, json, os, sys
del sys.path[0]
try:
    try:
        from importlib.metadata import version
    except ImportError:
        from pkg_resources import get_distribution
        version = lambda name: get_distribution(name).version
    number = version("m2g")
except Exception:
    number = None
try:
    (folder,) = importlib.util.find_spec("m2g").submodule_search_locations
    paths = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names if name.endswith(".py")]
    contents = {os.path.relpath(path, folder).replace(os.sep, "/"): open(path, "rb").read() for path in paths}
    digest = hashlib.sha256()
    for path in sorted(contents):
        digest.update(path.encode() + b"\\0" + contents[path] + b"\\0")
    sha256 = digest.hexdigest() if contents else None
except Exception:
    sha256 = None
print()
print(json.dumps([number, sha256]))
"""


@dataclass(frozen=True)
class M2gPackage:
    """What is known of the package m2g that a job runs.

    Attributes
    ----------
    version
        None where unknown. Several programs call themselves m2g 0.3.0.
    sha256
        SHA-256 over its `*.py` files: the path in the package, a zero byte, the content and a zero byte of each, in the
        order of the paths. Hexadecimal; None where unknown.
    """

    version: str | None = None
    sha256: str | None = None


def find(command: str, variables: Mapping[str, str]) -> M2gPackage:
    """Look at the m2g package that a command belongs to.

    Parameters
    ----------
    command
        The program that starts m2g.
    variables
        The environment that m2g runs in.

    Returns
    -------
    M2gPackage
        It knows nothing where the command is not a Python script, or its Python has no such package: no scan fails for
        a version.
    """
    path = shutil.which(command, path=variables.get("PATH"))
    interpreter = _interpreter(path) if path else []
    if not interpreter:
        return M2gPackage()
    try:
        completed = subprocess.run(
            [*interpreter, "-c", _PRINT_PACKAGE],
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_SECONDS,
            check=True,
        )
        version, sha256 = json.loads(completed.stdout.decode("utf-8").splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, TypeError, IndexError):
        return M2gPackage()
    return M2gPackage(
        version=version if re.match(r"^[0-9][0-9A-Za-z.+!-]*$", str(version)) else None,
        sha256=sha256 if re.match(r"^[0-9a-f]{64}$", str(sha256)) else None,
    )


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

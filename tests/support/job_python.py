"""The Python of m2g's image, where this machine has one."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess


def find_python37() -> str | None:
    """A Python 3.7 that starts: on PATH, or among pyenv's."""
    pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    for candidate in [shutil.which("python3.7"), *sorted(glob.glob(f"{pyenv}/versions/3.7*/bin/python3.7"))]:
        if candidate:
            completed = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
            if completed.returncode == 0 and completed.stdout.startswith("Python 3.7"):
                return candidate
    return None

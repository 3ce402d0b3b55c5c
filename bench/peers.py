"""The tools that opsctl is measured against, in a virtual environment of their own."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_PINS = Path(__file__).with_name("peers.txt")
_FOLDER = _ROOT / ".venv-peers"

#: The note on a row that lacks the other tool's figure.
UNAVAILABLE = "the other tool could not be installed"


def install() -> None:
    """Install what `peers.txt` pins; where the package index cannot be reached, print a warning and go on."""
    stamp = _FOLDER / "installed"
    digest = hashlib.sha256(_PINS.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return
    venv.create(_FOLDER, with_pip=True, clear=True)
    command = [str(_FOLDER / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*command, "-r", str(_PINS)], check=False).returncode == 0:
        stamp.write_text(digest)
    else:
        print(f"{UNAVAILABLE}: those rows are measured without it.", file=sys.stderr)


def path(program: str) -> Path | None:
    """A program of the environment, or None where it could not be installed."""
    executable = _FOLDER / "bin" / program
    return executable if executable.is_file() and (_FOLDER / "installed").is_file() else None

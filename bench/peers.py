"""Other people's tools, in an environment of their own: nothing of opsctl's depends on them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_PINS = Path(__file__).with_name("peers.txt")
_FOLDER = _ROOT / ".venv-peers"

#: Why a tool could not be had, said once.
NOT_THERE = "the other tool could not be installed"


def install() -> None:
    """Make the environment as `peers.txt` wants it; without the package index it stays as it is, or is not there."""
    stamp = _FOLDER / "installed"
    wanted = hashlib.sha256(_PINS.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    venv.create(_FOLDER, with_pip=True, clear=True)
    command = [str(_FOLDER / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*command, "-r", str(_PINS)], check=False).returncode == 0:
        stamp.write_text(wanted)
    else:
        print(f"{NOT_THERE}: those rows are measured without it.", file=sys.stderr)


def path(program: str) -> Path | None:
    """A program of the environment, or None where it could not be had."""
    return found if (found := _FOLDER / "bin" / program).is_file() and (_FOLDER / "installed").is_file() else None

"""Recorded screens: a text file for each, compared whole, so that rewording a message costs one command.

`OPSCTL_KEEP_SCREENS=1 .venv/bin/pytest tests/render tests/terminal` records every screen again; `git diff` then shows
what users see differently.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

from support.repository import ROOT

SCREENS = ROOT / "tests" / "render" / "screens"
#: Read on import: the tests' own environment has no OPSCTL_ variables.
_IS_RECORDING = os.environ.get("OPSCTL_KEEP_SCREENS") == "1"


def golden(name: str, out: str, err: str = "") -> None:
    """Compare what a renderer printed with `tests/render/screens/NAME.txt`.

    Parameters
    ----------
    name
        `VERB.CASE`.
    out, err
        Standard output and standard error, or all that was printed on a terminal.
    """
    compare(SCREENS / f"{name}.txt", f"{out}--- standard error ---\n{err}" if err else out)


def compare(file: Path, text: str) -> None:
    """Compare a text with the recorded one, or record it."""
    if _IS_RECORDING:
        file.write_bytes(text.encode())
    recorded = file.read_bytes().decode() if file.exists() else ""
    if text != recorded:
        diff = difflib.unified_diff(recorded.splitlines(), text.splitlines(), "recorded", "now", lineterm="")
        pytest.fail("\n".join([f"{file.name} differs (OPSCTL_KEEP_SCREENS=1 records it again):", *diff]), pytrace=False)

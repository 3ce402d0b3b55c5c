"""A command that is typed in this process, so that it costs no start of Python."""

from __future__ import annotations

import gc
import io
import os
import sys
import time
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest

from opsctl.__main__ import main


@dataclass(frozen=True)
class Typed:
    """What a command gave."""

    code: int
    text: str
    seconds: float


def typed(*arguments: str, folder: Path, environment: Mapping[str, str]) -> Typed:
    """Type a command in a folder, with a shell's environment."""
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    began = time.monotonic()
    with (
        patch.dict(os.environ, {**environment, "COLUMNS": "200", "TERM": "dumb"}, clear=True),
        patch.object(sys, "argv", ["opsctl", *arguments]),
        chdir(folder),
        redirect_stdout(printed),
        redirect_stderr(printed),
        pytest.raises(SystemExit) as end,
    ):
        main()
    # A process that ends closes its files.
    gc.collect()
    printed.seek(0)
    return Typed(int(end.value.code or 0), printed.read(), time.monotonic() - began)

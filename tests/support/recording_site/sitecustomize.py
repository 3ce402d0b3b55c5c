"""Imported by every Python that starts with this folder on its PYTHONPATH: the local server becomes a recording one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.orig_argv[1:3] == ["-m", "opsctl.local.server"]:
    # The process keeps its id, by which whoever started it knows it.
    program = str(Path(__file__).with_name("recording_server.py"))
    os.execv(sys.executable, [sys.executable, program, *sys.orig_argv[3:]])

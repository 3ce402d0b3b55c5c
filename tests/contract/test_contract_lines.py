"""A line of m2g is one event in CloudWatch, which has a longest length: the runner cuts longer ones."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from m2g_job import m2g
from m2g_job.log import Log
from m2g_job.stop import StopRequest

from opsctl.local.jobs.log_lines import MAX_LINE_BYTES

COUNT = 10_000_000


def test_the_runner_cuts_a_line_before_cloudwatch_would_split_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"print('x' * {COUNT}, flush=True); print('the next line')"]
    with (tmp_path / "log").open("wb") as stream:
        ended = m2g.run(
            command,
            log=Log(stream),
            log_path=str(tmp_path / "m2g.log"),
            stop=StopRequest(),
            variables={"PATH": os.environ["PATH"]},
        )
    assert ended.exit_code == 0
    lines = (tmp_path / "log").read_bytes().splitlines()
    assert lines == [b"x" * 65_536 + b"... cut, 9,934,464 more bytes", b"the next line"]
    assert len(lines[0]) < MAX_LINE_BYTES
    assert sum(map(len, ended.tail)) < 5_000

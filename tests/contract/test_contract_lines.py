"""A line of m2g is one event in CloudWatch, which has a longest length; the local platform splits at the same."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from m2g_job import m2g
from m2g_job.log import Log
from m2g_job.stop import StopRequest

from opsctl.local.jobs.log_lines import MAX_LINE_BYTES

COUNT = 3 * MAX_LINE_BYTES


def test_the_runner_splits_a_line_before_cloudwatch_would(tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"import sys; sys.stdout.write('x' * {COUNT})"]
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
    assert sum(line.count(b"x") for line in lines) == COUNT
    assert max(map(len, lines)) < MAX_LINE_BYTES

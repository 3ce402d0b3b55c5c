"""What a command line that cannot be read is told: what is wrong, and what was probably meant."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

Opsctl = Callable[..., Any]

WRONG = [
    ("results out --atlas AAL", "opsctl results has no option --atlas. Did you mean --parcellation?"),
    ("results out --subject 01", "opsctl results has no option --subject. Did you mean --participant-label?"),
    ("results --output x", "Type DEST without an option: `opsctl results DEST`."),
    ("report --output x", "Type FILE without an option: `opsctl report FILE`."),
    ("cancel --scan sub-01", "Type SCAN without an option: `opsctl cancel SCAN`."),
    ("run --dataset HNU1", "Type DATASET without an option: `opsctl run DATASET`."),
    ("audit HNU1 --sp native", "opsctl audit has no option --sp. Did you mean --modif?"),
    ("status --follow", "Did you mean --watch?"),
    ("run HNU1 --seed 3", "opsctl run has no option --seed. Did you mean --seeds?"),
    ("check HNU1 --frobnicate", "opsctl check has no option --frobnicate."),
    (
        "status HNU1",
        "opsctl status takes no argument, not 'HNU1'. Name a run with --run; `opsctl runs` lists the runs.",
    ),
    ("run HNU1 sub-01", "takes only DATASET, not 'sub-01'. Choose scans with --participant-label or --scan."),
    ("parcellations AAL", "opsctl parcellations takes no argument, not 'AAL'."),
    (
        "delete HNU1",
        "There is no command 'delete HNU1'. There are delete dataset, delete outputs and delete run.",
    ),
    ("logs --tail x", "Invalid value for '--tail' / '-n': 'x' is not a whole number."),
    ("run HNU1 --seeds 0", "Invalid value for '--seeds': 0 is too small: it must be at least 1."),
    ("run HNU1 --tr x", "Invalid value for '--tr': 'x' is not a number."),
    ("upload", "Missing argument 'DIR'."),
]


@pytest.mark.parametrize(("typed", "told"), WRONG, ids=[typed for typed, _ in WRONG])
def test_a_wrong_command_line_is_told_what_was_meant(opsctl: Opsctl, typed: str, told: str) -> None:
    said = opsctl(*typed.split())
    assert said.code == 2
    (error,) = [line for line in said.err.splitlines() if line.startswith("Error: ")]
    assert error.endswith(told), error
    assert error.count(told) == 1


def test_what_is_suggested_exists(opsctl: Opsctl) -> None:
    for typed, told in WRONG:
        for option in re.findall(r"(--[a-z-]+)(?: or | with |\?|;|,|\.)", told.partition(". ")[2]):
            assert option in opsctl(typed.split()[0], "--help").out, (typed, option)


def test_a_terminal_shows_whole_words() -> None:
    terminal, behind = pty.openpty()
    command = [sys.executable, "-m", "opsctl", "results", "out", "--kind", "foo"]
    # A pseudo-terminal without a size has 80 columns by this variable.
    process = subprocess.run(command, stderr=behind, env={**os.environ, "COLUMNS": "60"}, check=False, timeout=60)
    shown = os.read(terminal, 4096).decode()
    os.close(behind)
    os.close(terminal)
    assert process.returncode == 2
    assert max(map(len, shown.splitlines())) <= 60
    assert "'absolute-correlation'" in shown

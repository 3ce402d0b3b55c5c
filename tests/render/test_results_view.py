"""The files that `results` fetched, on a terminal and in a pipe."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.windows import plain, terminal

from opsctl.render.results import show_files
from opsctl.render.screen import Screen

FOLDER = Path("results")
PLACES = [f"sub-1/{number}_connectome.csv" for number in range(45)]
FILES = [FOLDER / place for place in PLACES]
TABLE = Path("results/connectomes.tsv")


def test_a_pipe_gets_every_path(capsys: pytest.CaptureFixture[str]) -> None:
    show_files(Screen(), FOLDER, PLACES, table=TABLE)
    out, err = capsys.readouterr()
    assert out.splitlines() == [str(file) for file in FILES]
    assert err == ""


def test_a_terminal_gets_some_and_where_the_others_are() -> None:
    screen, window = terminal(80)
    show_files(screen, FOLDER, PLACES, table=TABLE)
    lines = plain(window.getvalue()).splitlines()
    assert lines == [*(str(file) for file in FILES[:8]), "and 37 files more: results/connectomes.tsv lists them"]

"""The same verbs in a pipe, without colours, without UTF-8: only text, and the verdict by the exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.small_platform import SmallPlatform
from support.waiting import until
from terminals import Terminals

#: Verbs that print data, and how they end after a run with a failed scan.
DATA = [
    (("check", "HNU1"), 1),
    (("status",), 0),
    (("status", "--json"), 0),
    (("why",), 0),
    (("audit", "HNU1"), 1),
    (("results", "home"), 0),
    (("report", "report.html"), 0),
    (("run", "HNU1", "--dry-run", "--only", "all"), 0),
]


def ended(small: SmallPlatform, folder: Path, words: tuple[str, ...], **variables: str) -> tuple[int, str, str]:
    """One command, its output read whole; nobody is there to answer."""
    done = subprocess.run(
        [sys.executable, "-m", "opsctl", *words],
        env={**small.environment, **variables},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module")
def ran(small: SmallPlatform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is over; give a folder."""
    folder = tmp_path_factory.mktemp("piped")
    assert ended(small, folder, ("run", "HNU1", "--yes"))[0] == 0
    code, out, err = ended(small, folder, ("status", "--watch"))
    assert code == 1
    assert "\x1b" not in out + err
    assert [line for line in out.splitlines() if line.startswith("sub-03/ses-1: bval and bvec differ")]
    return folder


def unread(small: SmallPlatform, folder: Path, words: tuple[str, ...]) -> tuple[int, str]:
    """Exit code and words of a verb whose reader has gone before it begins."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "opsctl", *words],
            env=small.environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(writing)
    return done.returncode, done.stderr


def test_a_pipe_that_breaks_changes_no_verdict(small: SmallPlatform, ran: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda case: unread(small, ran, case[0]), DATA))
    assert [(words, code) for (words, _), (code, _) in zip(DATA, said, strict=True)] == DATA
    for _, err in said:
        assert "Broken pipe" not in err
        assert "Traceback" not in err
        assert "bug" not in err


def test_without_utf_8_everything_is_ascii(small: SmallPlatform, ran: Path) -> None:
    cases = [(("status",), 0), (("audit", "HNU1"), 1), (("why",), 0), (("logs",), 0)]
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda case: ended(small, ran, case[0], LC_ALL="C"), cases))
    assert [(words, code) for (words, _), (code, *_) in zip(cases, said, strict=True)] == cases
    for _, out, err in said:
        assert (out + err).isascii()
    assert "  -> `opsctl check HNU1`" in said[0][1]


@pytest.mark.parametrize(
    ("words", "variables"),
    [((), {"NO_COLOR": "1"}), ((), {"TERM": "dumb"}), (("--no-color",), {})],
    ids=["NO_COLOR", "dumb", "option"],
)
def test_no_colour_and_nothing_drawn_over(
    terminals: Terminals, ran: Path, words: tuple[str, ...], variables: dict[str, str]
) -> None:
    shows = terminals.open("status", "--watch", *words, columns=40, folder=ran, **variables)
    assert shows.end() in (0, 1)
    # Bold and dim are no colours; but nothing moves, and nothing is hidden.
    assert re.findall(rb"\x1b\[(?![012]?m)[^m]*[a-zA-Z]|\x1b\[[0-9;]*[349]\dm", shows.raw) == []
    assert max(map(len, shows.window.text.splitlines())) <= 40
    assert "2 done, 1 failed" in shows.window.text


@pytest.mark.parametrize("verb", ["", "run"])
def test_help_fits_a_narrow_window(terminals: Terminals, verb: str) -> None:
    shows = terminals.open(*filter(None, [verb]), "--help", columns=40)
    assert shows.end() == 0
    page = shows.raw.decode().replace("\r", "").splitlines()
    assert [line for line in page if len(line) > 40 and len(line.split()) > 2] == []
    assert all(line.isascii() for line in page)


def test_a_follower_that_nobody_reads_ends(small: SmallPlatform, ran: Path) -> None:
    small.gate.unlink()
    try:
        assert ended(small, ran, ("run", "HNU1", "--modif", "unread", "--first", "1", "--yes"))[0] == 0
        for words in (("status", "--watch"), ("logs", "--follow")):
            assert "Traceback" not in unread(small, ran, words)[1]
    finally:
        small.gate.touch()
    until(lambda: ended(small, ran, ("status", "--wait"))[0] == 0)

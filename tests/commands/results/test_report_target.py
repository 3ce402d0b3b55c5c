"""`report`: where it writes, and what it never overwrites."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from support.results_world import RUN, World

from opsctl.commands.results.report import MARK, ReportSubject, target_of, write
from opsctl.core.errors import Problem


def test_the_report_goes_where_it_was_told(world: World, tmp_path: Path) -> None:
    name = ReportSubject(run=world.records.run(RUN)).file_name
    assert target_of(None, name, folder=tmp_path) == tmp_path / f"{RUN}.html"
    assert target_of(tmp_path, name, folder=Path("/nowhere")) == tmp_path / f"{RUN}.html"
    assert target_of(tmp_path / "a.html", name, folder=Path("/nowhere")) == tmp_path / "a.html"


def test_only_a_report_is_replaced(world: World, tmp_path: Path) -> None:
    run = ReportSubject(run=world.records.run(RUN)).file_name
    target = tmp_path / "thesis.html"
    target.write_text("<html>mine")
    with pytest.raises(Problem, match=r"thesis\.html is there already and is no report") as caught:
        target_of(target, run, folder=tmp_path)
    assert caught.value.hint == "Name another file."
    target.write_text(f"<!doctype html>{MARK}")
    assert target_of(target, run, folder=tmp_path) == target
    assert write(["<new>", "ü\udcff"], target) == target.stat().st_size
    assert target.read_text() == "<new>ü?"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("planted", ["pipe", "folder", "link", "link to a report", "second name", "late"])
def test_what_is_in_a_reports_place_stays(world: World, tmp_path: Path, planted: str) -> None:
    target, victim = tmp_path / "a.html", tmp_path / "victim"
    victim.write_text(MARK if planted == "link to a report" else "kept")
    if planted == "pipe":
        os.mkfifo(target)
    elif planted == "folder":
        (target / f"{RUN}.html").mkdir(parents=True)
    elif planted == "second name":
        os.link(victim, target)
    elif planted != "late":
        target.symlink_to(victim)
    before = (victim.read_text(), planted != "late" and target.lstat())
    if planted == "late":
        assert target_of(target, f"{RUN}.html", folder=tmp_path) == target
        target.write_text("kept")
    else:
        with pytest.raises(Problem) as caught:
            target_of(target, f"{RUN}.html", folder=tmp_path)
        assert caught.value.hint == "Name another file."
    with pytest.raises(Problem):
        write(["page"], target)
    assert victim.read_text() == before[0]
    assert target.read_text() == "kept" if planted == "late" else os.path.samestat(target.lstat(), before[1])  # type: ignore[arg-type]
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"cannot be written \(No such file or directory\)"):
        write(["page"], tmp_path / "none" / "a.html")

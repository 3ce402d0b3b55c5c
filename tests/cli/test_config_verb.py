"""`opsctl config`, and what a broken configuration does to every verb."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main

from opsctl.cli import app
from opsctl.real_runs import NOT_REPORTED

Opsctl = Callable[..., Any]

#: These explain what is wrong.
NOT_STOPPED = {"config", "doctor"}
GROUP: Any = typer.main.get_command(app)
#: Of two words: `image build`.
VERBS: dict[str, Any] = {
    words: verb
    for first, one in GROUP.commands.items()
    for words, verb in (
        [(f"{first} {second}", two) for second, two in one.commands.items()]
        if hasattr(one, "commands")
        else [(first, one)]
    )
}
STOPPED = sorted(set(VERBS) - NOT_STOPPED)

FOLDER = """\
platform = "lab"
[datasets]
HNU1 = "s3://fcp-indi/data/HNU1"

[m2g]
seeds = 5
parcellation = ["AAL_", "Desikan"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    study = tmp_path / "study"
    study.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OPSCTL_CONFIG", str(tmp_path / "user.toml"))
    (tmp_path / "user.toml").write_text("\n\nm2g.seeds = 7\n")
    (study / "opsctl.toml").write_text(FOLDER)
    monkeypatch.chdir(study)
    return study


def example(verb: str) -> list[str]:
    """The command line that the verb's help ends with."""
    (line,) = [line for line in VERBS[verb].help.splitlines() if "Example: " in line]
    words: list[str] = line.partition("opsctl ")[2].replace("'", "").split()
    return words


def test_each_value_and_where_it_came_from(folder: Path, opsctl: Opsctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCTL_SPACE", "native_dsn")
    said = opsctl("config")
    assert said.code == 0
    rows = {
        line.split("  ")[0]: [cell.strip() for cell in line.split("  ")[1:] if cell] for line in said.out.splitlines()
    }
    assert rows["platform"] == ["lab", "opsctl.toml:1"]
    assert rows["datasets.HNU1"] == ["s3://fcp-indi/data/HNU1", "opsctl.toml:3"]
    assert rows["m2g.parcellation"] == ["AAL_, Desikan", "opsctl.toml:7"]
    assert rows["m2g.seeds"] == ["7", "~/user.toml:3 (over opsctl.toml:6)"]
    assert rows["m2g.space"] == ["native_dsn", "OPSCTL_SPACE"]
    assert rows["m2g.mod"] == ["det", "default"]
    assert rows["m2g.tr"] == ["–", "default: from the data"]
    assert rows["region"] == ["–", "default: your AWS configuration's"]
    assert "this folder's: opsctl.toml\n" in said.err
    assert "yours: ~/user.toml\n" in said.err


def test_as_json(folder: Path, opsctl: Opsctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCTL_SEEDS", "9")
    said = opsctl("config", "--json")
    found = json.loads(said.out)
    own = str(folder.parent / "user.toml")
    (seeds,) = [one for one in found["values"] if one["key"] == "m2g.seeds"]
    assert (said.code, found["schema_version"], found["problems"], found["doubts"]) == (0, 1, [], [])
    assert seeds == {
        "key": "m2g.seeds",
        "value": 9,
        "source": {"layer": "variable", "name": "OPSCTL_SEEDS", "line": None},
        "hides": [
            {"value": 7, "source": {"layer": "user", "name": own, "line": 3}},
            {"value": 5, "source": {"layer": "folder", "name": str(folder / "opsctl.toml"), "line": 6}},
        ],
    }
    assert [(one["layer"], one["exists"]) for one in found["files"]] == [("folder", True), ("user", True)]


def test_a_broken_file_is_shown_whole_with_what_can_be_read(folder: Path, opsctl: Opsctl) -> None:
    (folder / "opsctl.toml").write_text("regoin = 'x'\nmemory = 2048\n[m2g]\nseeds = 'many'\n")
    said = opsctl("config")
    assert said.code == 1
    assert "2048" in said.out
    assert f"{folder}/opsctl.toml:1: regoin is no key of opsctl's. Did you mean region?" in said.err
    assert f"{folder}/opsctl.toml:4: m2g.seeds must be a whole number, not text." in said.err
    as_json = opsctl("config", "--json")
    assert as_json.code == 1
    assert len(json.loads(as_json.out)["problems"]) == 2


@pytest.mark.parametrize("verb", STOPPED)
def test_a_broken_file_ends_every_other_verb(folder: Path, opsctl: Opsctl, verb: str) -> None:
    (folder / "opsctl.toml").write_text('\nplatform = "lab\n')
    said = opsctl(*example(verb))
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"{folder}/opsctl.toml:2: this is not TOML: ")
    assert said.err.count("\n") == 1
    assert list(folder.iterdir()) == [folder / "opsctl.toml"]


@pytest.mark.parametrize("verb", ["run", "status"])
def test_a_broken_variable_ends_them_too(
    folder: Path, opsctl: Opsctl, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSCTL_SEEDS", "many")
    said = opsctl(*example(verb))
    assert (said.code, said.err) == (1, "OPSCTL_SEEDS: m2g.seeds must be a whole number, not text.\n")


@pytest.mark.parametrize("words", [["--help"], ["--version"], *([verb, "--help"] for verb in sorted(GROUP.commands))])
def test_help_and_version_work_all_the_same(folder: Path, opsctl: Opsctl, words: list[str]) -> None:
    (folder / "opsctl.toml").write_text('\nplatform = "lab\n')
    said = opsctl(*words)
    note = f"{NOT_REPORTED}\n" if words == ["--version"] else ""
    assert (said.code, said.err) == (0, note)
    assert said.out


def test_help_shows_what_is_configured(folder: Path, opsctl: Opsctl) -> None:
    page = " ".join(opsctl("run", "--help").out.split())
    assert "[default: 7; x>=1]" in page
    assert "[default: AAL_, Desikan]" in page


def test_a_variable_that_nothing_reads_is_told_before_anyone_pays(
    folder: Path, opsctl: Opsctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSCTL_SPAEC", "native_dsn")
    words = "! OPSCTL_SPAEC is no variable of opsctl's. Did you mean OPSCTL_SPACE?\n"
    assert words in opsctl("config").err
    assert words in opsctl("run", "HNU1").err


def test_a_working_folder_that_is_gone_is_no_reason_to_fail(tmp_path: Path) -> None:
    code = """
import os, sys
os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
sys.argv = ["opsctl", "config"]
from opsctl.__main__ import main
main()
"""
    environment = {**os.environ, "OPSCTL_CONFIG": "/dev/null", "OPSCTL_HOME": str(tmp_path / "home")}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, "\nyours: /dev/null\n")
    assert "m2g.seeds" in ended.stdout

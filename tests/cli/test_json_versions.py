"""Every JSON document has a `schema_version`: of verbs that can be typed here, and by construction of the others."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from support.commands import commands
from support.history_world import HistoryWorld
from support.repository import ROOT
from support.typed_opsctl import TypedOpsctl

#: The only modules that turn a value into JSON text: the screen, a value of a setting, an error, and a file in the form
#: of another standard (CycloneDX), which has a version of its own.
MAKE_JSON = {
    *("opsctl/render/screen.py", "opsctl/render/config.py", "opsctl/boundary.py"),
    "opsctl/commands/image/sbom.py",
}

TYPED = [
    *(["status"], ["cost"], ["cost", "--all"], ["why"], ["runs"], ["audit", "HNU1"], ["datasets"]),
    *(
        ["scans", "HNU1"],
        ["simulate", "--scans", "3"],
        ["parcellations"],
        ["config"],
        ["platforms"],
        ["cancel", "--yes"],
    ),
]


@pytest.fixture
def opsctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> TypedOpsctl:
    world = HistoryWorld(tmp_path / "home", "sub-01", "sub-02")
    assert world.submit() is not None
    first, second = world.history.jobs
    for job, how in ((first, "done"), (second, "m2g failed")):
        world.start(job)
        world.pass_time(timedelta(minutes=30))
        world.end(job, how)
    return TypedOpsctl(world, monkeypatch, capsys)


@pytest.mark.parametrize("words", TYPED, ids=" ".join)
def test_a_document_has_a_version(opsctl: TypedOpsctl, words: list[str]) -> None:
    said = opsctl(*words, "--json")
    document = json.loads(said.out)
    assert isinstance(document.get("schema_version"), int), said
    assert "error" not in document, said


def test_every_document_passes_the_screen_which_adds_the_version() -> None:
    modules = [path for folder in ("cli", "render", "commands") for path in (ROOT / "opsctl" / folder).rglob("*.py")]
    modules += [ROOT / "opsctl" / "__main__.py"]
    writing = {
        str(path.relative_to(ROOT))
        for path in modules
        if "json.dumps(" in path.read_text() and "stdout" in path.read_text()
    }
    assert writing <= MAKE_JSON
    # And whoever prints otherwise prints no JSON.
    others = [path for path in (ROOT / "opsctl" / "cli").rglob("*.py") if "json.dumps(" in path.read_text()]
    assert others == []


def test_verbs_that_show_something_have_json() -> None:
    without = {name for name, command in commands().items() if not any("--json" in p.opts for p in command.params)}
    assert without == {("sample",), ("up",)}

"""The page of the JSON documents has the fields that the program prints, of every command that has `--json`."""

from __future__ import annotations

import json
import shlex
from datetime import timedelta
from pathlib import Path

import pytest
from json_documents import ELSEWHERE, page
from support.commands import commands
from support.golden import compare
from support.graph_examples import example_weights
from support.history_world import HistoryWorld
from support.repository import ROOT
from support.results_folder import write_results
from support.typed_opsctl import TypedOpsctl

TYPED = (
    *("status", "status --scan sub-01", "runs", "why", "cost", "cost --by-scan", "cost --all", "size", "audit HNU1"),
    *("datasets", "scans HNU1", "check HNU1", "run HNU1 --dry-run", "simulate --scans 20", "parcellations"),
    *("platforms", "config", "upload ./HNU1 --dry-run", "results ./results", "report ./report.html"),
    *("reliability ./first", "compare ./first ./second", "cancel --yes"),
)


def test_the_page_has_every_field_that_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = HistoryWorld(tmp_path / "home", "sub-01", "sub-02", "sub-03", "sub-04")
    assert world.submit() is not None
    first, second, third, fourth = world.history.jobs
    for job, how in ((first, "done"), (second, "m2g failed"), (fourth, "m2g failed")):
        world.start(job)
        world.pass_time(timedelta(minutes=30))
        world.end(job, how)
    world.start(third)
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("first", "second")):
        write_results(tmp_path / name, example_weights(4, 2, 8, noise=0.8 + number, seed=number))
    for name in ("dataset_description.json", "sub-01/anat/sub-01_T1w.nii.gz", "sub-01/dwi/sub-01_dwi.nii.gz"):
        (tmp_path / "HNU1" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "HNU1" / name).write_text('{"Name": "HNU1", "BIDSVersion": "1.8.0"}')
    opsctl = TypedOpsctl(world, monkeypatch, capsys)
    documents = {}
    for command in TYPED:
        said = opsctl(*shlex.split(command), "--json")
        document = json.loads(said.out)
        # `results` has the field, too: what became of the files that did not arrive.
        assert document.get("error") is None, said
        documents[f"opsctl {command}"] = document
    compare(ROOT / "docs/reference/json-documents.md", page(documents))


def test_every_command_with_json_is_on_the_page_or_the_page_says_why_not() -> None:
    with_json = {
        " ".join(name) for name, command in commands().items() if any("--json" in p.opts for p in command.params)
    }
    shown = {name for name in with_json if any(f"{command} ".startswith(f"{name} ") for command in TYPED)}
    assert with_json - shown == set(ELSEWHERE)

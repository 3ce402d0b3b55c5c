"""The page of the JSON documents has the fields that the program prints."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from json_documents import page
from support.golden import compare
from support.history_world import HistoryWorld
from support.repository import ROOT
from support.typed_opsctl import TypedOpsctl

TYPED = (
    *("status", "status --scan sub-01", "runs", "why", "cost", "cost --by-scan", "cost --all", "audit HNU1"),
    *("datasets", "scans HNU1", "run HNU1 --dry-run", "simulate --scans 20", "parcellations", "platforms", "config"),
    *("size", "size --instances"),
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
    opsctl = TypedOpsctl(world, monkeypatch, capsys)
    documents = {}
    for command in TYPED:
        said = opsctl(*command.split(), "--json")
        assert "error" not in json.loads(said.out), said
        documents[f"opsctl {command}"] = json.loads(said.out)
    compare(ROOT / "docs/reference/json-documents.md", page(documents))

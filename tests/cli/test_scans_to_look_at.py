"""A scan that is done and needs a look: every verb that shows it says so, and what they suggest works."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.batch_world import RATES, BatchWorld, Child
from support.moto_s3 import s3, s3_client, storage, whole_storage  # noqa: F401 fixtures
from support.run_world import PLATFORM, RunWorld, put_dataset
from support.stored_json import stored_json

from opsctl.aws.s3.storage import Storage
from opsctl.home import Home

Opsctl = Callable[..., Any]

ATLAS = "Desikan_space-MNI152NLin6_res-2x2x2"
SENTENCE = "The scan has no voxel of 9 of 70 regions of Desikan. Look at the picture of the skull strip first."
LINE = "1 scan is done, look at it: regions lost (1)"


@pytest.fixture
def run_id(storage: Storage, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:  # noqa: F811
    """A run of two done scans; the second has lost regions."""
    put_dataset(storage.client, "sub-01", "sub-02")
    world = RunWorld(storage, home)
    run_id = world.run().run_id
    world.finish(run_id, 0, 1)
    key = f"opsctl/runs/{run_id}/results/00001.json"
    result = stored_json(storage, key)
    assert result is not None
    warning = {"code": "regions_lost", "atlas": ATLAS, "text": SENTENCE}
    storage.put_json("data", key, {**result, "warnings": [warning]})
    Home(home).keep(PLATFORM)
    batch = BatchWorld({"job-0": [Child("SUCCEEDED", exit_code=0), Child("SUCCEEDED", exit_code=0)]})
    monkeypatch.setattr("opsctl.cli.context.storage_of", lambda _: storage)
    monkeypatch.setattr("opsctl.cli.context.batch_of", lambda _: batch.adapter)
    monkeypatch.setattr("opsctl.aws.pricing.rates", lambda *_, **__: RATES)
    return run_id


def advised(text: str) -> list[list[str]]:
    """The commands between backticks in the lines about the warning."""
    return [command.split()[1:] for command in re.findall(r"`(opsctl [^`]+)`", " ".join(text.split()))]


def test_status_counts_it_and_its_advice_works(
    run_id: str, opsctl: Opsctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = opsctl("status")
    assert (shown.code, LINE in shown.out) == (0, True), shown.err
    commands = advised(shown.out)
    assert commands == [["report", "--run", run_id], ["status", "--scan", "sub-02", "--run", run_id]]
    said = [opsctl(*words) for words in commands]
    assert [one.code for one in said] == [0, 0]
    assert SENTENCE in (tmp_path / f"{run_id}.html").read_text()
    assert SENTENCE in " ".join(said[1].out.split())
    assert "look at" not in opsctl("status", "--scan", "sub-01").out


def test_results_end_with_it(run_id: str, opsctl: Opsctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words in ((), ("--run", run_id)):
        said = opsctl("results", "there", *words)
        err = " ".join(said.err.split())
        assert (said.code, LINE in err) == (0, True), said.err
        assert advised(err) == [["report", *words]]
        assert opsctl(*advised(err)[0]).code == 0
    assert (tmp_path / "there/nodes/README.md").exists()
    value = json.loads(opsctl("results", "there", "--json").out)
    assert value["warnings"] == [{"scan": "sub-02", "code": "regions_lost", "atlas": ATLAS, "text": SENTENCE}]


def test_results_name_a_file_that_is_in_the_way(
    run_id: str, opsctl: Opsctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "there/sub-01/connectomes_d/one_connectome.csv"
    own.parent.mkdir(parents=True)
    own.write_text("my own")
    said = opsctl("results", "there", "--run", run_id)
    assert (said.code, "there: 1 connectome of 1 scan" in said.out) == (1, True), said.err
    assert "1 file did not come: there/sub-01/connectomes_d/one_connectome.csv cannot be written" in said.err
    # The tables are of what came.
    assert (tmp_path / "there/connectomes.tsv").read_text().count("\n") == 2
    value = json.loads(opsctl("results", "there", "--json").out)
    error = value["error"]
    assert [failed["code"] for failed in value["failed"]] == ["output_in_use"]
    # What came is listed beside what did not.
    assert len(value["connectomes"]) == 1
    assert (error["code"], own.read_text()) == ("output_in_use", "my own")
    own.unlink()
    assert opsctl("results", "there").code == 0

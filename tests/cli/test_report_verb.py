"""`report`: a run or a dataset, opened in a browser, and options that contradict each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.batch_world import RATES, BatchWorld, Child
from support.moto_s3 import s3, s3_client, storage, whole_storage  # noqa: F401 fixtures
from support.run_world import PLATFORM, RunWorld, put_dataset

from opsctl.aws.s3.storage import Storage
from opsctl.home import Home

Opsctl = Callable[..., Any]


@pytest.fixture
def run_id(storage: Storage, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:  # noqa: F811
    """The id of a run of three scans: one is done, one failed, one was cancelled."""
    put_dataset(storage.client, "sub-01", "sub-02", "sub-03")
    world = RunWorld(storage, home)
    run_id = world.run().run_id
    world.finish(run_id, 0)
    failed, cancelled = "Essential container in task exited", "opsctl cancel: by ada"
    jobs = {"job-0": [Child("SUCCEEDED", exit_code=0), Child("FAILED", failed), Child("FAILED", cancelled)]}
    batch = BatchWorld(jobs, job_names={"job-0": f"{run_id}-00"})
    Home(home).keep(PLATFORM)
    monkeypatch.setattr("opsctl.cli.context.storage_of", lambda _: storage)
    monkeypatch.setattr("opsctl.cli.context.batch_of", lambda _: batch.adapter)
    monkeypatch.setattr("opsctl.aws.pricing.rates", lambda *_, **__: RATES)
    return run_id


def test_a_report_is_opened_in_the_browser(
    run_id: str, opsctl: Opsctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", str(browser))
    said = opsctl("report", str(tmp_path / "a.html"))
    assert (said.code, opened.exists()) == (0, False), said.err
    said = opsctl("report", str(tmp_path / "a.html"), "--open", "--run", run_id)
    assert (said.code, said.out.strip()) == (0, str(tmp_path / "a.html")), said.err
    assert opened.read_text().strip() == (tmp_path / "a.html").as_uri()


def test_a_report_of_a_dataset_is_named_after_it(run_id: str, opsctl: Opsctl, tmp_path: Path) -> None:
    said = opsctl("report", str(tmp_path), "--dataset", "HNU1", "--json")
    assert said.code == 0, said.err
    document = json.loads(said.out)
    assert (document["run_id"], document["schema_version"]) == (None, 1)
    path = Path(document["path"])
    assert path.parent == tmp_path and path.name.startswith("HNU1-m2g-")
    page = path.read_text()
    assert "3: of each the best result over all runs" in page and run_id in page


def test_the_json_counts_scans_in_the_words_of_status(run_id: str, opsctl: Opsctl, tmp_path: Path) -> None:
    report = json.loads(opsctl("report", str(tmp_path), "--run", run_id, "--json").out)
    status = json.loads(opsctl("status", "--run", run_id, "--json").out)
    assert (report["counts"], report["daily_counts"]) == (status["counts"], status["daily_counts"])
    counted = {state: count for state, count in report["daily_counts"].items() if count}
    assert counted == {"done": 1, "failed": 1, "cancelled": 1}


def test_options_that_contradict_each_other_are_refused(opsctl: Opsctl) -> None:
    said = opsctl("report", "--dataset", "HNU1", "--run", "x")
    assert (said.code, "Give one of them." in said.err) == (2, True)
    said = opsctl("report", "--modif", "x")
    assert (said.code, "Give --dataset, or leave --modif out." in said.err) == (2, True)


def test_a_parcellation_that_no_scan_has_is_refused_with_those_that_there_are(
    run_id: str, opsctl: Opsctl, tmp_path: Path
) -> None:
    said = opsctl("report", str(tmp_path), "--run", run_id, "--parcellation", "Atlantis")
    assert said.code == 2 and "No scan has a connectome of the parcellation Atlantis." in said.err
    assert not list(tmp_path.glob("*.html"))

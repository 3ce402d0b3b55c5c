"""Two of each command at once, from one home and from two: the outcome is as if one had come after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from support.small_platform import dataset
from support.waiting import until
from two_machines import Ended, TwoMachines, contents

from opsctl.core.runs.manifest import run_moment
from opsctl.core.selftest.times import TIMES_KEY


@pytest.fixture(autouse=True)
def no_job_is_left(machines: TwoMachines) -> Iterator[None]:
    yield
    machines.platform.finish_jobs()


#: The two scans that can be processed; the third one fails at once.
SOUND = ("--participant-label", "01", "--participant-label", "02", "--yes")


def all_well(outcomes: Sequence[Ended]) -> None:
    assert all(outcome.is_sentence for outcome in outcomes), [outcome.text for outcome in outcomes]


def runs_into(machines: TwoMachines, modif: str) -> list[str]:
    """The runs into an output folder, oldest first."""
    lines = json.loads(machines.run("runs", "--json").text)["runs"]
    return sorted((line["run_id"] for line in lines if line["output"].endswith(f"/{modif}")), key=run_moment)


@pytest.mark.campaign
def test_runs_of_one_dataset_submit_each_scan_once(machines: TwoMachines) -> None:
    machines.platform.gate.unlink()
    command = ("run", "HNU1", "--modif", "both", *SOUND)
    outcomes = machines.together(command, command, command, homes=(machines.lab, machines.laptop))
    assert [outcome.code for outcome in outcomes] == [0, 0, 0], [outcome.text for outcome in outcomes]
    runs = runs_into(machines, "both")
    assert len(runs) == 1
    assert len(machines.jobs(runs[0])) == 1


@pytest.mark.campaign
def test_a_run_and_its_cancellation(machines: TwoMachines) -> None:
    machines.platform.gate.unlink()
    before = set(machines.run_ids())
    started = machines.start("run", "HNU1", "--modif", "cancelled", *SOUND)
    run_id = until(lambda: next(iter(set(machines.run_ids()) - before), None), "the run's record", seconds=60)
    cancels = machines.together(*[("cancel", "--run", run_id, "--yes")] * 2, homes=(machines.lab, machines.laptop))
    all_well([machines.end(started), *cancels])
    # The job may have been submitted after the cancellation: then it writes nothing.
    machines.platform.finish_jobs()
    outputs = machines.platform.s3.list_objects_v2(Bucket="opsctl-data", Prefix="HNU1/derivatives/cancelled/sub-").get(
        "Contents", []
    )
    assert [entry["Key"] for entry in outputs if "connectome" in entry["Key"]] == []
    again = machines.run("run", "HNU1", "--modif", "cancelled", *SOUND)
    assert again.code == 0, again.text
    machines.platform.finish_jobs()
    status = json.loads(machines.run("status", "--json").text)
    assert [scan["state"] for scan in status["scans"]] == ["DONE", "DONE"], status


@pytest.mark.long
def test_results_and_reports_into_one_place(machines: TwoMachines, tmp_path: Path) -> None:
    assert machines.run("run", "HNU1", "--modif", "read", *SOUND).code == 0
    machines.platform.finish_jobs()
    results = machines.together(*[("results", str(tmp_path / "results"))] * 3, homes=(machines.lab, machines.laptop))
    all_well(results)
    assert 0 in [outcome.code for outcome in results], [outcome.text for outcome in results]
    again = machines.run("results", str(tmp_path / "results"))
    assert again.code == 0, again.text
    alone = machines.run("results", str(tmp_path / "alone"))
    assert alone.code == 0
    assert contents(tmp_path / "results") == contents(tmp_path / "alone")
    reports = machines.together(*[("report", str(tmp_path / "report"))] * 2, homes=(machines.lab, machines.laptop))
    all_well(reports)
    assert 0 in [outcome.code for outcome in reports], [outcome.text for outcome in reports]


@pytest.mark.long
def test_uploads_of_one_dataset(machines: TwoMachines, tmp_path: Path) -> None:
    for key, body in dataset("mine").items():
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    command = ("upload", str(tmp_path / "mine"), "--name", "MINE")
    all_well(machines.together(command, command, homes=(machines.lab, machines.laptop)))
    again = machines.run(*command)
    assert again.code == 0, again.text
    assert "0 files sent" in again.text


@pytest.mark.long
def test_ten_readers_of_one_cache(machines: TwoMachines) -> None:
    cache = machines.laptop / "records.sqlite"
    cache.unlink(missing_ok=True)
    outcomes = machines.together(
        *[("status",), ("runs",), ("cost",), ("audit", "HNU1"), ("why",)] * 2, homes=(machines.laptop,)
    )
    all_well(outcomes)
    assert len({outcome.text for outcome in outcomes[1::5]}) == 1


@pytest.mark.campaign
def test_a_run_into_a_new_folder_while_its_dataset_is_deleted(machines: TwoMachines) -> None:
    for key, body in dataset("GONE").items():
        machines.platform.s3.put_object(Bucket="opsctl-data", Key=key, Body=body)
    outcomes = machines.together(
        ("delete", "dataset", "GONE", "--confirm", "GONE"),
        ("run", "GONE", *SOUND),
        homes=(machines.lab, machines.laptop),
    )
    all_well(outcomes)
    assert 0 in [outcome.code for outcome in outcomes]
    machines.platform.finish_jobs()
    # What is left of the dataset after another deletion: nothing.
    machines.run("delete", "dataset", "GONE", "--confirm", "GONE")
    left = machines.platform.s3.list_objects_v2(Bucket="opsctl-data", Prefix="GONE/").get("Contents", [])
    assert left == []


@pytest.mark.campaign
def test_deletions_of_one_dataset(machines: TwoMachines) -> None:
    for key, body in dataset("TWICE").items():
        machines.platform.s3.put_object(Bucket="opsctl-data", Key=key, Body=body)
    before = machines.run("datasets", "--json")
    command = ("delete", "dataset", "TWICE", "--confirm", "TWICE")
    outcomes = machines.together(command, command, homes=(machines.lab, machines.laptop))
    all_well(outcomes)
    assert 0 in [outcome.code for outcome in outcomes], [outcome.text for outcome in outcomes]
    left = machines.platform.s3.list_objects_v2(Bucket="opsctl-data", Prefix="TWICE/").get("Contents", [])
    assert left == []
    after = machines.run("datasets", "--json")
    assert after.code == before.code == 0
    assert set(_names(before)) - {"TWICE"} == set(_names(after))


def _names(datasets: Ended) -> list[str]:
    return [entry["name"] for entry in json.loads(datasets.text)["datasets"]]


@pytest.mark.campaign
def test_selftests_of_one_platform(machines: TwoMachines) -> None:
    def keys() -> set[str]:
        pages = machines.platform.s3.get_paginator("list_objects_v2").paginate(Bucket="opsctl-data")
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}

    before = keys()
    command = ("selftest", "--json")
    outcomes = machines.together(command, command, homes=(machines.lab, machines.laptop))
    all_well(outcomes)
    # Each has removed what it wrote, and nothing that the other one was reading.
    for outcome in outcomes:
        assert '"left": ""' in outcome.text, outcome.text
        assert outcome.text.count('"verdict": "failed"') == outcomes[0].text.count('"verdict": "failed"'), outcome.text
    assert keys() - before <= {TIMES_KEY}, keys() - before

"""`audit`: every scan of a dataset, whatever run it was in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.run_world import MOMENT, PATTERNS, RunWorld, put_dataset

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.audit import Audit, audit
from opsctl.commands.runs.output_runs import runs_of_dataset
from opsctl.core.errors import Problem
from opsctl.core.location import Location

SUBJECTS = ("sub-01", "sub-02/ses-1", "sub-03")
FIRST = "HNU1-20261122-120100-0001"


@pytest.fixture
def world(s3: Any, storage: Storage, tmp_path: Path) -> RunWorld:
    put_dataset(s3, *SUBJECTS)
    return RunWorld(storage, tmp_path)


def audited(world: RunWorld, name: str = "HNU1", output_name: str | None = None) -> Audit:
    return audit(
        Location("data", name),
        output_name=output_name,
        source=world.storage,
        storage=world.storage,
        records=world.records,
        batch=world.batch.adapter(),
        patterns=PATTERNS,
        now=lambda: MOMENT,
    )


def test_over_several_runs(world: RunWorld) -> None:
    world.run(first=2)
    world.finish(FIRST, 0)
    world.finish(FIRST, 1, status="failed")
    world.batch.end("job-0", "SUCCEEDED", "FAILED")
    result = audited(world)
    assert [(row.scan, row.state) for row in result.rows] == [
        ("sub-01", "complete"),
        ("sub-02/ses-1", "failed"),
        ("sub-03", "missing"),
    ]
    assert not result.is_complete
    second = world.run()
    assert audited(world).counts == {"complete": 1, "in flight": 2}
    world.finish(second.run_id, 0, 1)
    world.batch.end("job-1", "SUCCEEDED")
    assert audited(world).is_complete
    value = audited(world).as_json()
    assert value["complete"] is True
    assert json.loads(json.dumps(value)) == value


def test_changed_inputs_and_strange_files_are_seen(world: RunWorld, s3: Any) -> None:
    world.run()
    world.finish(FIRST, 0, 1, 2)
    world.batch.end("job-0", "SUCCEEDED")
    s3.put_object(Bucket="data", Key="HNU1/sub-01/dwi/sub-01_dwi.bval", Body=b"other")
    s3.put_object(Bucket="data", Key="HNU1/derivatives/m2g-csa-native/sub-03/foreign.csv", Body=b"?")
    result = audited(world)
    assert result.counts == {"inputs changed": 1, "complete": 2}
    assert result.rows[0].inputs == "sub-01_dwi.bval has changed"
    assert result.unlisted_files == ("s3://data/HNU1/derivatives/m2g-csa-native/sub-03/foreign.csv",)


def test_what_was_never_run_or_elsewhere_is_told(world: RunWorld) -> None:
    with pytest.raises(Problem, match="Nothing was ever run on s3://data/HNU1"):
        audited(world)
    world.run()
    with pytest.raises(Problem, match="No run of s3://data/HNU1 wrote to quick") as caught:
        audited(world, output_name="quick")
    assert caught.value.hint == "There is: m2g-csa-native."


def test_a_mistyped_dataset_gets_the_names_of_those_that_were_run(world: RunWorld) -> None:
    def hint(name: str) -> str:
        with pytest.raises(Problem) as caught:
            runs_of_dataset(Location("data", name), world.records, source=world.storage)
        assert caught.value.what.startswith(f"Nothing was ever run on s3://data/{name}")
        return caught.value.hint

    assert hint("HNU1") == "`opsctl run HNU1` runs m2g on it."
    assert hint("HNU") == "There is no run of any dataset yet."
    world.run()
    assert hint("HNU") == hint("nothing-like-it") == "There are runs of: HNU1."

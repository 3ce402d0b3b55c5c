"""Altered leases: whoever reads one waits, goes on, or says one sentence; nobody waits for ever, and none is a bug."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.moto_s3 import s3, storage  # noqa: F401 fixtures
from support.record_examples import LEASE
from support.record_mutations import mutations

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.submission_lease import SubmissionLease, leased_outputs
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location
from opsctl.home import Home

DATASET = Location("data", "HNU1")
OUTPUT = Location("data", "HNU1/derivatives/m2g-csa-native")


def wait(_: float) -> None:
    raise TimeoutError


def lease(storage: Storage, home: Path, waits: list[str]) -> SubmissionLease:  # noqa: F811
    return SubmissionLease(
        storage, Home(home), OUTPUT, data_bucket="data", who="ada@lab", on_wait=waits.append, sleep=wait
    )


def test_an_altered_lease_is_waited_for_or_has_ended(storage: Storage, tmp_path: Path) -> None:  # noqa: F811
    waits: list[str] = []
    folder = lease(storage, tmp_path, waits)._folder
    ended = 0
    for number, body in enumerate(mutations(LEASE, seed=17, count=60), start=1):
        key = f"{folder}/lease.{number * 10:05d}.json"
        storage.client.put_object(Bucket="data", Key=key, Body=body)
        try:
            with lease(storage, tmp_path, waits).acquire():
                ended += 1
        except TimeoutError:
            assert len(waits[-1]) < 5_000 and " is submitting to the same place (last sign " in waits[-1]
        assert all(uri.startswith("s3://data/HNU1/derivatives/") for uri in leased_outputs_of(storage))
    assert waits and len(waits) + ended == 60


def leased_outputs_of(storage: Storage) -> set[str]:  # noqa: F811
    return leased_outputs(storage, DATASET, data_bucket="data")


@pytest.mark.parametrize("output", [5, None, [], "x", "s3://data/HNU1/derivatives/a\x1b[31m", "s3://data/HNU1/\u202eb"])
def test_the_damaged_lease_of_another_dataset_stops_no_deletion(storage: Storage, output: object) -> None:  # noqa: F811
    """`delete dataset` reads the leases of all datasets."""
    for folder, value in (("aaaa", {**LEASE, "output": output}), ("bbbb", LEASE), ("cccc", [])):
        key = f"opsctl/outputs/{folder}/lease.00001.json"
        storage.client.put_object(Bucket="data", Key=key, Body=json.dumps(value).encode())
    assert leased_outputs_of(storage) == {OUTPUT.uri}


def test_a_lease_behind_which_no_other_fits_is_said(storage: Storage, tmp_path: Path) -> None:  # noqa: F811
    """The next one would have ten digits: its holder would not be seen, and a second process wait for ever."""
    own = lease(storage, tmp_path, [])
    key = f"{own._folder}/lease.999999999.json"
    storage.put_json("data", key, {**LEASE, "state": "released"})
    with pytest.raises(Problem, match=f"s3://data/{key} is no lease") as refused, own.acquire():
        pass
    assert refused.value.code == ErrorCode.RECORD_UNREADABLE

"""A run's record, its id, and its scans' keys and JSONs."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.core_examples import MOMENT, run, scan

from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.manifest import (
    Origin,
    Run,
    document_key,
    make_run_id,
    mixing_run,
    run_moment,
    scan_document,
    scan_key,
    timestamp,
)


def test_a_runs_id_tells_dataset_and_moment() -> None:
    assert make_run_id("HNU1", moment=MOMENT, token="ab12") == "HNU1-20261122-120000-ab12"
    berlin = MOMENT.astimezone(timezone(timedelta(hours=1)))
    assert make_run_id("HNU1", moment=berlin, token="ab12") == "HNU1-20261122-120000-ab12"
    assert timestamp(berlin) == "2026-11-22T12:00:00Z"


@given(st.text(max_size=200))
@example("../../etc")
@example("a b; rm -rf /")
@example("数据集")
@example("-_-")
@example("é" * 300)
@example("a" * 300)
def test_a_runs_id_is_safe_whatever_the_dataset_is_called(name: str) -> None:
    run_id = make_run_id(name, moment=MOMENT, token="ab12")
    # AWS Batch's rule for job names, with room for the number of the array.
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,124}", run_id)
    assert run_moment(run_id) == "20261122-120000-ab12"


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=5, unique=True), st.sampled_from(["A", "Z", "zz-9"]))
def test_runs_sort_by_time_whatever_the_datasets_are_called(seconds: list[int], name: str) -> None:
    run_ids = [
        make_run_id(name if number % 2 else "m", moment=MOMENT + timedelta(seconds=number), token="ffff")
        for number in seconds
    ]
    by_time = [run_id for _, run_id in sorted(zip(seconds, run_ids, strict=True))]
    assert sorted(run_ids, key=run_moment) == by_time


FACTS = ("schema_version", "run_id", "index", "dataset", "image", "image_digest", "opsctl_version", "output")


def test_a_scans_document_says_all_that_its_job_needs() -> None:
    document = scan_document(
        scan(),
        M2gOptions(pipeline="both"),
        run=run(run_id="R", image="repo:1", output="s3://data/HNU1/derivatives/m2g-both-csa-native"),
        index=7,
        image_digest="sha256:abc",
    )
    assert json.loads(json.dumps(document)) == document
    assert {name: document[name] for name in FACTS} == {
        "schema_version": 1,
        "run_id": "R",
        "index": 7,
        "dataset": "s3://data/HNU1",
        "image": "repo:1",
        "image_digest": "sha256:abc",
        "opsctl_version": "0.1.0",
        "output": "s3://data/HNU1/derivatives/m2g-both-csa-native/sub-01/ses-1",
    }
    assert document["scan"] == {
        "name": "sub-01/ses-1",
        "subject": "01",
        "session": "1",
        "entities": {"subject": "01", "session": "1", "suffix": "dwi"},
    }
    assert document["inputs"][1] == {
        "uri": "s3://data/HNU1/sub-01/ses-1/dwi/sub-01_ses-1_dwi.bval",
        "role": "bval",
        "size_bytes": 10,
        "etag": "e2",
    }
    assert document["m2g"]["pipeline"] == "dwi"
    assert document["argv"][:5] == ["m2g", "INPUT_DIR", "OUTPUT_DIR", "--pipeline", "dwi"]
    assert document["key"] == scan_key(scan(), M2gOptions(), image="repo:1")
    assert re.fullmatch(r"[0-9a-f]{64}", document["key"])


def changed_etag(role: str) -> Any:
    original = scan()
    return dataclasses.replace(
        original, inputs=tuple(dataclasses.replace(i, etag="new") if i.role == role else i for i in original.inputs)
    )


@pytest.mark.parametrize("role", ["dwi", "bval", "bvec", "T1w"])
def test_other_bytes_are_other_work(role: str) -> None:
    assert scan_key(changed_etag(role), M2gOptions(), image="i") != scan_key(scan(), M2gOptions(), image="i")


@pytest.mark.parametrize(
    "options",
    [
        M2gOptions(diffusion_model="csd"),
        M2gOptions(space="native_dsn"),
        M2gOptions(seeds=1),
        M2gOptions(parcellation=("Desikan",)),
        M2gOptions(skipreg=True),
    ],
)
def test_other_options_or_another_image_are_other_work(options: M2gOptions) -> None:
    key = scan_key(scan(), M2gOptions(), image="i")
    assert scan_key(scan(), options, image="i") != key
    assert scan_key(scan(), M2gOptions(), image="j") != key


def test_the_same_work_has_the_same_key_in_any_order_and_place() -> None:
    key = scan_key(scan(), M2gOptions(), image="i")
    assert scan_key(scan(inputs=tuple(reversed(scan().inputs))), M2gOptions(), image="i") == key
    assert scan_key(scan(name="other", note="x"), M2gOptions(), image="i") == key
    # What a run of `both` and one of `dwi` do with a dwi image is the same.
    assert scan_key(scan(), M2gOptions(pipeline="both"), image="i") == key


def test_keys_of_documents_sort_by_index() -> None:
    assert document_key("opsctl/runs/R", "results", 42) == "opsctl/runs/R/results/00042.json"


def decoded(run: Run) -> Run:
    return Run.decode(json.dumps(run.as_json()).encode(), "u")


def test_a_run_survives_its_json() -> None:
    recorded = run(3)
    value = json.loads(json.dumps(recorded.as_json()))
    assert value["count"] == 3
    assert value["schema_version"] == 1
    assert decoded(recorded) == recorded


def other_options(**changes: Any) -> dict[str, Any]:
    return {**M2gOptions().as_dict(), **changes}


def test_a_run_with_other_options_in_the_same_place_is_found() -> None:
    same, other = run(run_id="one"), run(run_id="two", m2g=other_options(seeds=1))
    same_work = ("s3://data/HNU1", M2gOptions().as_dict())
    assert mixing_run(*same_work, [same, other]) == other
    assert mixing_run(*same_work, [same]) is None
    assert mixing_run(*same_work, []) is None


def test_options_are_compared_as_json_keeps_them() -> None:
    options = M2gOptions(parcellation=("Desikan",), mem_gb=20)
    earlier = decoded(run(m2g=options.as_dict()))
    assert mixing_run("s3://data/HNU1", dataclasses.replace(options, mem_gb=20.0).as_dict(), [earlier]) is None


def test_two_datasets_of_one_name_are_not_mixed() -> None:
    other = run(run_id="two", dataset="s3://other/x/HNU1")
    assert mixing_run("s3://data/HNU1", M2gOptions().as_dict(), [other]) == other


def test_an_adopted_scans_records_are_where_it_was_made() -> None:
    recorded = run(3, sizes=(1,), adopted=(Origin("early", 7), Origin("other", 0)))
    assert [recorded.origin(index) for index in range(3)] == [
        Origin(recorded.run_id, 0),
        Origin("early", 7),
        Origin("other", 0),
    ]
    assert recorded.submitted_count == 1
    assert decoded(recorded) == recorded


def test_what_was_not_asked_for_may_be_missing() -> None:
    assert decoded(run()).memory_mib is None
    assert decoded(run(memory_mib=30400, max_spend_usd=20.0)).memory_mib == 30400

"""A run's record and the requests that submit it."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import timedelta, timezone
from typing import Any

import pytest
from core_examples import MOMENT, platform, run, scan
from hypothesis import example, given
from hypothesis import strategies as st

from opsctl.core.errors import Problem
from opsctl.core.location import Location
from opsctl.core.m2g import M2gOptions
from opsctl.core.manifest import (
    Run,
    Submission,
    array_sizes,
    document_key,
    make_run_id,
    mixing_run,
    run_moment,
    scan_document,
    scan_key,
    submission_of,
    submit_requests,
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
    made = [
        make_run_id(name if number % 2 else "m", moment=MOMENT + timedelta(seconds=number), token="ffff")
        for number in seconds
    ]
    by_time = [one for _, one in sorted(zip(seconds, made, strict=True))]
    assert sorted(made, key=run_moment) == by_time


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(1, [1]), (2, [2]), (9_999, [9_999]), (10_000, [10_000]), (10_001, [5_001, 5_000]), (20_001, [6_667] * 3)],
)
def test_array_sizes(count: int, sizes: list[int]) -> None:
    assert array_sizes(count) == sizes


@given(st.integers(1, 200_000))
@example(10_001)
@example(20_001)
@example(30_001)
def test_array_sizes_add_up_within_batchs_limits(count: int) -> None:
    sizes = array_sizes(count)
    assert sum(sizes) == count
    assert all(size <= 10_000 for size in sizes)
    assert sizes == [1] or all(size >= 2 for size in sizes)


def test_one_scan_is_a_plain_job() -> None:
    (request,) = submit_requests(run(1), platform())
    assert request == {
        "jobName": "HNU1-20261122-120000-ab12-00",
        "jobQueue": "arn:queue-csa",
        "jobDefinition": "arn:definition-csa:7",
        "containerOverrides": {
            "environment": [
                {"name": "OPSCTL_RUN_URI", "value": "s3://data/opsctl/runs/HNU1-20261122-120000-ab12"},
                {"name": "OPSCTL_SCAN_OFFSET", "value": "0"},
            ]
        },
        "tags": {"opsctl:run": "HNU1-20261122-120000-ab12"},
    }


def test_several_scans_are_one_array_of_their_models_queue() -> None:
    (request,) = submit_requests(run(200, model="csd"), platform())
    assert (request["jobQueue"], request["jobDefinition"]) == ("arn:queue-csd", "arn:definition-csd:3")
    assert request["arrayProperties"] == {"size": 200}


def test_more_than_ten_thousand_scans_are_several_arrays_with_their_offsets() -> None:
    requests = submit_requests(run(10_001), platform())
    assert [one["jobName"][-3:] for one in requests] == ["-00", "-01"]
    assert [one["arrayProperties"]["size"] for one in requests] == [5_001, 5_000]
    submissions = [submission_of(one, job_id="j", submitted_at="t") for one in requests]
    assert [(one.offset, one.size, one.is_array) for one in submissions] == [(0, 5_001, True), (5_001, 5_000, True)]


def test_no_request_names_a_subject_and_none_is_too_large() -> None:
    requests = submit_requests(run(20_000), platform())
    assert "sub-" not in json.dumps(requests)
    assert max(len(json.dumps(one)) for one in requests) < 30 * 1024


def test_an_accepted_request_becomes_its_record() -> None:
    (plain,) = submit_requests(run(1), platform())
    submission = submission_of(plain, job_id="id-1", submitted_at="2026-11-22T12:00:01Z")
    assert submission == Submission(
        job_id="id-1",
        job_name="HNU1-20261122-120000-ab12-00",
        offset=0,
        size=1,
        submitted_at="2026-11-22T12:00:01Z",
    )
    assert not submission.is_array
    assert Submission(**json.loads(json.dumps(dataclasses.asdict(submission)))) == submission


def test_a_scans_document_says_all_that_its_job_needs() -> None:
    document = scan_document(
        scan(),
        M2gOptions(pipeline="both"),
        run_id="R",
        index=7,
        image="repo:1",
        output=Location("data", "HNU1/derivatives/m2g-both-csa-native"),
    )
    assert json.loads(json.dumps(document)) == document
    assert {name: document[name] for name in ("schema_version", "run_id", "index", "image", "output")} == {
        "schema_version": 1,
        "run_id": "R",
        "index": 7,
        "image": "repo:1",
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
    one = scan()
    return dataclasses.replace(
        one, inputs=tuple(dataclasses.replace(i, etag="new") if i.role == role else i for i in one.inputs)
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
    own = scan_key(scan(), M2gOptions(), image="i")
    assert scan_key(scan(), options, image="i") != own
    assert scan_key(scan(), M2gOptions(), image="j") != own


def test_the_same_work_has_the_same_key_in_any_order_and_place() -> None:
    own = scan_key(scan(), M2gOptions(), image="i")
    assert scan_key(scan(inputs=tuple(reversed(scan().inputs))), M2gOptions(), image="i") == own
    assert scan_key(scan(name="other", note="x"), M2gOptions(), image="i") == own
    # What a run of `both` and one of `dwi` do with a dwi image is the same.
    assert scan_key(scan(), M2gOptions(pipeline="both"), image="i") == own


def test_keys_of_documents_sort_by_index() -> None:
    assert document_key("opsctl/runs/R", "results", 42) == "opsctl/runs/R/results/00042.json"


def test_a_run_survives_its_json() -> None:
    made = run(3)
    value = json.loads(json.dumps(made.as_json()))
    assert value["count"] == 3
    assert value["schema_version"] == 1
    assert Run.from_json(value) == made


@pytest.mark.parametrize("change", [{"schema_version": 2}, {"scans": None}, {"model": None}, {"schema_version": None}])
def test_a_run_of_another_version_is_refused_by_name(change: dict[str, Any]) -> None:
    with pytest.raises(Problem, match=r"HNU1-20261122-120000-ab12 was recorded by another version"):
        Run.from_json({**run().as_json(), **change})


def other_options(**changes: Any) -> dict[str, Any]:
    return {**M2gOptions().as_dict(), **changes}


def test_a_run_with_other_options_in_the_same_place_is_found() -> None:
    same = run(run_id="one")
    other = run(run_id="two", m2g=other_options(seeds=1))
    elsewhere = run(run_id="three", m2g=other_options(seeds=2), output="s3://data/HNU1/derivatives/quick")
    assert mixing_run(run(), [same, other, elsewhere]) == other
    assert mixing_run(run(), [same, elsewhere]) is None
    assert mixing_run(run(), []) is None


def test_options_are_compared_as_json_keeps_them() -> None:
    options = M2gOptions(parcellation=("Desikan",), mem_gb=20)
    earlier = Run.from_json(json.loads(json.dumps(run(m2g=options.as_dict()).as_json())))
    assert mixing_run(run(m2g=dataclasses.replace(options, mem_gb=20.0).as_dict()), [earlier]) is None


def test_two_datasets_of_one_name_are_not_mixed() -> None:
    other = run(run_id="two", dataset="s3://other/x/HNU1")
    assert mixing_run(run(), [other]) == other

"""A run's submissions: the exact requests, and the records of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.core_examples import run
from support.example_platform import platform
from support.record_examples import KINDS

from opsctl.core.platform.platform import Platform
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.submission import Submission, array_sizes, submissions_of, submit_request


def requests(submitted_run: Run, on: Platform) -> list[dict[str, Any]]:
    return [submit_request(submission, submitted_run, on) for submission in submissions_of(submitted_run, on, at="t")]


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
    (request,) = requests(run(1), platform())
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
        "parameters": {"run": "HNU1-20261122-120000-ab12", "part": "1 of 1"},
    }


def test_several_scans_are_one_array_of_their_models_queue() -> None:
    (request,) = requests(run(200, model="csd"), platform())
    assert (request["jobQueue"], request["jobDefinition"]) == ("arn:queue-csd", "arn:definition-csd:3")
    assert request["arrayProperties"] == {"size": 200}


def test_more_than_ten_thousand_scans_are_several_arrays_with_their_offsets() -> None:
    every = requests(run(10_001), platform())
    assert [request["jobName"][-3:] for request in every] == ["-00", "-01"]
    assert [request["parameters"]["part"] for request in every] == ["1 of 2", "2 of 2"]
    assert [request["arrayProperties"]["size"] for request in every] == [5_001, 5_000]
    submissions = submissions_of(run(10_001), platform(), at="t")
    assert [(submission.offset, submission.size, submission.is_array) for submission in submissions] == [
        (0, 5_001, True),
        (5_001, 5_000, True),
    ]


def test_no_request_names_a_subject_and_none_is_too_large() -> None:
    every = requests(run(20_000), platform())
    assert "sub-" not in json.dumps(every)
    assert max(len(json.dumps(request)) for request in every) < 30 * 1024


@given(st.integers(1, 3_000), st.integers(1, 300))
def test_portions_are_no_larger_than_asked_for(count: int, most: int) -> None:
    sizes = array_sizes(count, most=most)
    assert sum(sizes) == count
    assert max(sizes) <= most
    assert max(sizes) - min(sizes) <= 1


def test_adopted_scans_are_not_submitted() -> None:
    adopting = run(5, sizes=(2, 1))
    assert [
        (submission.offset, submission.size, list(submission.indices))
        for submission in submissions_of(adopting, platform(), at="t")
    ] == [
        (0, 2, [0, 1]),
        (2, 1, [2]),
    ]


def test_more_memory_moves_the_jobs_to_where_it_is() -> None:
    (request,) = requests(run(2, model="csd", resources="csa", memory_mib=20000), platform())
    assert request["jobQueue"] == "arn:queue-csa"
    assert request["containerOverrides"]["resourceRequirements"] == [{"type": "MEMORY", "value": "20000"}]


def test_a_submissions_life() -> None:
    (intended,) = submissions_of(run(3), platform(), at="2026-11-22T12:00:00Z")
    assert (intended.state, intended.job_id, intended.job_name) == ("intended", "", "HNU1-20261122-120000-ab12-00")
    submitted = intended.submitted("id-1", at="2026-11-22T13:00:00Z")
    assert (submitted.state, submitted.at, submitted.child_id(2)) == ("submitted", "2026-11-22T13:00:00Z", "id-1:2")
    abandoned = intended.abandoned("not wanted", code="never_submitted", at="2026-11-22T13:00:00Z")
    assert (abandoned.state, abandoned.note, abandoned.note_code) == (
        "abandoned",
        "not wanted",
        "never_submitted",
    )
    assert Submission.decode(json.dumps(submitted.as_json()).encode(), KINDS["submission"].uri) == submitted

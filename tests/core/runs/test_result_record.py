"""A result's JSON, as the job writes it."""

from __future__ import annotations

from typing import Any

import pytest

from opsctl.core.errors import Problem
from opsctl.core.runs.result import OutputFile, Result

VALUE: dict[str, Any] = {
    "schema_version": 1,
    "run_id": "R",
    "index": 3,
    "scan": "sub-01/ses-1",
    "key": "abc",
    "status": "succeeded",
    "cause": "",
    "exit_code": 0,
    "attempt": 1,
    "started_at": "2026-11-22T12:00:00Z",
    "stopped_at": "2026-11-22T12:00:05Z",
    "seconds": {"pull": 1.2, "m2g": 3.4, "push": 0.5},
    "peak_memory_mib": 812,
    "outputs": {
        "count": 1,
        "bytes": 5,
        "connectomes": ["s3://data/x.csv"],
        "files": [{"uri": "s3://data/x.csv", "size_bytes": 5, "sha256": "ff", "etag": "ee"}],
    },
    "image": "repo:1",
    "job_id": "j:3",
    "log_stream": "csa/default/t",
}


def test_a_result_is_read() -> None:
    result = Result.from_json(VALUE)
    assert result.succeeded
    assert result.total_seconds == pytest.approx(5.1)
    assert result.connectomes == ("s3://data/x.csv",)
    assert result.files == (OutputFile(uri="s3://data/x.csv", size_bytes=5, sha256="ff", etag="ee"),)
    assert (result.index, result.scan, result.log_stream, result.job_id) == (3, "sub-01/ses-1", "csa/default/t", "j:3")


@pytest.mark.parametrize("change", [{"etag": None}, {}])
def test_a_job_may_not_have_learnt_an_etag(change: dict[str, Any]) -> None:
    file = {"uri": "s3://data/x.csv", "size_bytes": 5, "sha256": "ff", **change}
    result = Result.from_json({**VALUE, "outputs": {**VALUE["outputs"], "files": [file]}})
    assert result.files == (OutputFile(uri="s3://data/x.csv", size_bytes=5, sha256="ff", etag=""),)


def test_a_failed_result_may_lack_what_it_never_reached() -> None:
    value = {**VALUE, "status": "failed", "cause": None, "log_stream": None, "outputs": {"connectomes": []}}
    result = Result.from_json(value)
    assert (result.succeeded, result.cause, result.files, result.log_stream) == (False, "", (), "")


@pytest.mark.parametrize(
    "field", sorted(set(VALUE) - {"schema_version", "run_id", "cause", "image", "job_id", "log_stream"})
)
def test_what_is_no_result_is_refused(field: str) -> None:
    with pytest.raises(Problem, match="result cannot be read"):
        Result.from_json({name: value for name, value in VALUE.items() if name != field})


@pytest.mark.parametrize("change", [{"index": "x"}, {"seconds": 3}, {"outputs": []}, {"outputs": {"connectomes": 1}}])
def test_wrong_types_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Problem, match="result cannot be read"):
        Result.from_json({**VALUE, **change})


@pytest.mark.parametrize("change", [{"schema_version": 2}, {"status": "SUCCEEDED"}])
def test_a_result_of_another_version_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Problem):
        Result.from_json({**VALUE, **change})

"""Thousands of altered records of every kind: each is refused in words, or is a valid value that opsctl can work with.

FUZZ_SEED and FUZZ_MUTATIONS (of each kind) choose others, or more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from support.core_examples import DOLLAR, MOMENT, run
from support.declared_types import mismatch
from support.example_platform import platform
from support.record_examples import FUZZED, Kind, result_uri
from support.record_mutations import mutations

from opsctl.core.platform.platform import Platform
from opsctl.core.record import UnreadableRecord
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.attempt_merge import merge_attempts, with_retries
from opsctl.core.runs.m2g_options import all_asked
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.progress import progress_of
from opsctl.core.runs.result import Result
from opsctl.core.runs.snapshot import RunSnapshot
from opsctl.core.runs.status import FinalJobStates, RunStatus, join
from opsctl.core.runs.submission import Submission, contradiction, submissions_of
from opsctl.core.runs.unsubmitted_scans import unsubmitted_statuses

SEED = int(os.environ.get("FUZZ_SEED", "16"))
COUNT = int(os.environ.get("FUZZ_MUTATIONS", "300"))
RUN = run(5, scans=tuple(f"sub-0{number}/ses-1" for number in range(5)))


@pytest.mark.parametrize("name", FUZZED)
def test_an_altered_record_is_refused_in_words_or_is_a_valid_value(name: str) -> None:
    kind = FUZZED[name]
    taken, sentences = 0, []
    for data in mutations(json.loads(json.dumps(kind.value)), seed=SEED, count=COUNT):
        try:
            value = kind.decode(data, kind.uri)
        except UnreadableRecord as problem:
            sentences.append((problem.what, problem.code))
            continue
        taken += 1
        wrong = "" if isinstance(value, dict) else mismatch(type(value), value)
        assert not wrong, (wrong, data)
        _use(value, kind)
    for sentence, code in sentences:
        assert sentence.startswith(f"{kind.uri} ") and sentence.endswith("."), sentence
        assert len(sentence) < 700 and code == "record_unreadable", sentence
    # Unknown fields are ignored, and some values are only other ones.
    assert 0 < taken < COUNT / 2


def _use(value: Any, kind: Kind) -> None:
    """Do with a value what the commands do: any exception is a wrong value taken."""
    for uses_kind, use in USES.items():
        if isinstance(value, uses_kind):
            use(value)
    if hasattr(value, "as_json") and not isinstance(value, Result):
        again = kind.decode(json.dumps(value.as_json()).encode(), kind.uri)
        assert again == value


def _use_run(value: Run) -> None:
    all_asked(value.m2g)
    value.places()
    for submission in submissions_of(value, platform(), at=value.created_at):
        assert contradiction(submission, value) == ""
    json.dumps(join(value, results={}, jobs={}, unsubmitted=unsubmitted_statuses(value, [], now=MOMENT)).as_json())
    for index in value.remaining:
        assert value.place_of(f"{value.scan_uri(index)}/x.csv", index)


def _use_submission(value: Submission) -> None:
    assert ":" not in value.job_id
    if not contradiction(value, RUN):
        unsubmitted_statuses(RUN, [value], now=MOMENT)


def _use_result(value: Result) -> None:
    assert (value.index, value.contradiction(value.scan, value.folder)) == (3, "")
    status = join(RUN, results={3: value}, jobs={})
    _use_status(status, merge_attempts([], {3: value}, []), {3: value})
    assert not value.succeeded or (value.folder.startswith("s3://data/") and "/derivatives/" in value.folder)
    for file in (*value.files, *value.graphs):
        assert file.uri.startswith(f"{value.folder}/" if value.succeeded else "s3://data/opsctl/runs/")
        assert "/../" not in file.uri and "/." not in file.uri


def _use_attempt(value: Attempt) -> None:
    attempts = merge_attempts([value], {}, [])
    _use_status(join(RUN, results={}, jobs={}), attempts, {})


def _use_states(value: FinalJobStates) -> None:
    jobs = {index: job for index, job in value.jobs.items() if index < 5}
    for job in value.jobs.values():
        assert job.cancelled_by is None or job.cancelled_by
    _use_status(join(RUN, results={}, jobs=jobs), merge_attempts([], {}, jobs.items()), {}, jobs)


def _use_status(status: RunStatus, attempts: Any, results: dict[int, Result], jobs: Any = None) -> None:
    json.dumps(with_retries(status, attempts).as_json())
    progress_of(RUN.scans, attempts, jobs or {}, results.values(), now=MOMENT, longest=timedelta(hours=6))
    snapshot = RunSnapshot(
        run=RUN,
        at=MOMENT,
        results=results,
        attempts=attempts,
        jobs=jobs or {},
        unsubmitted={},
        indices=tuple(range(5)),
        unlisted={},
    )
    json.dumps(snapshot.status.as_json())
    assert snapshot.bill(DOLLAR).usd >= 0


def _use_platform(value: Platform) -> None:
    assert value.largest_memory_mib >= 0
    assert value.attempt_timeout_seconds > 0
    assert Platform.decode(json.dumps(value.as_record()), "s3://data/x") == value


USES: dict[type, Callable[[Any], None]] = {
    Run: _use_run,
    Submission: _use_submission,
    Result: _use_result,
    Attempt: _use_attempt,
    FinalJobStates: _use_states,
    Platform: _use_platform,
}


def _has_a_name_twice(data: bytes) -> bool:
    """The job refuses such a result, and does the scan again; opsctl takes the last value."""
    twice: list[bool] = []
    json.loads(data, object_pairs_hook=lambda pairs: twice.append(len(dict(pairs)) < len(pairs)) or dict(pairs))
    return any(twice)


def test_a_job_reads_a_result_where_opsctl_does() -> None:
    """Otherwise a scan that counts as missing could never be done again: its job would take the result for good."""
    from m2g_job import record, result_check

    kind, differing = FUZZED["result"], []
    for data in mutations(json.loads(json.dumps(kind.value)), seed=SEED + 1, count=4 * COUNT):
        try:
            kind.decode(data, kind.uri)
            is_read = True
        except UnreadableRecord:
            is_read = False
        try:
            result_check.check(record.parse(data), kind.uri)
            is_checked = True
        except record.Unreadable:
            is_checked = False
        if is_read != is_checked and not (is_read and _has_a_name_twice(data)):
            differing.append((is_read, data))
    assert not differing, differing[:3]
    assert kind.uri == result_uri(3)

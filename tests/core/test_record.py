"""Every kind of record is read by one reader, and what it cannot read is one sentence."""

from __future__ import annotations

import copy
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.record_examples import (
    ATTEMPT,
    FOLDER,
    GRAPH,
    JOBS,
    KINDS,
    PATH,
    PREFIX,
    RESULT,
    RUN,
    SUBMISSION,
    Kind,
    encoded,
)

from opsctl.core.bounded import LONGEST_CAUSE
from opsctl.core.record import UnreadableRecord
from opsctl.core.runs.status import FinalJobStates

EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def refusal(kind: Kind, data: bytes) -> str:
    """The sentence about a record that cannot be read."""
    with pytest.raises(UnreadableRecord) as caught:
        kind.decode(data, kind.uri)
    problem = caught.value
    assert problem.what.startswith(f"{kind.uri} ")
    assert problem.what.endswith(".")
    assert problem.hint
    assert problem.exit_code == 1
    assert problem.what.isprintable()
    assert len(problem.what) < 500
    return problem.what


def test_what_opsctl_writes_it_reads() -> None:
    assert KINDS["run"].read(RUN.as_json()) == RUN
    assert KINDS["submission"].read(SUBMISSION.as_json()) == SUBMISSION
    assert KINDS["final job states"].read(FinalJobStates(jobs=JOBS).as_json()).jobs == JOBS
    local = KINDS["platform"].read(KINDS["platform"].value)
    assert KINDS["platform"].read(local.as_record()) == local


def test_what_the_runner_writes_opsctl_reads() -> None:
    attempt = KINDS["attempt"].read(ATTEMPT)
    assert (attempt.index, attempt.number, attempt.reason) == (3, 1, "m2g ended with exit code 1")
    assert (attempt.cause_code, attempt.seen_at, attempt.seconds) == ("m2g_failed", "2026-11-22T12:09:00Z", 600.0)
    assert attempt.facts == {"exit_code": 1, "file": "x.nii.gz"}
    running = KINDS["attempt"].read({**ATTEMPT, "stopped_at": None, "exit_code": None, "seen_at": None})
    assert (running.stopped_at, running.exit_code, running.seen_at) == (None, None, None)
    result = KINDS["result"].read({**RESULT, "cause_code": "x", "facts": {"signal": 9}})
    assert (result.cause_code, result.facts) == ("x", {"signal": 9})


@EVERY_KIND
def test_unknown_fields_are_ignored(kind: Kind) -> None:
    value = with_unknown_fields(kind.value)
    plain, extended = kind.read(kind.value), kind.read(value)
    if isinstance(extended, dict):
        extended = {name: extended[name] for name in plain}
        assert {**extended, "inputs": plain["inputs"]} == plain
    else:
        assert extended == plain


def with_unknown_fields(value: Any) -> Any:
    """A copy in which every object has a field that nobody knows."""
    if isinstance(value, dict):
        copies = {name: with_unknown_fields(item) for name, item in value.items()}
        # These map names to values: every name in them is known.
        is_open = set(value) <= {"pull", "m2g", "push", "csd", "csa", "3", "exit_code", "file", "signal", "attempts"}
        is_open = is_open or "diffusion_model" in value
        return copies if is_open else {**copies, "later": {"x": [1]}}
    return [with_unknown_fields(item) for item in value] if isinstance(value, list) else value


@EVERY_KIND
def test_a_missing_field_is_named(kind: Kind) -> None:
    for field in kind.required:
        value = {name: item for name, item in kind.value.items() if name != field}
        assert refusal(kind, encoded(value)) == f"{kind.uri} cannot be read: `{field}` is missing."
    for field in kind.dependent:
        assert f"`{field}`" in refusal(kind, encoded({k: item for k, item in kind.value.items() if k != field}))
    for field in kind.optional:
        kind.read({name: item for name, item in kind.value.items() if name != field})


@EVERY_KIND
def test_a_missing_field_inside_is_named_with_its_place(kind: Kind) -> None:
    for place, holder, field in inner_fields(kind.value):
        value = copy.deepcopy(dict(kind.value))
        inner = value
        for step in holder:
            inner = inner[step]
        del inner[field]
        assert f"{place}{field}` is missing" in refusal(kind, encoded(value))


INNER = {
    "result": [
        ("outputs.", ["outputs"], "folder"),
        ("outputs.", ["outputs"], "files"),
        *(("outputs.files[0].", ["outputs", "files", 0], field) for field in ("path", "size_bytes", "sha256")),
        *(
            ("outputs.files[0].graph.", ["outputs", "files", 0, "graph"], field)
            for field in ("atlas", "kind", "nodes", "edges", "regions", "lost")
        ),
        *(("warnings[0].", ["warnings", 0], field) for field in ("code", "atlas", "text")),
    ],
    "run": [("adopted[0].", ["adopted", 0], field) for field in ("run_id", "index")],
    "final job states": [
        *(("jobs[...].", ["jobs", "3"], field) for field in ("job_id", "status")),
        *(("jobs[...].attempts[0].", ["jobs", "3", "attempts", 0], field) for field in ("index", "number", "job_id")),
    ],
    "scan": [("inputs[0].", ["inputs", 0], field) for field in ("uri", "role", "size_bytes", "etag")],
    "platform": [("models[...].", ["models", "csd"], "job_queue"), ("models.", ["models"], "csd")],
}


def inner_fields(value: Any) -> Iterator[tuple[str, list[Any], str]]:
    name = next(name for name, kind in KINDS.items() if kind.value is value)
    yield from INNER.get(name, ())


@EVERY_KIND
def test_a_wrong_type_is_named(kind: Kind) -> None:
    for field in set(kind.checked) - {"schema_version"}:
        for wrong in (True, "\x1b[31m", -7, 1.5, [[]], [7], {"x": []}, {}, []):
            if is_allowed(field, wrong):
                continue
            assert f"`{field}" in refusal(kind, encoded({**kind.value, field: wrong})), (field, wrong)


#: Fields that also take the values of that kind.
ALLOWED = {
    str: {
        *("run_id", "dataset", "output", "image", "platform", "region", "created_by", "opsctl_version", "job_name"),
        *(
            "job_queue",
            "job_id",
            "note",
            "cause",
            "log_stream",
            "cause_code",
            "note_code",
            "scan",
            "key",
            "image_digest",
            "name",
            *("dataset_version", "dataset_doi"),
        ),
        *("account_id", "data_bucket", "repository_url", "log_group", "endpoint_url", "m2g_image"),
    },
    bool: {"spot", "spot_fallback", "is_grown"},
    int: {"exit_code"},
    float: {"max_spend_usd"},
    # An inconsistent length is found by another sentence.
    list: {"command_line", "scans", "keys", "sizes", "adopted", "inputs", "warnings"},
    dict: {"facts", "seconds", "m2g", "jobs", "options"},
}


def is_allowed(field: str, value: Any) -> bool:
    if field not in ALLOWED[type(value)]:
        return False
    return not isinstance(value, list | dict) or not value or (field in ("m2g", "options") and value == {"x": []})


@EVERY_KIND
def test_null_is_refused_where_a_value_is_needed(kind: Kind) -> None:
    may_be_null = {"stopped_at", "started_at", "exit_code", "seen_at", "phase", "memory_mib", "max_spend_usd"}
    may_be_null |= {"image_digest", "endpoint_url", "vcpus", "grows_to_mib", "scans_at_once"}
    for field in set(kind.checked) - may_be_null:
        refusal(kind, encoded({**kind.value, field: None}))


OUT_OF_RANGE = [
    *(("attempt", {"index": value}) for value in (-1, 10**8, 10**30)),
    *(("attempt", {"attempt": value}) for value in (0, -1, 10**6)),
    *(("attempt", {"exit_code": value}) for value in (-(10**10), 10**10)),
    *(("attempt", {"started_at": value}) for value in ("", "t", "2026-02-30T12:00:00Z", "2026-11-22T12:00:00")),
    *(("attempt", {"seen_at": value}) for value in ("2026-11-22T12:00:00+01:00", "2026-11-22T25:00:00Z", 1)),
    *(("attempt", {"started_at": value}) for value in ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z")),
    *(("attempt", {"started_at": value}) for value in ("20261122T120000Z", "2026-W47-7T12:00:00Z")),
    ("attempt", {"facts": {"x": 1.5}}),
    ("attempt", {"facts": {"x": "y" * 5_000}}),
    ("attempt", {"facts": {str(number): number for number in range(51)}}),
    ("attempt", {"job_id": "j" * 5_000}),
    *(("result", {"status": value}) for value in ("SUCCEEDED", "", "\x1b[31m", "x" * 10_000)),
    ("result", {"peak_memory_mib": -1}),
    ("result", {"peak_disk_mib": -1}),
    ("result", {"warnings": [{"code": "odd", "atlas": "x", "text": ""}]}),
    *(
        ("result", {"outputs": {**RESULT["outputs"], "files": [{**RESULT["outputs"]["files"][0], **change}]}})
        for change in (
            *(
                {"graph": {**GRAPH, **wrong}}
                for wrong in ({"nodes": -1}, {"edges": 1.5}, {"lost": None}, {"atlas": ""})
            ),
            *({"graph": {**GRAPH, "kind": "fibres"}}, {"graph": "x"}),
            *({"size_bytes": -1}, {"path": ""}, {"sha256": ""}),
        )
    ),
    ("result", {"seconds": {"m2g": -1}}),
    ("result", {"outputs": {**RESULT["outputs"], "folder": ""}}),
    *(("submission", {"size": value}) for value in (0, 10_001)),
    ("submission", {"state": "sent"}),
    ("submission", {"job_id": ""}),
    ("run", {"sizes": [3]}),
    ("run", {"keys": ["a"]}),
    ("run", {"model": "dti"}),
    ("run", {"resources": "gpu"}),
    ("run", {"m2g": {"pipeline": "pet"}}),
    ("run", {"max_spend_usd": -1}),
    ("run", {"attempt_timeout_seconds": 0}),
    ("final job states", {"jobs": {"x": {}}}),
    ("final job states", {"jobs": {"-1": {"job_id": "j", "status": "FAILED"}}}),
    ("final job states", {"jobs": {"1": {"job_id": "j", "status": "LOST"}}}),
    ("platform", {"options": {"source_buckets": 3}}),
    ("platform", {"options": {"variables": []}}),
]


@pytest.mark.parametrize(("name", "change"), OUT_OF_RANGE, ids=lambda part: str(part)[:40])
def test_a_value_out_of_range_is_named(name: str, change: dict[str, Any]) -> None:
    kind = KINDS[name]
    (field,) = change
    assert f"`{field}" in refusal(kind, encoded({**kind.value, **change})) or name in ("run", "final job states")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_are_finite(number: float) -> None:
    refusal(KINDS["result"], encoded({**RESULT, "seconds": {"m2g": number}}))


def test_a_number_that_json_allows_and_no_float_holds() -> None:
    refusal(KINDS["result"], encoded(RESULT).replace(b"3.4", b"1e999"))


def test_a_long_cause_is_cut_and_read() -> None:
    words = "why " * LONGEST_CAUSE
    assert KINDS["attempt"].read({**ATTEMPT, "cause": words}).reason == words[:LONGEST_CAUSE]
    assert KINDS["result"].read({**RESULT, "cause": words}).cause == words[:LONGEST_CAUSE]


@EVERY_KIND
def test_another_version_is_said_to_be_one(kind: Kind) -> None:
    for value in ({**kind.value, "schema_version": 2}, {"schema_version": 99}):
        assert "was written by another version of opsctl (schema_version" in refusal(kind, encoded(value))
    for version in ("1", 1.0, True, [1]):
        assert "`schema_version` is wrong" in refusal(kind, encoded({**kind.value, "schema_version": version}))


NOT_JSON = [
    *(b"", b"{", b"{}x", b"null", b"[]", b"7", b'"x"', b"\xff", b'{"a": "\xff"}', b"<Error/>", b"\xef\xbb\xbf{}"),
    b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"schema_version": 1, "index": "\\ud800"}',
]


@EVERY_KIND
@pytest.mark.parametrize("data", NOT_JSON, ids=lambda data: repr(data[:20]))
def test_what_is_no_json_object_is_refused(kind: Kind, data: bytes) -> None:
    refusal(kind, data)


@pytest.mark.parametrize("field", ["abc", "sub-01/ses-1", "succeeded", "2026-11-22T12:00:00Z", PATH, FOLDER])
def test_a_text_that_is_not_utf_8_is_refused(field: str) -> None:
    kind = KINDS["result"]
    refusal(kind, encoded(RESULT).replace(field.encode(), b"\xff\xfe"))


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text()
    | st.sampled_from(["", "succeeded", "csa", "2026-11-22T12:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a JSON value another one can stand."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield (*prefix, step)
        yield from places(inner, (*prefix, step))


def read_or_refused(kind: Kind, data: bytes) -> None:
    try:
        kind.decode(data, kind.uri)
    except UnreadableRecord:
        refusal(kind, data)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
@EVERY_KIND
def test_anything_anywhere_is_read_or_refused(kind: Kind, data: st.DataObject) -> None:
    value = json.loads(encoded(kind.value))
    *holder, step = data.draw(st.sampled_from(list(places(value))))
    inner = value
    for part in holder:
        inner = inner[part]
    inner[step] = data.draw(JSON_VALUES)
    read_or_refused(kind, encoded(value))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
@EVERY_KIND
def test_a_damaged_byte_is_read_or_refused(kind: Kind, data: st.DataObject) -> None:
    body = bytearray(encoded(kind.value))
    position = data.draw(st.integers(0, len(body) - 1))
    body[position] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(body)) | st.just(len(body)))
    read_or_refused(kind, bytes(body[:end]))


def test_the_sentence_of_the_issue() -> None:
    kind = KINDS["attempt"]
    value = {name: item for name, item in ATTEMPT.items() if name != "index"}
    assert refusal(kind, encoded(value)) == (
        f"s3://data/{PREFIX}/attempts/00003.1.ab.json cannot be read: `index` is missing."
    )


def test_commands_that_read_no_record_do_not_import_the_reader() -> None:
    imports = "import sys, opsctl.__main__, opsctl.cli.context, opsctl.core.platform.platform"
    code = f"{imports}; print('msgspec' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout.strip() == "False"

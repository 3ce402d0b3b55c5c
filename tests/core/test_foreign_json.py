"""JSON of others: an engine, Terraform, a registry, AWS. Each reader says a sentence, or goes on without it."""

from __future__ import annotations

from typing import Any

import pytest

from opsctl.aws.ecr.image_config import _labels
from opsctl.aws.ecr.registry import config_digest
from opsctl.core.bounded import whole_number
from opsctl.core.errors import Problem
from opsctl.core.foreign_json import inner_object, parse, parse_object
from opsctl.core.platform.state_document import parse_state
from opsctl.core.platform.state_location import StateSnapshot
from opsctl.core.platform.terraform_events import EventLog

DEEP = "[" * 200_000
DIGITS = "9" * 5_000
NO_JSON = ["", "x", DEEP, DIGITS, '{"a": ' * 100_000, "\0", "{"]
NO_OBJECT = [*NO_JSON, "[]", "null", "1", '"x"', "1e999", "[{}]"]


@pytest.mark.parametrize("text", NO_JSON)
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)
    with pytest.raises(ValueError):
        parse(text.encode())


@pytest.mark.parametrize("text", NO_OBJECT)
def test_every_reader_refuses_what_is_no_object(text: str) -> None:
    for read in (parse_object, parse_state):
        with pytest.raises(ValueError):
            read(text)
    for problem_of in (config_digest, lambda value: _labels(value.encode(), "image:1")):
        with pytest.raises(Problem) as refused:
            problem_of(text)
        assert refused.value.code == "record_unreadable"
        assert len(str(refused.value)) < 600
    assert EventLog().read(text, root="platform") is None


@pytest.mark.parametrize(
    "text",
    [
        '{"resources": 1}',
        '{"resources": [1]}',
        '{"resources": [{"type": "a"}]}',
        '{"resources": [{"type": "a", "name": 5}]}',
        '{"resources": [{"type": "a", "name": "b", "module": []}]}',
        '{"resources": [{"type": "a", "name": "b", "instances": {"x": 1}}]}',
        '{"resources": [{"type": "a", "name": "b", "instances": [[]]}]}',
        '{"resources": [{"type": "a", "name": "b", "instances": [{"attributes": [1]}]}]}',
        '{"outputs": ["x"]}',
    ],
)
def test_a_state_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is wrong"):
        parse_state(text)


def test_a_state_is_read() -> None:
    assert parse_state("{}") == {}
    text = '{"resources": [{"type": "a", "name": "b", "instances": [{"attributes": null}]}], "outputs": {}}'
    assert parse_state(text)["resources"][0]["name"] == "b"


@pytest.mark.parametrize(
    "text",
    [
        *NO_OBJECT[1:],
        '{"resources": [], "lineage": "x", "serial": 1e999}',
        '{"resources": ["x"], "lineage": "x", "serial": 1}',
        '{"resources": [{"mode": "managed", "instances": 5}], "lineage": "x", "serial": 1}',
    ],
)
def test_a_state_on_s3_that_is_none_is_named(text: str) -> None:
    if text == "\0":
        return
    with pytest.raises(Problem, match="s3://b/k is no Terraform state"):
        StateSnapshot.parse(text, where="s3://b/k")


@pytest.mark.parametrize(
    "event",
    [
        '{"type": "planned_change"}',
        '{"type": "planned_change", "change": 5}',
        '{"type": "planned_change", "change": {"action": []}}',
        '{"type": "diagnostic", "diagnostic": []}',
        '{"type": "resource_drift", "change": {"resource": "x"}}',
        '{"type": "apply_start", "hook": "x"}',
        '{"type": ["apply_start"]}',
    ],
)
def test_an_event_of_another_form_is_no_step(event: str) -> None:
    assert EventLog().read(event, root="platform") is None


@pytest.mark.parametrize("manifest", ['{"config": 5}', '{"config": {}}', "{}"])
def test_a_manifest_may_name_no_configuration(manifest: str) -> None:
    assert config_digest(manifest) == ""


@pytest.mark.parametrize("digest", ['["x"]', "5", '"sha256:x"', '"x"', "null", "1e999"])
def test_a_digest_of_another_form_is_refused(digest: str) -> None:
    with pytest.raises(Problem, match="manifest in ECR cannot be read"):
        config_digest(f'{{"config": {{"digest": {digest}}}}}')


def test_labels_that_are_no_texts_are_left_out() -> None:
    assert _labels(b'{"config": {"Labels": {"a": "b", "c": 5, "d": ["x"]}}}', "i") == {"a": "b"}
    assert _labels(b'{"config": {"Labels": null}}', "i") == {}
    assert _labels(b'{"config": []}', "i") == {}


@pytest.mark.parametrize("value", [None, 5, "x", [], {"a": 5}, {"a": None}])
def test_an_inner_object_that_is_missing_is_empty(value: Any) -> None:
    assert inner_object(value, "a") == {}


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("00012", 12), (DIGITS, None), ("²", None), ("٣", None), ("-1", None), ("", None), (" 1", None)],
)
def test_a_whole_number_has_few_ascii_digits(text: str, number: int | None) -> None:
    assert whole_number(text) == number

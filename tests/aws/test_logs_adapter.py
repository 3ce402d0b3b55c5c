"""CloudWatch Logs: every page, also after a fault or an expired token; the platform's record in the parameter store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from botocore.stub import Stubber
from support.example_platform import platform

from opsctl.aws.clients import Clients
from opsctl.aws.logs import LogEvent, Logs, Sweep
from opsctl.aws.platform.platform_parameter import read_record
from opsctl.core.errors import Problem

REQUEST = {"logGroupName": "/opsctl/m2g", "logStreamNamePrefix": "csa/default/", "startTime": 5}


@pytest.fixture(scope="module")
def clients() -> Clients:
    return Clients(endpoint_url="http://127.0.0.1:1")


@pytest.fixture
def stubbed(clients: Clients) -> Iterator[tuple[Logs, Stubber]]:
    with Stubber(clients.logs) as stubber:
        yield Logs(clients.logs, group="/opsctl/m2g"), stubber
        stubber.assert_no_pending_responses()


def event(number: int) -> dict[str, Any]:
    return {"eventId": f"e{number}", "logStreamName": f"csa/default/{number % 2}", "timestamp": number, "message": "m"}


def sweep(logs: Logs) -> Sweep:
    return Sweep(logs, start_ms=5, stream_prefixes=["csa/default/"])


def ids(pages: Iterable[list[LogEvent]]) -> list[str]:
    return [one.event_id for page in pages for one in page]


def test_a_page_is_one_call(stubbed: tuple[Logs, Stubber]) -> None:
    logs, stubber = stubbed
    stubber.add_response("filter_log_events", {"events": [event(1)], "nextToken": "a"}, REQUEST)
    assert logs.page(5, stream_prefix="csa/default/") == ([LogEvent("e1", "csa/default/1", 1, "m")], "a")


def test_pages_are_read_to_the_end_also_over_an_empty_one(stubbed: tuple[Logs, Stubber]) -> None:
    logs, stubber = stubbed
    stubber.add_response("filter_log_events", {"events": [event(1), event(2)], "nextToken": "a"}, REQUEST)
    stubber.add_response("filter_log_events", {"events": [], "nextToken": "b"}, {**REQUEST, "nextToken": "a"})
    stubber.add_response("filter_log_events", {"events": [event(3)]}, {**REQUEST, "nextToken": "b"})
    assert ids(sweep(logs).pages()) == ["e1", "e2", "e3"]


def test_no_stream_yet_is_no_line(stubbed: tuple[Logs, Stubber]) -> None:
    logs, stubber = stubbed
    stubber.add_response("filter_log_events", {"events": []}, REQUEST)
    assert ids(sweep(logs).pages()) == []


@pytest.mark.parametrize("code", ["InvalidParameterException", "ExpiredNextTokenException", "InvalidNextToken"])
def test_an_expired_token_begins_the_window_anew(stubbed: tuple[Logs, Stubber], code: str) -> None:
    logs, stubber = stubbed
    stubber.add_response("filter_log_events", {"events": [event(1)], "nextToken": "a"}, REQUEST)
    stubber.add_client_error("filter_log_events", code, "expired", expected_params={**REQUEST, "nextToken": "a"})
    stubber.add_response("filter_log_events", {"events": [event(1)], "nextToken": "b"}, REQUEST)
    stubber.add_response("filter_log_events", {"events": [event(2)]}, {**REQUEST, "nextToken": "b"})
    read = sweep(logs)
    assert ids(read.pages()) == ["e1", "e1", "e2"]
    assert read.restarts == 1


def test_tokens_that_never_hold_are_told(stubbed: tuple[Logs, Stubber]) -> None:
    logs, stubber = stubbed
    for _ in range(5):
        stubber.add_response("filter_log_events", {"events": [event(1)], "nextToken": "a"}, REQUEST)
        stubber.add_client_error("filter_log_events", "InvalidParameterException", "expired")
    with pytest.raises(Problem, match="expire before they are read"):
        ids(sweep(logs).pages())


def test_a_wrong_parameter_without_a_token_and_an_expired_login_are_told(stubbed: tuple[Logs, Stubber]) -> None:
    logs, stubber = stubbed
    stubber.add_client_error("filter_log_events", "InvalidParameterException", "wrong")
    with pytest.raises(Problem, match="wrong"):
        ids(sweep(logs).pages())
    stubber.add_response("filter_log_events", {"events": [], "nextToken": "a"}, REQUEST)
    stubber.add_client_error("filter_log_events", "ExpiredTokenException", "x")
    with pytest.raises(Problem, match="login has expired"):
        ids(sweep(logs).pages())


def test_after_a_fault_the_page_that_failed_is_read_and_none_before_it(stubbed: tuple[Logs, Stubber]) -> None:
    logs, stubber = stubbed
    stubber.add_response("filter_log_events", {"events": [event(1)], "nextToken": "a"}, REQUEST)
    stubber.add_client_error("filter_log_events", "ThrottlingException", "x")
    stubber.add_response("filter_log_events", {"events": [event(2)]}, {**REQUEST, "nextToken": "a"})
    read = sweep(logs)
    pages = read.pages()
    assert ids([next(pages)]) == ["e1"]
    with pytest.raises(Problem):
        next(pages)
    assert ids(read.pages()) == ["e2"]


def test_a_token_that_leads_to_itself_is_the_end(stubbed: tuple[Logs, Stubber]) -> None:
    logs, stubber = stubbed
    stubber.add_response("filter_log_events", {"events": [event(1)], "nextToken": "a"}, REQUEST)
    stubber.add_response("filter_log_events", {"events": [], "nextToken": "a"}, {**REQUEST, "nextToken": "a"})
    assert ids(sweep(logs).pages()) == ["e1"]


def test_a_log_group_that_is_gone_is_told_by_name(stubbed: tuple[Logs, Stubber]) -> None:
    logs, stubber = stubbed
    stubber.add_client_error("filter_log_events", "ResourceNotFoundException", "x")
    with pytest.raises(Problem, match="The log group /opsctl/m2g is not there") as caught:
        logs.page(5, stream_prefix="csa/default/")
    assert "opsctl up" in caught.value.hint


def test_other_refusals_pass_translated(stubbed: tuple[Logs, Stubber]) -> None:
    logs, stubber = stubbed
    stubber.add_client_error("filter_log_events", "AccessDeniedException", "not you")
    with pytest.raises(Problem, match="permit"):
        logs.page(5, stream_prefix="csa/default/")


RECORD = platform(name="lab", spot=True).as_record()


@pytest.fixture
def ssm(clients: Clients) -> Iterator[tuple[Any, Stubber]]:
    with Stubber(clients.ssm) as stubber:
        yield clients.ssm, stubber


def test_the_record_is_read_by_the_platforms_name(ssm: tuple[Any, Stubber]) -> None:
    client, stubber = ssm
    value = {"Parameter": {"Value": json.dumps(RECORD)}}
    stubber.add_response("get_parameter", value, {"Name": "/opsctl/lab/platform"})
    found = read_record(client, "lab")
    assert found is not None
    assert (found.name, found.spot, found.endpoint_url) == ("lab", True, None)


def test_no_platform_is_none(ssm: tuple[Any, Stubber]) -> None:
    client, stubber = ssm
    stubber.add_client_error("get_parameter", "ParameterNotFound")
    assert read_record(client, "lab") is None


def test_a_refused_or_foreign_record_is_a_problem(ssm: tuple[Any, Stubber]) -> None:
    client, stubber = ssm
    stubber.add_client_error("get_parameter", "AccessDeniedException", "not you")
    with pytest.raises(Problem, match="AWS does not permit GetParameter while reading the platform's record"):
        read_record(client, "lab")
    stubber.add_response("get_parameter", {"Parameter": {"Value": json.dumps({**RECORD, "schema_version": 9})}})
    with pytest.raises(Problem, match="another version of opsctl"):
        read_record(client, "lab")
    stubber.add_response("get_parameter", {"Parameter": {"Value": "{"}})
    with pytest.raises(Problem, match="The SSM parameter /opsctl/lab/platform cannot be read: it is not JSON"):
        read_record(client, "lab")

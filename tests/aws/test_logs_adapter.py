"""CloudWatch Logs: every page, also after an empty one; the platform's record in the parameter store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from opsctl.aws.clients import Clients
from opsctl.aws.logs import LogEvent, Logs
from opsctl.aws.record import read_record
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


def test_pages_are_read_to_the_end_also_over_an_empty_one(stubbed: tuple[Logs, Stubber]) -> None:
    logs, stubber = stubbed
    stubber.add_response("filter_log_events", {"events": [event(1), event(2)], "nextToken": "a"}, REQUEST)
    stubber.add_response("filter_log_events", {"events": [], "nextToken": "b"}, {**REQUEST, "nextToken": "a"})
    stubber.add_response("filter_log_events", {"events": [event(3)]}, {**REQUEST, "nextToken": "b"})
    found = list(logs.since(5, stream_prefix="csa/default/"))
    assert found[0] == LogEvent("e1", "csa/default/1", 1, "m")
    assert [one.event_id for one in found] == ["e1", "e2", "e3"]


def test_no_stream_yet_is_no_line(stubbed: tuple[Logs, Stubber]) -> None:
    logs, stubber = stubbed
    stubber.add_response("filter_log_events", {"events": []}, REQUEST)
    assert list(logs.since(5, stream_prefix="csa/default/")) == []


def test_a_log_group_that_is_gone_is_told_by_name(stubbed: tuple[Logs, Stubber]) -> None:
    logs, stubber = stubbed
    stubber.add_client_error("filter_log_events", "ResourceNotFoundException", "x")
    with pytest.raises(Problem, match="The log group /opsctl/m2g is not there") as caught:
        list(logs.since(5, stream_prefix="csa/default/"))
    assert "opsctl up" in caught.value.mend


def test_other_refusals_pass_translated(stubbed: tuple[Logs, Stubber]) -> None:
    logs, stubber = stubbed
    stubber.add_client_error("filter_log_events", "AccessDeniedException", "not you")
    with pytest.raises(Problem, match="AWS does not permit FilterLogEvents while reading the logs: not you"):
        list(logs.since(5, stream_prefix="csa/default/"))


RECORD = {
    "schema_version": 1,
    "name": "lab",
    "region": "us-east-1",
    "account_id": "1",
    "data_bucket": "data",
    "repository_url": "u",
    "image": "i",
    "log_group": "/opsctl/lab",
    "spot": True,
    "root_volume_gib": 100,
    "opsctl_version": "0.1.0",
    "models": {},
}


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

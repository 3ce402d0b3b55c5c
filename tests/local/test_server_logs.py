"""FilterLogEvents over HTTP, as AWS documents it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.local_servers import Homes, client

NOW = int(time.time() * 1000)


@pytest.fixture(scope="module")
def logs(homes: Homes) -> Any:
    """One group; the streams' lines lie between each other in time."""
    _, server = homes.start()
    made = client(server, "logs")
    made.create_log_group(logGroupName="/g")
    for stream in ("csa/default/1", "csa/default/2", "csd/default/3"):
        made.create_log_stream(logGroupName="/g", logStreamName=stream)
    for stream, first in (("csd/default/3", 2), ("csa/default/2", 1), ("csa/default/1", 0)):
        events = [{"timestamp": NOW + number, "message": f"line {number}"} for number in range(first, 30, 3)]
        made.put_log_events(logGroupName="/g", logStreamName=stream, logEvents=events)
    return made


def lines(answer: dict[str, Any]) -> list[int]:
    return [int(event["message"].split()[1]) for event in answer["events"]]


def test_streams_are_interleaved_by_time_with_unique_ids(logs: Any) -> None:
    answer = logs.filter_log_events(logGroupName="/g")
    assert lines(answer) == list(range(30))
    assert len({event["eventId"] for event in answer["events"]}) == 30
    event = answer["events"][4]
    assert (event["timestamp"], event["logStreamName"]) == (NOW + 4, "csa/default/2")
    assert event["ingestionTime"] >= NOW
    assert "nextToken" not in answer


def test_a_prefix_or_names_choose_the_streams(logs: Any) -> None:
    answer = logs.filter_log_events(logGroupName="/g", logStreamNamePrefix="csa/")
    assert lines(answer) == [number for number in range(30) if number % 3 != 2]
    answer = logs.filter_log_events(logGroupName="/g", logStreamNames=["csd/default/3", "csa/default/1"])
    assert lines(answer) == [number for number in range(30) if number % 3 != 1]
    assert logs.filter_log_events(logGroupName="/g", logStreamNamePrefix="none")["events"] == []


def test_a_window_includes_both_ends(logs: Any) -> None:
    answer = logs.filter_log_events(logGroupName="/g", startTime=NOW + 5, endTime=NOW + 9)
    assert lines(answer) == [5, 6, 7, 8, 9]


def test_pages_hold_at_most_the_limit_and_lose_nothing(logs: Any) -> None:
    request = {"logGroupName": "/g", "logStreamNamePrefix": "csa/", "limit": 7}
    pages = list(logs.get_paginator("filter_log_events").paginate(**request))
    assert [len(page["events"]) for page in pages] == [7, 7, 6]
    assert [number for page in pages for number in lines(page)] == [number for number in range(30) if number % 3 != 2]
    assert "nextToken" not in pages[-1]


def test_events_of_one_millisecond_keep_their_order_over_pages(logs: Any) -> None:
    logs.create_log_group(logGroupName="/same")
    logs.create_log_stream(logGroupName="/same", logStreamName="s")
    events = [{"timestamp": NOW, "message": f"line {number}"} for number in range(12)]
    logs.put_log_events(logGroupName="/same", logStreamName="s", logEvents=events)
    pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName="/same", limit=5))
    assert [number for page in pages for number in lines(page)] == list(range(12))


def test_a_page_ends_at_a_megabyte(logs: Any) -> None:
    logs.create_log_group(logGroupName="/big")
    logs.create_log_stream(logGroupName="/big", logStreamName="s")
    for number in range(5):
        event = {"timestamp": NOW + number, "message": f"line {number} " + "x" * 250_000}
        logs.put_log_events(logGroupName="/big", logStreamName="s", logEvents=[event])
    first = logs.filter_log_events(logGroupName="/big")
    assert lines(first) == [0, 1, 2, 3]
    assert lines(logs.filter_log_events(logGroupName="/big", nextToken=first["nextToken"])) == [4]


def test_late_events_find_their_place(logs: Any) -> None:
    logs.create_log_group(logGroupName="/late")
    logs.create_log_stream(logGroupName="/late", logStreamName="s")
    for number in (5, 1, 3):
        event = {"timestamp": NOW + number, "message": f"line {number}"}
        logs.put_log_events(logGroupName="/late", logStreamName="s", logEvents=[event])
    assert lines(logs.filter_log_events(logGroupName="/late", startTime=NOW + 2)) == [3, 5]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"logGroupName": "/none"}, "ResourceNotFoundException"),
        ({"logGroupName": "/g", "logStreamNames": ["none"]}, "ResourceNotFoundException"),
        ({"logGroupName": "/g", "logStreamNames": ["x"], "logStreamNamePrefix": "x"}, "InvalidParameterException"),
        ({"logGroupName": "/g", "logStreamNames": ["x"] * 101}, "InvalidParameterException"),
        ({"logGroupName": "/g", "nextToken": "rubbish"}, "InvalidParameterException"),
    ],
)
def test_what_aws_refuses_is_refused(logs: Any, request_: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        logs.filter_log_events(**request_)
    assert caught.value.response["Error"]["Code"] == code


def test_a_groups_key_can_be_changed_and_must_exist(homes: Homes) -> None:
    _, server = homes.start()
    logs, kms = client(server, "logs"), client(server, "kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    logs.create_log_group(logGroupName="/k")

    def key_of_group() -> str | None:
        return logs.describe_log_groups(logGroupNamePrefix="/k")["logGroups"][0].get("kmsKeyId")

    logs.associate_kms_key(logGroupName="/k", kmsKeyId=key)
    assert key_of_group() == key
    with pytest.raises(ClientError, match="InvalidParameterException"):
        logs.associate_kms_key(logGroupName="/k", kmsKeyId=f"{key[:-4]}0000")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.associate_kms_key(logGroupName="/none", kmsKeyId=key)
    logs.disassociate_kms_key(logGroupName="/k")
    assert key_of_group() is None

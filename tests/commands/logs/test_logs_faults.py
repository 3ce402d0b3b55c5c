"""Faults while following: retried with one message, or raised; no line is lost or shown twice."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st
from support.log_world import LogWorld, ends, lines, messages, refused

from opsctl.commands.logs.follow import PollFailed
from opsctl.core.errors import ErrorCode, Problem

FAULTS = [
    refused("ThrottlingException"),
    refused("ServiceUnavailableException", status=503),
    EndpointConnectionError(endpoint_url="http://logs"),
    ConnectTimeoutError(endpoint_url="http://logs"),
    ReadTimeoutError(endpoint_url="http://logs"),
]


def long_run(*, until: float = 60) -> LogWorld:
    world = LogWorld(("sub-01", "sub-02"))
    for index in (0, 1):
        world.recorded_streams.append((2, index, f"s{index}", 1))
        world.job(index, (0, "RUNNABLE"), (2, "RUNNING"), (until, "SUCCEEDED"))
        world.result(index, until)
        for second in range(2, int(until)):
            world.line(f"s{index}", second + index / 2, f"{index}-{second}")
    return world


def failing(*numbers: int, error: Exception) -> Callable[[int], None]:
    """The n-th calls fail."""

    def fail(call: int) -> None:
        if call in numbers:
            raise error

    return fail


@pytest.mark.parametrize("error", FAULTS, ids=str)
def test_a_fault_is_sat_out_with_one_word(error: Exception) -> None:
    world = long_run()
    world.while_read = failing(*range(20, 25), error=error)
    events = world.followed()
    assert Counter(messages(events)) == Counter(event.message for event in world.events)
    assert [name for name, _ in ends(events)] == ["sub-01", "sub-02"]
    assert len([event for event in events if isinstance(event, PollFailed)]) == 1


def test_the_pauses_grow_under_throttling_and_shrink_again() -> None:
    world = long_run()
    world.while_read = failing(2, 3, 4, 5, error=refused("ThrottlingException"))
    world.followed()
    assert world.sleeps[:8] == [1, 2, 4, 8, 16, 4, 1, 1]
    assert max(world.sleeps) == 16
    assert world.sleeps[-1] == 1


def test_no_pause_is_longer_than_a_minute() -> None:
    world = long_run(until=400)
    world.while_read = failing(*range(10, 20), error=refused("ThrottlingException"))
    events = world.followed()
    assert max(world.sleeps) == 60
    assert len([event for event in events if isinstance(event, PollFailed)]) == 1
    assert Counter(messages(events)) == Counter(event.message for event in world.events)


def test_a_fault_that_does_not_pass_is_told_in_the_end() -> None:
    world = long_run(until=1500)
    world.while_read = failing(*range(10, 1000), error=EndpointConnectionError(endpoint_url="http://logs"))
    with pytest.raises(Problem, match="http://logs cannot be reached"):
        world.followed(timeout=300)
    assert 300 <= world.now < 500


def test_who_was_never_answered_waits_a_minute_and_no_longer() -> None:
    world = long_run(until=1500)
    world.while_read = failing(*range(1, 1000), error=EndpointConnectionError(endpoint_url="http://logs"))

    def unanswered() -> None:
        raise Problem("x", code=ErrorCode.AWS_UNREACHABLE) from EndpointConnectionError(endpoint_url="http://batch")

    world.while_asked = unanswered
    with pytest.raises(Problem):
        world.followed(timeout=1000)
    assert 60 <= world.now < 200


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("AccessDeniedException", "permit"),
        ("ResourceNotFoundException", "log group"),
        ("ExpiredTokenException", "login"),
    ],
)
def test_a_refusal_ends_with_its_sentence_at_once(code: str, sentence: str) -> None:
    world = long_run()
    world.while_read = failing(15, error=refused(code))
    with pytest.raises(Problem, match=sentence):
        world.followed()
    assert world.now < 20


def test_batch_may_be_away_too() -> None:
    world = long_run()

    def away() -> None:
        if 10 <= world.now < 20:
            raise Problem("Batch is away.", code=ErrorCode.AWS_UNREACHABLE) from refused("ThrottlingException")

    world.while_asked = away
    events = world.followed()
    assert Counter(messages(events)) == Counter(event.message for event in world.events)


@pytest.mark.parametrize("code", ["InvalidParameterException", "ExpiredNextTokenException"])
def test_an_expired_token_loses_and_repeats_nothing(code: str) -> None:
    world = long_run()

    expired: list[int] = []

    def expire(call: int) -> None:
        if call % 5 == 0 and world.token is not None and len(expired) < 40:
            expired.append(call)
            raise refused(code)

    world.while_read = expire
    events = world.followed()
    assert len(expired) == 40
    assert Counter(messages(events)) == Counter(event.message for event in world.events)


def test_faults_while_all_that_is_there_is_read_lose_nothing() -> None:
    world = long_run()
    world.now = 100
    world.while_read = failing(10, error=refused("ThrottlingException"))
    reader = world.reader()
    read = []
    with pytest.raises(Problem):
        reader.lines()
    while not reader.is_whole:
        read += reader.lines()
    assert [line.message for line in read] == [
        event.message for event in sorted(world.events, key=lambda event: event.written)
    ]


@settings(max_examples=30, derandomize=True, deadline=None)
@given(st.data())
def test_any_faults_lose_and_repeat_nothing(data: st.DataObject) -> None:
    """Any faults and delays, as long as CloudWatch has shown every line before the run is over."""
    world = long_run(until=30)
    for number in data.draw(st.lists(st.integers(0, len(world.events) - 1), max_size=5)):
        event = world.events[number]
        late = data.draw(st.integers(0, int(30 - event.written)))
        world.line(event.stream, event.written, f"late {number} {late}", late=late)
    chance = data.draw(st.sampled_from([10, 5, 3]))
    world.page_size = 10
    which = random.Random(data.draw(st.integers(0, 1000)))

    def fault(call: int) -> None:
        if which.randrange(chance) == 0:
            raise which.choice(FAULTS)

    world.while_read = fault
    events = world.followed(timeout=1000)
    assert Counter(messages(events)) == Counter(event.message for event in world.events)
    assert {scan for scan, _ in lines(events)} == {"sub-01", "sub-02"}

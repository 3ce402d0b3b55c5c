"""`status --watch`: waits longer while AWS does not answer, and ends with what does not pass."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from support.batch_world import (
    made_run,
)

from opsctl.commands.runs.watch import watch
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.runs.status import RunStatus


def counts(status: RunStatus) -> dict[str, int]:
    return {state: count for state, count in status.counts.items() if count}


def asked(*answers: RunStatus | Problem) -> Any:
    left = list(answers)

    def ask() -> RunStatus:
        answer = left.pop(0)
        if isinstance(answer, Problem):
            raise answer
        return answer

    return ask


def problem(cause: Exception) -> Problem:
    error = Problem("p", code=ErrorCode.AWS_UNREACHABLE)
    error.__cause__ = cause
    return error


def status_in(state: str) -> RunStatus:
    return RunStatus(run=made_run(1), scans=(), unlisted={state: 1})  # type: ignore[dict-item]


SLOW_DOWN = ClientError({"Error": {"Code": "ThrottlingException"}}, "DescribeJobs")
DENIED = ClientError({"Error": {"Code": "AccessDenied"}}, "DescribeJobs")


def test_watching_backs_off_while_aws_does_not_answer_and_goes_on() -> None:
    slept: list[float] = []
    passing = [problem(SLOW_DOWN), problem(EndpointConnectionError(endpoint_url="u")), problem(SLOW_DOWN)]
    ask = asked(status_in("RUNNING"), *passing, status_in("RUNNING"), status_in("DONE"))
    shown = list(watch(ask, sleep=slept.append, poll_seconds=5.0))
    assert [counts(status) for status in shown] == [{"RUNNING": 1}, {"RUNNING": 1}, {"DONE": 1}]
    assert slept == [5.0, 10.0, 20.0, 40.0, 20.0]


def test_watching_ends_with_what_does_not_pass() -> None:
    with pytest.raises(Problem):
        list(watch(asked(problem(DENIED)), sleep=lambda _: None, poll_seconds=5.0))
    for_ever = asked(*(problem(SLOW_DOWN) for _ in range(100)))
    with pytest.raises(Problem):
        list(watch(for_ever, sleep=lambda _: None, poll_seconds=5.0))

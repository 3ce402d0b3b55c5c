"""The pure functions of Batch: which attempts are retried, and how output becomes lines."""

from __future__ import annotations

import time
from typing import Any

import pytest
from moto.batch.exceptions import ClientException
from support.local_servers import retry_strategy

from opsctl.local.batch.definitions import check_retry_strategy
from opsctl.local.batch.job import now_ms
from opsctl.local.batch.retry import AttemptOutcome, should_retry
from opsctl.local.jobs.log_lines import MAX_LINE_BYTES, LineSplitter

EXITED = "Essential container in task exited"
NOT_STARTED = "Task failed to start"
RULES = retry_strategy()["evaluateOnExit"]


@pytest.mark.parametrize(
    ("outcome", "rules", "again"),
    [
        (AttemptOutcome(75, None, EXITED), RULES, True),
        (AttemptOutcome(1, None, EXITED), RULES, False),
        (AttemptOutcome(137, "OutOfMemoryError: Container killed", EXITED), RULES, False),
        (AttemptOutcome(None, None, "Host EC2 (instance i-1) terminated."), RULES, True),
        # What never ran, in ECS's words: nextflow-io/nextflow#5099, #5657, #4096; rstudio/r-builds#140.
        (AttemptOutcome(None, "CannotPullContainerError: context canceled", NOT_STARTED), RULES, True),
        (AttemptOutcome(None, "CannotStartContainerError: Error response from daemon: x", NOT_STARTED), RULES, True),
        (AttemptOutcome(None, "CannotCreateContainerError: x", NOT_STARTED), RULES, True),
        (
            AttemptOutcome(
                None, "DockerTimeoutError: Could not transition to created; timed out after waiting 4m0s", NOT_STARTED
            ),
            RULES,
            True,
        ),
        (AttemptOutcome(None, "AGENT", NOT_STARTED), RULES, True),
        (AttemptOutcome(None, "AGENT", "AGENT"), RULES, True),
        # These ran, or are not known to pass.
        (AttemptOutcome(None, "CannotInspectContainerError: Could not transition", EXITED), RULES, False),
        (AttemptOutcome(None, None, "CgroupError: Agent could not create task's platform resources"), RULES, False),
        (AttemptOutcome(1, None, EXITED), [], True),
        (AttemptOutcome(1, None, EXITED), [{"onExitCode": "2", "action": "EXIT"}], True),
        (AttemptOutcome(137, None, EXITED), [{"onExitCode": "13*", "action": "EXIT"}], False),
        (AttemptOutcome(1, None, EXITED), [{"onExitCode": "1", "onReason": "Out*", "action": "EXIT"}], True),
        (AttemptOutcome(1, "Out of", EXITED), [{"onExitCode": "1", "onReason": "Out*", "action": "EXIT"}], False),
        (
            AttemptOutcome(1, None, EXITED),
            [{"onExitCode": "1", "action": "exit"}, {"onExitCode": "1", "action": "retry"}],
            False,
        ),
        (AttemptOutcome(75, None, EXITED, stopped=True), RULES, False),
        (AttemptOutcome(75, None, EXITED, timed_out=True), RULES, False),
    ],
)
def test_the_first_rule_that_holds_decides(outcome: AttemptOutcome, rules: list[dict[str, str]], again: bool) -> None:
    assert should_retry(outcome, attempt=1, attempts=3, rules=rules) is again
    assert not should_retry(outcome, attempt=3, attempts=3, rules=rules)


RETRY, EXIT = {"action": "RETRY", "onExitCode": "75"}, {"action": "exit", "onReason": "*"}


@pytest.mark.parametrize(
    "strategy",
    [
        retry_strategy(),
        {},
        {"attempts": 1},
        {"attempts": 10, "evaluateOnExit": [RETRY] * 5},
        {"attempts": 2, "evaluateOnExit": [{"action": "retry", "onStatusReason": "x" * 511 + "*"}]},
        {"attempts": 2, "evaluateOnExit": [{"action": "RETRY", "onReason": "a: b.c 1*", "onExitCode": "13*"}, EXIT]},
    ],
)
def test_a_retry_strategy_that_batch_takes(strategy: dict[str, Any]) -> None:
    check_retry_strategy(strategy)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ({"attempts": 0}, "1 to 10 attempts"),
        ({"attempts": 11}, "1 to 10 attempts"),
        ({"evaluateOnExit": [EXIT]}, "needs attempts"),
        ({"attempts": 2, "evaluateOnExit": [RETRY] * 6}, "at most 5"),
        ({"attempts": 2, "evaluateOnExit": [{"action": "STOP", "onReason": "*"}]}, "RETRY or EXIT"),
        ({"attempts": 2, "evaluateOnExit": [{"onReason": "*"}]}, "RETRY or EXIT"),
        ({"attempts": 2, "evaluateOnExit": [{**RETRY, "onReason": "Cannot*Error"}]}, "onReason"),
        ({"attempts": 2, "evaluateOnExit": [{**RETRY, "onReason": "not found (404)"}]}, "onReason"),
        ({"attempts": 2, "evaluateOnExit": [{**RETRY, "onStatusReason": "Host-EC2"}]}, "onStatusReason"),
        ({"attempts": 2, "evaluateOnExit": [{**RETRY, "onStatusReason": "x" * 512 + "*"}]}, "onStatusReason"),
        ({"attempts": 2, "evaluateOnExit": [{**RETRY, "onExitCode": "-1"}]}, "onExitCode"),
    ],
)
def test_a_retry_strategy_that_batch_refuses(strategy: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientException, match=message):
        check_retry_strategy(strategy)


def split(*chunks: bytes) -> list[str]:
    splitter = LineSplitter()
    return [line for chunk in chunks for line in splitter.feed(chunk)] + list(splitter.rest())


def test_lines_are_put_together_from_pieces() -> None:
    assert split(b"on", b"e\ntw", b"o\r\n\n\r\nthree") == ["one", "two", "three"]
    assert split("ü".encode()[:1], "ü".encode()[1:] + b"\n") == ["ü"]
    assert split(b"\xff\n") == ["\ufffd"]


@pytest.mark.parametrize("end", [b"\n", b""])
@pytest.mark.parametrize("chunk_bytes", [1_000_000, 65_536, 999])
def test_a_long_line_is_split_between_characters(end: bytes, chunk_bytes: int) -> None:
    text = "aü日😀" * 70_000
    data = text.encode() + end
    pieces = split(*(data[start : start + chunk_bytes] for start in range(0, len(data), chunk_bytes)))
    assert "".join(pieces) == text
    assert len(pieces) == 3
    assert max(len(piece.encode()) for piece in pieces) <= MAX_LINE_BYTES


def test_the_time_of_jobs_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = now_ms()
    hour = 3_600_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: before * 1_000_000 - hour)
    assert now_ms() >= before
    monkeypatch.setattr(time, "time_ns", lambda: before * 1_000_000 + 5_000_000)
    assert now_ms() == before + 5

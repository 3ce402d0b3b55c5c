"""The pure functions of Batch: which attempts are retried, and how output becomes lines."""

from __future__ import annotations

import pytest

from opsctl.local.batch.retry import AttemptOutcome, should_retry
from opsctl.local.jobs.log_lines import MAX_LINE_BYTES, LineSplitter

EXITED = "Essential container in task exited"
RULES = [
    {"onStatusReason": "Host EC2*", "action": "RETRY"},
    {"onReason": "CannotPullContainer*", "action": "retry"},
    {"onExitCode": "75", "action": "RETRY"},
    {"onReason": "*", "action": "EXIT"},
]


@pytest.mark.parametrize(
    ("outcome", "rules", "again"),
    [
        (AttemptOutcome(75, None, EXITED), RULES, True),
        (AttemptOutcome(1, None, EXITED), RULES, False),
        (AttemptOutcome(137, "OutOfMemoryError: Container killed", EXITED), RULES, False),
        (AttemptOutcome(None, None, "Host EC2 (instance i-1) terminated."), RULES, True),
        (AttemptOutcome(None, "CannotPullContainerError: x", "Task failed to start"), RULES, True),
        (AttemptOutcome(None, "CannotStartContainerError: x", "Task failed to start"), RULES, False),
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

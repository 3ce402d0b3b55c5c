"""Log lines and the filters on them."""

from __future__ import annotations

import pytest

from opsctl.core.logs.log_line import Grep, LineFilter, LogLine


def test_a_line_as_json() -> None:
    line = LogLine("sub-01", 1_795_348_803_042, "m", "csa/default/s", 2)
    assert line.as_json() == {
        "time": "2026-11-22T12:00:03.042Z",
        "scan": "sub-01",
        "attempt": 2,
        "stream": "csa/default/s",
        "message": "m",
    }


@pytest.mark.parametrize(
    ("pattern", "message", "is_found"),
    [
        ("eddy", "running eddy now", True),
        ("Eddy", "running eddy now", False),
        ("(?i)Eddy", "running eddy now", True),
        (r"exit code [1-9]\d*", "exit code 137", True),
        (r"exit code [1-9]\d*", "exit code 0", False),
        ("volumes (", "3 volumes (65)", True),  # no regular expression
        ("[0]", "bvals[0] is wrong", True),
        ("3.5 mm (iso)", "voxels: 3.5 mm (iso)", True),  # a regular expression that does not find itself
        ("^run", "a run", False),
    ],
)
def test_grep_takes_a_regular_expression_or_plain_text(pattern: str, message: str, is_found: bool) -> None:
    assert Grep(pattern).matches(message) is is_found


def test_what_a_filter_lets_through() -> None:
    line_filter = LineFilter(since_ms=10, grep=Grep("a"))
    assert [line_filter.takes(10, "a"), line_filter.takes(9, "a"), line_filter.takes(10, "b")] == [True, False, False]
    assert LineFilter().takes(0, "")
    assert not LineFilter(tail=5).is_narrow
    assert LineFilter(attempt=1).is_narrow

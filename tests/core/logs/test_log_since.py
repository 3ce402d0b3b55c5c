"""`--since`: a duration before now, or a time, with or without zone and seconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from opsctl.core.errors import UsageProblem
from opsctl.core.logs.since import moment_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "ago"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        ("1w", timedelta(weeks=1)),
        ("1d12h", timedelta(hours=36)),
        (" 2 H ", timedelta(hours=2)),
        ("0s", timedelta()),
    ],
)
def test_how_long_ago(typed: str, ago: timedelta) -> None:
    assert moment_of(typed, now=NOW) == NOW - ago


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-11-22T10:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22T10:00:30Z", datetime(2026, 11, 22, 10, 0, 30, tzinfo=UTC)),
        ("2026-11-22T10:00:30.5+01:00", datetime(2026, 11, 22, 9, 0, 30, 500_000, tzinfo=UTC)),
    ],
)
def test_a_moment_with_its_zone(typed: str, meant: datetime) -> None:
    assert moment_of(typed, now=NOW) == meant


@pytest.mark.parametrize("typed", ["2026-11-22T10:00", "2026-11-22 10:00", "2026-11-22T10:00:00"])
def test_a_moment_without_zone_is_local_time(typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert moment_of(typed, now=NOW) == datetime(2026, 11, 22, 1, tzinfo=UTC)
        assert moment_of("2026-11-22", now=NOW) == datetime(2026, 11, 21, 15, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("typed", ["", "2x", "h", "10", "yesterday", "2026-13-01", "99999999999d", "-2h"])
def test_what_is_no_time_is_told_with_examples(typed: str) -> None:
    with pytest.raises(UsageProblem, match="is not a time") as caught:
        moment_of(typed, now=NOW)
    assert "2h" in caught.value.hint


def test_a_moment_to_come_is_refused() -> None:
    with pytest.raises(UsageProblem, match="still to come"):
        moment_of("2026-11-22T12:01Z", now=NOW)

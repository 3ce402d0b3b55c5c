"""The window reads far enough back, shows no event twice, and forgets old event ids."""

from __future__ import annotations

import pytest

from opsctl.core.logs import window as window_module
from opsctl.core.logs.window import Window

MINUTE = 60_000
LATER = 10**9


def passed(window: Window, *moments: int, count: int = 1) -> None:
    for moment in moments:
        window.went_by(moment, now_ms=LATER)
    window.finish(count=count)


def test_it_begins_where_it_is_told_and_moves_on_a_minute_behind_the_newest() -> None:
    window = Window(1000)
    assert window.start_ms() == 1000
    passed(window, 10 * MINUTE, 5 * MINUTE)
    assert window.start_ms() == 9 * MINUTE


def test_it_moves_only_when_a_pass_is_whole() -> None:
    window = Window(1000)
    window.went_by(10 * MINUTE, now_ms=LATER)
    assert window.start_ms() == 1000


def test_an_event_is_new_once() -> None:
    window = Window(0)
    assert [window.is_new("a", 5), window.is_new("a", 5), window.is_new("b", 5)] == [True, False, True]


def test_a_clock_that_runs_fast_does_not_move_it() -> None:
    window = Window(0)
    window.went_by(100 * MINUTE, now_ms=10 * MINUTE)
    window.finish(count=1)
    assert window.start_ms() == 9 * MINUTE


def test_now_and_then_it_reads_ten_minutes_back() -> None:
    window = Window(0)
    starts = []
    for _ in range(60):
        passed(window, 100 * MINUTE)
        starts.append(window.start_ms())
    assert starts.count(90 * MINUTE) == 2
    assert starts.count(99 * MINUTE) == 58


def test_where_much_comes_it_reads_less_far_back() -> None:
    window = Window(0)
    for _ in range(5):
        passed(window, 100 * MINUTE, count=10_001)
    assert window.start_ms() == 100 * MINUTE - 10_000
    passed(window, 100 * MINUTE, count=3)
    assert window.start_ms() == 99 * MINUTE


def test_it_goes_back_once() -> None:
    window = Window(0)
    passed(window, 100 * MINUTE)
    window.go_back(7)
    window.go_back(9)
    assert window.start_ms() == 7
    passed(window)
    assert window.start_ms() == 99 * MINUTE


def test_what_lies_before_the_beginning_is_not_shown_unless_its_stream_is_read_anew() -> None:
    window = Window(100)
    assert not window.is_new("a", 99)
    assert window.is_new("a", 99, again=True)
    window.reach(50)
    assert window.start_ms() == 50
    assert window.is_new("b", 60)


def test_old_ids_are_forgotten_and_their_lines_never_come_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_module, "_MOST_IDS", 100)
    window = Window(0)
    moments = [number * MINUTE for number in range(200)]
    for moment in moments:
        assert window.is_new(f"id-{moment}", moment)
        window.went_by(moment, now_ms=LATER)
    window.forget()
    # Pages are ordered by time, so an older event in the middle of a pass is a new one.
    assert window.is_new("late", 20 * MINUTE)
    window.begin_anew()
    assert not any(window.is_new(f"id-{moment}", moment) for moment in moments)
    assert window.floor_ms == 100 * MINUTE

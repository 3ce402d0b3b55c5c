"""Which lines are selected: scans, failed ones, an attempt, since when, what they say, how many of the last."""

from __future__ import annotations

from typing import Any

import pytest
from support.log_world import START_MS, LogWorld, ends, lines, messages

from opsctl.commands.logs.follow import DoneBefore, NextAttempt
from opsctl.core.logs.log_line import Grep, LogLine


def mixed_run() -> LogWorld:
    """Three scans: one done at 20 s, one failed at 40 s at its second attempt, one done at 60 s."""
    world = LogWorld(("sub-01", "sub-02", "sub-03"))
    for index, until in ((0, 20.0), (1, 40.0), (2, 60.0)):
        world.recorded_streams.append((1, index, f"s{index}", 1))
        world.job(index, (0, "RUNNING"), (until, "FAILED" if index == 1 else "SUCCEEDED"))
        for second in range(2, int(until), 2):
            stream = "again" if index == 1 and second >= 20 else f"s{index}"
            world.line(stream, second + index / 10, f"{index}-{second}")
    world.recorded_streams.append((20, 1, "again", 2))
    world.result(0, 20)
    world.result(1, 40, status="failed", cause="c", exit_code=1, attempt=2, log_stream="csa/default/again")
    world.result(2, 60)
    return world


def all_of(world: LogWorld, *indices: int) -> list[str]:
    chosen = [event for event in world.events if int(event.message[0]) in (indices or (0, 1, 2))]
    return [event.message for event in sorted(chosen, key=lambda event: event.written)]


def read(**filters: Any) -> list[str]:
    world = mixed_run()
    world.now = 100
    return [line.message for line in world.read(**filters)]


def test_all_that_is_there_in_times_order() -> None:
    assert read() == all_of(mixed_run())


def test_the_last_lines_are_the_last() -> None:
    assert read(last=7) == all_of(mixed_run())[-7:]
    assert read(last=1000) == all_of(mixed_run())
    assert read(last=0) == []


def test_a_tail_is_each_scans() -> None:
    for count in (1, 3, 20, 1000):
        shown = read(tail=count)
        for index in range(3):
            assert [text for text in shown if text[0] == str(index)] == all_of(mixed_run(), index)[-count:]
    assert read(tail=0) == []
    assert read(tail=2, failed_only=True) == all_of(mixed_run(), 1)[-2:]


def test_the_last_lines_of_a_run_of_long_ago_are_found_in_few_calls() -> None:
    world = mixed_run()
    world.page_size = 10_000
    world.now = 1_000_000
    assert [line.message for line in world.read(last=3)] == all_of(world)[-3:]
    assert len(world.prefixes_read) <= 6
    # And those that are there are not all read.
    world.now = 1990
    world.starts.clear()
    world.read(last=3)
    assert min(world.starts) > START_MS + 500_000 or len(world.starts) <= 3


def test_some_scans_only() -> None:
    assert read(indices=frozenset({0, 2})) == all_of(mixed_run(), 0, 2)


def test_failed_scans_only() -> None:
    assert read(failed_only=True) == all_of(mixed_run(), 1)
    assert read(failed_only=True, indices=frozenset({0})) == []


def test_one_attempt_only() -> None:
    assert read(attempt=2) == [f"1-{second}" for second in range(20, 40, 2)]
    assert "1-20" not in read(attempt=1)
    assert read(attempt=3) == []


def test_since_a_moment_only() -> None:
    assert read(since_ms=START_MS + 50_000) == [f"2-{second}" for second in range(50, 60, 2)]


def test_what_lines_say() -> None:
    assert read(grep=Grep("-1[02]$")) == ["0-10", "1-10", "2-10", "0-12", "1-12", "2-12"]
    assert read(grep=Grep("-1[02]$"), last=2) == ["1-12", "2-12"]


def test_attempts_are_told_from_the_records_and_from_batch() -> None:
    world = mixed_run()
    world.now = 100
    from_records = {line.message: line.attempt for line in world.read()}
    world.recorded_streams.clear()
    world.job(1, (0, "RUNNING", ("s1",)), (20, "RUNNING", ("again",)), (40, "FAILED"))
    for index in (0, 2):
        world.job(index, (0, "RUNNING", (f"s{index}",)), (60, "SUCCEEDED"))
    from_batch = {line.message: line.attempt for line in world.read()}
    assert from_records == from_batch
    assert (from_records["1-18"], from_records["1-20"]) == (1, 2)


def test_it_works_when_batch_has_forgotten_the_jobs() -> None:
    world = mixed_run()
    world.now = 100
    world.forgotten = True
    assert [line.message for line in world.read()] == all_of(world)
    assert [line.message for line in world.read(failed_only=True)] == all_of(world, 1)


def test_following_begins_with_the_last_lines_and_misses_none_after() -> None:
    world = mixed_run()
    world.now = 30
    written = {event.message: event.written for event in world.events}
    before = [message for message in all_of(world) if written[message] <= 30]
    after = [message for message in all_of(world) if message not in before]
    events = world.followed(last=5)
    assert messages(events) == before[-5:] + after
    assert sorted(ends(events)) == [("sub-01", "DONE"), ("sub-02", "FAILED"), ("sub-03", "DONE")]


def test_following_without_earlier_lines() -> None:
    world = mixed_run()
    world.now = 30
    assert all(int(message.split("-")[1]) >= 30 for message in messages(world.followed(tail=0)))


def test_following_failed_scans_shows_each_whole_when_it_fails() -> None:
    world = mixed_run()
    events = world.followed(failed_only=True)
    assert messages(events) == all_of(world, 1)
    # When it fails, not when the run ends.
    assert ends(events)[-2:] == [("sub-02", "FAILED"), ("sub-03", "DONE")]
    assert ends(events[-1:]) == [("sub-03", "DONE")]


def test_following_failed_scans_from_late_on_shows_them_whole_too() -> None:
    world = mixed_run()
    world.now = 39
    assert messages(world.followed(failed_only=True, last=10)) == all_of(world, 1)


@pytest.mark.parametrize("begun", [0, 39, 100])
def test_following_failed_scans_shows_the_last_lines_of_each(begun: float) -> None:
    world = mixed_run()
    world.now = begun
    assert messages(world.followed(failed_only=True, tail=4)) == all_of(world, 1)[-4:]


def test_following_some_scans_ends_with_them() -> None:
    world = mixed_run()
    events = world.followed(indices=frozenset({0}))
    assert messages(events) == all_of(world, 0)
    assert ends(events) == [("sub-01", "DONE")]
    assert world.now < 40


def test_a_second_attempt_is_announced_before_its_first_line() -> None:
    events = mixed_run().followed()
    (position,) = [number for number, event in enumerate(events) if isinstance(event, NextAttempt)]
    assert events[position] == NextAttempt("sub-02", 2)
    line = events[position + 1]
    assert isinstance(line, LogLine)
    assert (line.message, line.attempt) == ("1-20", 2)


def test_an_end_comes_after_its_scans_last_line() -> None:
    world = LogWorld(("sub-01", "sub-02"))
    for index, until in ((0, 10), (1, 30)):
        world.job(index, (0, "RUNNING", (f"s{index}",)), (until, "SUCCEEDED"))
        world.result(index, until)
    # CloudWatch shows the last lines when the scan has ended long since, a line a second.
    for second in range(5):
        world.line("s0", 5 + second, f"{second}", late=5)
    events = world.followed()
    kinds = [event for event in events if isinstance(event, LogLine) or ends([event]) == [("sub-01", "DONE")]]
    assert lines(kinds[:-1]) == [("sub-01", f"{second}") for second in range(5)]
    assert ends(kinds[-1:]) == [("sub-01", "DONE")]


def test_many_scans_that_were_done_before_are_one_word() -> None:
    world = LogWorld(tuple(f"sub-{index:02d}" for index in range(30)))
    for index in range(30):
        world.recorded_streams.append((0, index, f"s{index}", 1))
        failed = index == 7
        world.job(index, (0, "RUNNING"), (5 if index else 50, "FAILED" if failed else "SUCCEEDED"))
        world.result(index, 5 if index else 50, **({"status": "failed", "cause": "c"} if failed else {}))
    world.now = 20
    events = world.followed(last=10)
    assert [event for event in events if isinstance(event, DoneBefore)] == [DoneBefore(28)]
    assert ends(events) == [("sub-07", "FAILED"), ("sub-00", "DONE")]


def test_batch_may_be_asked_more_rarely_than_cloudwatch() -> None:
    world = mixed_run()
    asked: list[float] = []
    world.while_asked = lambda: asked.append(world.now)
    events = world.followed(status_polls=5)
    assert messages(events) == all_of(world)
    assert len(asked) <= len(world.prefixes_read) / 4
    assert len(ends(events)) == 3


def test_a_scan_that_fails_late_is_shown_from_its_beginning_when_it_fails() -> None:
    world = LogWorld(("sub-01", "sub-02"))
    for index, until in ((0, 1000), (1, 1400)):
        world.recorded_streams.append((1, index, f"s{index}", 1))
        world.job(index, (0, "RUNNING"), (until, "SUCCEEDED" if index else "FAILED"))
        for second in range(2, until, 20):
            world.line(f"s{index}", second, f"{index}-{second}")
    world.result(0, 1000, status="failed", cause="c", exit_code=1)
    world.result(1, 1400)
    events = world.followed(failed_only=True)
    assert messages(events) == all_of(world, 0)
    assert ends(events[-1:]) == [("sub-02", "DONE")]


def test_a_record_that_names_a_strangers_stream_shows_none_of_its_lines() -> None:
    """Batch knows which streams are the job's; where it has forgotten the job, only the job definition's are read."""
    world = LogWorld(("sub-01", "sub-02"))
    for index in (0, 1):
        world.job(index, (0, "RUNNING", (f"s{index}",)), (20, "SUCCEEDED", (f"s{index}",)))
        world.line(f"s{index}", 2, f"own-{index}")
        world.recorded_streams.append((1, index, f"s{index}", 1))
        world.result(index, 20, log_stream=f"csa/default/s{index}")
    world.recorded_streams += [(1, 0, "payroll", 1), (1, 1, "s0", 2)]
    world.result(0, 20, log_stream="csa/default/taxes")
    for stream in ("payroll", "taxes", "csd/default/elsewhere"):
        world.line(stream, 3, f"a secret of {stream}")
    world.now = 100
    assert [(line.scan, line.message) for line in world.read()] == [("sub-01", "own-0"), ("sub-02", "own-1")]
    world.forgotten = True
    assert "a secret of csd/default/elsewhere" not in [line.message for line in world.read()]

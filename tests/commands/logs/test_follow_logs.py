"""Following a run: no line lost, none twice, each under its scan's name, until the end."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from support.log_world import LogWorld, Written, ends, lines

from opsctl.commands.logs.follow import ScanEnd
from opsctl.core.logs.log_line import LogLine


def quiet_run(*scans: str, until: float = 30) -> LogWorld:
    """A run whose jobs, one stream each, begin at 2 s, and whose results come long after their last lines."""
    world = LogWorld(scans)
    for index in range(len(scans)):
        world.job(index, (0, "RUNNABLE"), (2, "RUNNING", (f"s{index}",)), (until, "SUCCEEDED"))
        world.result(index, until)
    return world


def test_every_line_once_under_its_scan_and_each_end_once_and_last() -> None:
    world = quiet_run("sub-01", "sub-02")
    for number in range(10):
        world.line(f"s{number % 2}", 3 + number / 2, f"line {number}")
    events = world.followed()
    assert lines(events) == [(f"sub-0{number % 2 + 1}", f"line {number}") for number in range(10)]
    assert ends(events) == [("sub-01", "DONE"), ("sub-02", "DONE")]
    assert all(isinstance(event, ScanEnd) for event in events[-2:])
    assert isinstance(events[0], LogLine)
    assert events[0].timestamp_ms == 1_795_348_803_000


def test_time_is_waited_for_through_sleep_alone() -> None:
    world = quiet_run("sub-01", until=5)
    world.followed()
    assert set(world.sleeps) == {1.0}
    # To the end, and not much longer.
    assert 5 <= len(world.sleeps) <= 15


def test_a_run_whose_lines_are_never_late_is_over_with_its_last_job() -> None:
    world = quiet_run("sub-01", "sub-02", until=10)
    for index in (0, 1):
        world.line(f"s{index}", 9.9, "last line")
    events = world.followed(has_late_lines=False)
    assert Counter(lines(events)) == Counter({("sub-01", "last line"): 1, ("sub-02", "last line"): 1})
    assert ends(events) == [("sub-01", "DONE"), ("sub-02", "DONE")]
    assert sum(world.sleeps) == 10


def test_a_named_scan_whose_job_has_not_ended_may_still_write_lines() -> None:
    world = quiet_run("sub-01", "sub-02", until=40)
    world.result(0, 5)
    world.line("s0", 8, "written after the result")
    events = world.followed(indices=frozenset({0}), has_late_lines=False)
    assert ("sub-01", "written after the result") in lines(events)


def test_lines_that_come_together_are_in_times_order() -> None:
    world = quiet_run("sub-01", "sub-02")
    for number in range(20):
        # All of them are shown at once, at second 10.
        world.line(f"s{number % 2}", 3 + number / 10, f"{number}", late=10 - (3 + number / 10))
    assert [message for _, message in lines(world.followed())] == [str(number) for number in range(20)]


def test_lines_that_are_shown_late_are_not_lost() -> None:
    world = quiet_run("sub-01", "sub-02", until=70)
    world.line("s0", 3, "early")
    world.line("s1", 40, "newest")
    world.line("s0", 4, "shown half a minute late", late=40)
    assert Counter(lines(world.followed())) == Counter(
        {("sub-01", "early"): 1, ("sub-02", "newest"): 1, ("sub-01", "shown half a minute late"): 1}
    )


def test_a_stream_that_batch_tells_late_is_waited_for() -> None:
    world = LogWorld(("sub-01", "sub-02"))
    world.job(0, (0, "RUNNING", ("s0",)), (30, "SUCCEEDED"))
    # The lines are in CloudWatch at second 2, DescribeJobs knows the stream at second 8.
    world.job(1, (1, "RUNNING"), (8, "RUNNING", ("s1",)), (30, "SUCCEEDED"))
    for index in (0, 1):
        world.result(index, 30)
        for number in range(2, 12):
            world.line(f"s{index}", number, f"{number}")
    assert Counter(lines(world.followed())) == Counter(
        {(scan, str(number)): 1 for scan in ("sub-01", "sub-02") for number in range(2, 12)}
    )


def test_lines_of_another_run_of_the_same_model_are_not_shown() -> None:
    world = quiet_run("sub-01", until=40)
    for number in range(35):
        world.line("stranger", number, "of another run")
        world.line("s0", number + 2, f"{number}")
    assert lines(world.followed()) == [("sub-01", f"{number}") for number in range(35)]


def test_strangers_are_not_asked_about_for_ever() -> None:
    world = quiet_run("sub-01", until=200)
    for number in range(200):
        world.line("stranger", number, "of another run")
    world.followed()
    # The children are listed a few times while the stream's owner is looked for, ever more rarely.
    assert world.batch_calls < 10


def test_another_models_streams_are_not_even_read() -> None:
    world = quiet_run("sub-01")
    reader = world.reader()
    world.now = 10
    world.events.append(Written("csd/default/s0", 3, "of another model", 3))
    world.line("s0", 4, "ours")
    assert [line.message for line in reader.lines()] == ["ours"]


def test_streams_that_the_jobs_wrote_down_are_known_without_asking_batch() -> None:
    world = quiet_run("sub-01", "sub-02")
    for index in (0, 1):
        world.recorded_streams.append((2, index, f"s{index}", 1))
        world.line(f"s{index}", 3, f"{index}")
    assert Counter(lines(world.followed())) == Counter({("sub-01", "0"): 1, ("sub-02", "1"): 1})
    assert world.batch_calls == 0


def test_one_model_is_one_call_a_poll() -> None:
    world = quiet_run("sub-01", "sub-02")
    world.followed()
    assert set(world.prefixes_read) == {"csa/default/"}
    # A status, a reading of the group, a pause; at the end everything once more, without one.
    assert len(world.prefixes_read) == len(world.sleeps) + 2
    assert world.calls == len(world.prefixes_read)


def test_the_lines_of_jobs_adopted_on_their_way_are_read_from_their_own_runs_beginning() -> None:
    world = LogWorld(("sub-01", "sub-02"), adopted_from="csd")
    for index in (0, 1):
        world.job(index, (-3000, "RUNNING", (f"csd/default/s{index}",)), (30, "SUCCEEDED"))
        world.result(index, 30)
    world.line("csd/default/s0", -2000, "before this run")
    world.line("csd/default/s1", 5, "after it")
    assert lines(world.followed()) == [("sub-01", "before this run"), ("sub-02", "after it")]
    assert set(world.prefixes_read) == {"csa/default/", "csd/default/"}


def test_both_attempts_of_a_scan_are_shown_and_its_end_once() -> None:
    world = LogWorld(("sub-01",))
    world.job(
        0,
        (0, "RUNNING", ("first",)),
        (10, "RUNNABLE"),
        (20, "RUNNING", ("second",)),
        (40, "SUCCEEDED"),
    )
    world.line("first", 2, "attempt 1")
    world.line("second", 22, "attempt 2")
    # What the first attempt wrote does not count while Batch tries again.
    world.result(0, 9, status="failed", cause="a passing fault", exit_code=75)
    world.result(0, 40, attempt=2)
    events = world.followed()
    assert lines(events) == [("sub-01", "attempt 1"), ("sub-01", "attempt 2")]
    assert ends(events) == [("sub-01", "DONE")]


def test_what_a_job_writes_while_batch_is_asked_for_the_last_time_is_shown() -> None:
    world = quiet_run("sub-01", until=10)
    world.line("s0", 3, "first")

    def last_line() -> None:
        if world.now == 10 and len(world.events) == 1:
            world.line("s0", 9.9, "last")

    world.while_asked = last_line
    assert lines(world.followed()) == [("sub-01", "first"), ("sub-01", "last")]


def test_a_failed_scan_ends_with_its_cause() -> None:
    world = LogWorld(("sub-01", "sub-02"))
    for index in (0, 1):
        world.job(index, (0, "RUNNING", (f"s{index}",)), (5 + index, "FAILED"))
    world.result(0, 5, status="failed", cause="bval and bvec differ in count: 65 and 64", exit_code=2)
    events = world.followed()
    assert ends(events) == [("sub-01", "FAILED"), ("sub-02", "FAILED")]
    causes = [event.scan.cause for event in events if isinstance(event, ScanEnd)]
    assert causes == ["bval and bvec differ in count: 65 and 64", "failed without a reason"]


def test_a_run_that_batch_has_forgotten_is_read_by_its_results() -> None:
    world = LogWorld(("sub-01", "sub-02"), forgotten=True, now=900)
    for index in (0, 1):
        world.result(index, 60, log_stream=f"csa/default/s{index}")
        world.line(f"s{index}", 10 + index, f"line {index}")
    events = world.followed()
    assert lines(events) == [("sub-01", "line 0"), ("sub-02", "line 1")]
    assert len(ends(events)) == 2
    assert len(world.sleeps) <= 10


def test_reading_once_and_again_shows_only_what_is_new() -> None:
    world = quiet_run("sub-01")
    reader = world.reader()
    world.line("s0", 3, "a")
    world.now = 5
    assert [line.message for line in reader.lines()] == ["a"]
    assert reader.lines() == []
    world.line("s0", 6, "b")
    world.now = 7
    assert [line.message for line in reader.lines()] == ["b"]


def test_a_long_run_is_read_from_its_beginning() -> None:
    world = quiet_run("sub-01", until=2000)
    for number in range(0, 1500, 100):
        world.line("s0", 3 + number, f"{number}")
    world.now = 1600
    assert [line.message for line in world.reader().lines()] == [str(number) for number in range(0, 1500, 100)]


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.data())
def test_no_line_is_lost_and_none_is_shown_twice(data: st.DataObject) -> None:
    """Any number of scans, lines and delays, as long as CloudWatch has shown all before the run is over."""
    count = data.draw(st.integers(1, 3))
    world = LogWorld(tuple(f"sub-{index}" for index in range(count)), page_size=data.draw(st.integers(1, 5)))
    for index in range(count):
        begins = data.draw(st.integers(0, 20))
        told = begins + data.draw(st.integers(0, 5))
        world.job(index, (0, "RUNNABLE"), (begins, "RUNNING"), (told, "RUNNING", (f"s{index}",)), (60, "SUCCEEDED"))
        world.result(index, 60, **({} if data.draw(st.booleans()) else {"status": "failed", "cause": "c"}))
        for number, (after, late) in enumerate(data.draw(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 15))))):
            world.line(f"s{index}", begins + after, f"{index}-{number}", late=late)
    for number in range(data.draw(st.integers(0, 5))):
        world.line("stranger", number * 10, "not ours")
    events = world.followed()
    written = Counter(event.message for event in world.events if not event.stream.endswith("stranger"))
    assert Counter(message for _, message in lines(events)) == written
    assert all(message.startswith(scan.removeprefix("sub-")) for scan, message in lines(events))
    assert sorted(name for name, _ in ends(events)) == sorted(world.scans)


def test_the_last_lines_are_waited_for_after_the_end() -> None:
    world = quiet_run("sub-01", until=10)
    world.line("s0", 9.5, "shown two seconds after it was written", late=2)
    assert lines(world.followed()) == [("sub-01", "shown two seconds after it was written")]


def test_what_a_job_says_after_its_result_is_shown() -> None:
    world = LogWorld(("sub-01", "sub-02"))
    world.job(0, (0, "RUNNING", ("s0",)), (25, "SUCCEEDED"))
    world.result(0, 10)
    # The other one's end makes the first one's result known.
    world.job(1, (0, "RUNNING", ("s1",)), (12, "SUCCEEDED"))
    world.result(1, 11)
    world.line("s0", 5, "running: m2g")
    world.line("s0", 22, "done: pushed 12 files")
    assert lines(world.followed()) == [("sub-01", "running: m2g"), ("sub-01", "done: pushed 12 files")]


def test_the_lines_of_a_first_attempt_are_shown_while_the_job_waits_for_its_second() -> None:
    world = LogWorld(("sub-01",))
    # The first attempt ends between two polls.
    world.job(
        0,
        (0, "RUNNABLE"),
        (1.2, "RUNNING", ("first",)),
        (1.8, "RUNNABLE"),
        (30, "RUNNING", ("second",)),
        (40, "FAILED"),
    )
    world.line("first", 1.5, "attempt 1")
    world.line("second", 31, "attempt 2")
    world.result(0, 40, status="failed", cause="c", exit_code=75)
    assert lines(world.followed()) == [("sub-01", "attempt 1"), ("sub-01", "attempt 2")]


def test_a_stream_that_is_told_twenty_seconds_late_loses_nothing() -> None:
    world = LogWorld(("sub-01",))
    world.job(0, (0, "RUNNING"), (20, "RUNNING", ("s0",)), (60, "SUCCEEDED"))
    world.result(0, 60)
    for second in range(1, 50):
        world.line("s0", second, f"{second}")
    assert len(lines(world.followed())) == len(world.events)

"""A hundred thousand lines, hundreds of streams, lines that come minutes late, other runs beside."""

from __future__ import annotations

from collections import Counter

from support.log_world import LogWorld, lines, messages

from opsctl.aws.logs import LogEvent
from opsctl.commands.logs import reader as reader_module
from opsctl.commands.logs import streams
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.status import BatchJob

STREAMS = 300
LINES = 100_000


def big_run(*, seconds: int) -> LogWorld:
    """Lines of 300 scans, spread over some seconds."""
    world = LogWorld(tuple(f"sub-{index:03d}" for index in range(STREAMS)), page_size=10_000)
    for index in range(STREAMS):
        world.recorded_streams.append((0, index, f"s{index}", 1))
        world.job(index, (0, "RUNNING"), (seconds, "SUCCEEDED"))
        world.result(index, seconds)
    for number in range(LINES):
        world.line(f"s{number * 7 % STREAMS}", seconds * number / LINES, f"{number}")
    return world


def expected() -> list[tuple[str, str]]:
    return [(f"sub-{number * 7 % STREAMS:03d}", f"{number}") for number in range(LINES)]


def test_all_lines_arrive_complete_and_in_order() -> None:
    world = big_run(seconds=2000)
    world.now = 2000
    assert lines(world.read()) == expected()
    # Each page is read once; half of the scripted pages are empty.
    assert len(world.prefixes_read) == 1


def test_all_lines_arrive_complete_and_in_order_while_they_are_written() -> None:
    world = big_run(seconds=3)
    assert lines(world.followed()) == expected()


def test_what_does_not_fit_into_memory_at_once_comes_in_parts(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(reader_module, "_MOST_HELD", 500)
    world = LogWorld(("sub-01",), page_size=100)
    world.recorded_streams.append((0, 0, "s0", 1))
    world.job(0, (0, "RUNNING"), (10, "SUCCEEDED"))
    world.result(0, 10)
    for number in range(3000):
        world.line("s0", number / 300, f"{number}")
    world.now = 20
    reader = world.reader()
    parts = []
    while not reader.is_whole:
        parts.append(reader.lines())
    assert len(parts) > 5
    assert max(map(len, parts)) < 1000
    assert Counter(line.message for part in parts for line in part) == Counter(str(number) for number in range(3000))
    assert [line.message for line in world.read(last=4)] == ["2996", "2997", "2998", "2999"]
    assert [line.message for line in world.read(tail=4)] == ["2996", "2997", "2998", "2999"]


def test_a_line_that_is_shown_minutes_late_is_not_lost() -> None:
    world = LogWorld(("sub-01",))
    world.recorded_streams.append((0, 0, "s0", 1))
    world.job(0, (0, "RUNNING"), (600, "SUCCEEDED"))
    world.result(0, 600)
    for second in range(0, 600, 5):
        world.line("s0", second, f"{second}")
    world.line("s0", 50.5, "five minutes late", late=300)
    world.line("s0", 560.5, "after the end", late=41)
    shown = messages(world.followed())
    assert Counter(shown) == Counter(event.message for event in world.events)
    # It is looked for again and again, not only at the end.
    assert shown.index("five minutes late") < shown.index("400")


def test_a_stream_that_is_told_minutes_late_is_shown_whole() -> None:
    world = LogWorld(("sub-01", "sub-02"))
    for index in (0, 1):
        world.job(index, (0, "RUNNING"), (1500, "SUCCEEDED"))
        world.result(index, 1500, log_stream="")
        for second in range(0, 1500, 10):
            world.line(f"s{index}", second, f"{index}-{second}")
    # Longer ago than any pass reads back.
    world.recorded_streams += [(0, 0, "s0", 1), (900, 1, "s1", 1)]
    shown = messages(world.followed())
    assert Counter(shown) == Counter(event.message for event in world.events)
    assert shown.index("1-0") < shown.index("0-1400")


def test_a_line_that_is_later_than_any_pass_reads_back_is_shown_at_the_end() -> None:
    world = LogWorld(("sub-01",))
    world.recorded_streams.append((0, 0, "s0", 1))
    world.job(0, (0, "RUNNING"), (1500, "SUCCEEDED"))
    world.result(0, 1500)
    for second in range(0, 1500, 10):
        world.line("s0", second, f"{second}")
    world.line("s0", 50.5, "late", late=1200)
    assert Counter(messages(world.followed())) == Counter(event.message for event in world.events)


def test_an_attempt_without_a_stream_is_counted_too() -> None:
    def tried(number: int, stream: str) -> Attempt:
        return Attempt(index=0, number=number, job_id="p:0", log_stream=stream)

    job = BatchJob(job_id="p:0", status="RUNNING", attempts=(tried(1, ""), tried(2, "b")), log_streams=("b", "c"))
    assert streams._attempt_by_stream(job) == {"b": 2, "c": 3}


def test_the_records_are_not_read_at_every_line_of_another_run() -> None:
    world = LogWorld(("sub-01",))
    world.recorded_streams.append((0, 0, "s0", 1))
    world.job(0, (0, "RUNNING"), (300, "SUCCEEDED"))
    world.result(0, 300)
    for second in range(300):
        world.line("s0", second, f"{second}")
        world.line(f"stranger{second // 100}", second, "of another run")
    assert len(lines(world.followed())) == 300
    assert world.records_read < 40


def test_lines_of_one_millisecond_keep_the_order_of_their_ids() -> None:
    from opsctl.commands.logs.streams import StreamOwner

    owner = StreamOwner(0, 1)
    events = [LogEvent(f"{number:056d}", "s", 5, "m") for number in (11, 9, 10)]
    held = sorted(((event, owner) for event in events), key=reader_module._by_time)
    assert [int(event.event_id) for event, _ in held] == [9, 10, 11]


def test_long_lines_are_cut_and_do_not_fill_the_memory(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(reader_module, "_MOST_HELD_CHARACTERS", 500_000)
    world = LogWorld(("sub-01",), page_size=2)
    world.recorded_streams.append((0, 0, "s0", 1))
    world.job(0, (0, "RUNNING"), (10, "SUCCEEDED"))
    world.result(0, 10)
    for number in range(30):
        world.line("s0", number / 3, "x" * 10_000_000)
    world.now = 20
    reader = world.reader()
    parts = []
    while not reader.is_whole:
        parts.append(reader.lines())
        assert reader._characters == sum(len(event.message) for event, _ in reader._held) < 700_000
    assert len(parts) > 5
    assert {line.message for part in parts for line in part} == {"x" * 66_000 + "… cut, 9,934,000 more characters"}
    assert sum(map(len, parts)) == 30

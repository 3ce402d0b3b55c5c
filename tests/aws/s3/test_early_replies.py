"""Requests that are under way beside others: in order, the first error counts, and nothing goes on after the block."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Barrier, Event
from typing import Any

import pytest
from support.memory_s3 import MemoryS3

from opsctl.aws.s3.early_reply import asked_early, read_early, side_by_side
from opsctl.aws.s3.storage import Storage


def test_replies_come_in_the_order_of_the_items_and_no_more_than_so_many_at_once() -> None:
    # Each request waits for two others: with fewer at once it would wait for ever.
    together = Barrier(3, timeout=20)
    lock, under_way, most = threading.Lock(), 0, 0

    def ask(item: int) -> int:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        together.wait()
        with lock:
            under_way -= 1
        return item

    assert list(side_by_side(ask, range(9), at_once=3)) == list(range(9))
    assert most == 3


def test_the_first_item_that_failed_is_told_though_a_later_one_failed_earlier() -> None:
    later_has_failed = Event()

    def ask(item: int) -> int:
        if item == 1:
            later_has_failed.wait(20)
        try:
            raise ValueError(item)
        finally:
            later_has_failed.set()

    with pytest.raises(ValueError, match="1"):
        list(side_by_side(ask, [1, 2], at_once=2))


def test_after_an_error_no_further_request_is_begun() -> None:
    asked = []

    def ask(item: int) -> int:
        asked.append(item)
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        list(side_by_side(ask, range(100), at_once=2))
    assert sorted(asked) == [0, 1]


def test_what_is_read_ahead_ends_with_its_block_after_ctrl_c() -> None:
    begun_reading, interrupted, taken = Event(), Event(), []

    def elements() -> Iterator[int]:
        for number in range(1_000):
            taken.append(number)
            yield number
            begun_reading.set()
            interrupted.wait(20)

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), read_early(elements()):
        assert begun_reading.wait(20)
        # The request that is under way ends while the block waits for it.
        threading.Timer(0.01, interrupted.set).start()
        raise KeyboardInterrupt
    assert (taken, threading.active_count()) == ([0, 1], before)


def test_a_request_that_does_not_end_is_left_alone_after_ctrl_c() -> None:
    end = Event()
    with pytest.raises(KeyboardInterrupt), asked_early(lambda: end.wait(60)):
        raise KeyboardInterrupt
    end.set()


def test_folders_that_are_read_at_once_share_their_connections() -> None:
    lock, is_full = threading.Lock(), Event()
    under_way = most = 0

    class CountedS3(MemoryS3):
        def get_object(self, **request: Any) -> dict[str, Any]:
            nonlocal under_way, most
            with lock:
                under_way += 1
                most = max(most, under_way)
                if under_way >= 64:
                    is_full.set()
            # As many as may come have come; a limit that is too high lets more through in this time.
            is_full.wait(20)
            reply = super().get_object(**request)
            with lock:
                under_way -= 1
            return reply

    client: Any = CountedS3("data", now=lambda: datetime.now(UTC))
    keys = [f"{number:03d}" for number in range(100)]
    for key in keys:
        client.put_object(Bucket="data", Key=key, Body=b"x")
    storage = Storage(client)
    with asked_early(lambda: storage.get_bodies("data", keys)) as wait:
        assert len(storage.get_bodies("data", keys)) == len(wait()) == len(keys)
    assert most == 64


def test_an_error_is_told_where_the_reply_is_waited_for() -> None:
    def refused() -> Iterator[int]:
        raise ValueError("refused")
        yield

    with read_early(refused()) as wait, pytest.raises(ValueError, match="refused"):
        wait()
    with read_early(refused()):
        pass

"""What was read once is not read again; what cannot be kept is no failure."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import pytest

from opsctl.aws.s3 import cache as cache_module
from opsctl.aws.s3.cache import Cache, read_if_free
from opsctl.core.dataset.scan import S3Object


def one(key: str, etag: str) -> S3Object:
    return S3Object(key=key, size_bytes=1, etag=etag)


def test_bodies_are_known_by_bucket_key_and_etag(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    Cache(path).keep("data", {one("a", "1"): b"A", one("b", "1"): b"B"})
    later = Cache(path)
    assert later.get("data", [one("a", "1"), one("b", "2"), one("c", "1")]) == {"a": b"A"}
    assert later.get("other", [one("a", "1")]) == {}


def test_a_new_body_takes_the_old_ones_place(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "records.sqlite")
    cache.keep("data", {one("a", "1"): b"old"})
    cache.keep("data", {one("a", "2"): b"new"})
    assert cache.get("data", [one("a", "2")]) == {"a": b"new"}
    assert cache.get("data", [one("a", "1")]) == {}


def test_thousands_at_once(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "records.sqlite")
    many = {one(f"{number:05d}", "e"): b"%d" % number for number in range(3_000)}
    cache.keep("data", many)
    assert cache.get("data", many) == {f"{number:05d}": b"%d" % number for number in range(3_000)}


def test_many_threads_at_once(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "records.sqlite")

    def use(number: int) -> bool:
        mine = [one(f"{number}-{part}", "e") for part in range(20)]
        cache.keep("data", dict.fromkeys(mine, b"%d" % number))
        cache.put_value("data", f"note {number}", number)
        return (
            set(cache.get("data", mine).values()) == {b"%d" % number}
            and cache.get_value("data", f"note {number}") == number
        )

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(use, range(400)))


def test_where_there_is_no_file_values_last_as_long_as_the_process_and_bodies_take_no_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    damaged = tmp_path / "records.sqlite"
    damaged.write_bytes(b"this is no database" * 100)
    for cache in (Cache(tmp_path / "file" / "records.sqlite"), Cache(damaged), Cache()):
        cache.keep("data", {one("a", "1"): b"A"})
        cache.put_value("data", "runs", ["a"])
        assert cache.get("data", [one("a", "1")]) == {}
        assert cache.get_value("data", "runs") == ["a"]


HOSTILE_ROWS = ["text", 5, 1.5, None, b"x" * 2_000_000]


@pytest.mark.parametrize("body", HOSTILE_ROWS, ids=lambda body: type(body).__name__)
def test_a_row_that_opsctl_did_not_write_counts_as_missing(tmp_path: Path, body: object) -> None:
    path = tmp_path / "records.sqlite"
    cache = Cache(path)
    cache.keep("data", {one("a", "1"): b"A", one("b", "1"): b"B"})
    with sqlite3.connect(path) as other:
        other.execute("UPDATE bodies SET body = ? WHERE key = 'b'", (body,))
        other.execute("INSERT INTO notes VALUES ('data', 'n', ?)", (body,))
    other.close()
    assert Cache(path).get("data", [one("a", "1"), one("b", "1")]) == {"a": b"A"}
    # A number in a column of texts is one to SQLite, and JSON to the reader.
    assert Cache(path).get_value("data", "n") in (None, 5, 1.5)
    assert read_if_free(path, "data", "n") in (None, 5, 1.5)


@pytest.mark.parametrize("value", ["[" * 200_000, "{", "9" * 5000, "\0"])
def test_a_value_that_is_no_json_counts_as_missing(tmp_path: Path, value: str) -> None:
    path = tmp_path / "records.sqlite"
    Cache(path).put_value("data", "n", 1)
    with sqlite3.connect(path) as other:
        other.execute("UPDATE notes SET value = ?", (value,))
    other.close()
    assert Cache(path).get_value("data", "n") is None
    assert read_if_free(path, "data", "n") is None


def test_a_file_that_stays_locked_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "_LOCKED_SECONDS", 0.05)
    path = tmp_path / "records.sqlite"
    cache = Cache(path)
    cache.keep("data", {one("a", "1"): b"A"})
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert cache.get("data", [one("a", "1")]) == {}
    holder.execute("COMMIT")
    holder.close()
    # No second wait: the file is not asked again.
    assert cache.get("data", [one("a", "1")]) == {}
    cache.put_value("data", "n", 1)
    assert cache.get_value("data", "n") == 1


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_a_file_of_another_kind_is_not_used(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "records.sqlite"
    make(path)
    cache = Cache(path)
    cache.keep("data", {one("a", "1"): b"A"})
    assert cache.get("data", [one("a", "1")]) == {}
    assert read_if_free(path, "data", "n") is None


def test_forms_of_one_body_are_stored_apart(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "records.sqlite")
    cache.keep("data", {one("a", "1"): b"whole"})
    cache.keep("data", {one("a", "1"): b"short"}, form="short")
    assert cache.get("data", [one("a", "1")]) == {"a": b"whole"}
    assert cache.get("data", [one("a", "1")], form="short") == {"a": b"short"}
    cache.forget("data", lambda key: key == "a")
    assert cache.get("data", [one("a", "1")], form="short") == {}


def test_bodies_that_nobody_asks_for_are_removed_after_two_months(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    with mock.patch("opsctl.aws.s3.cache.time.time") as clock:

        def on_day(day: int) -> Cache:
            clock.return_value = 86_400.0 * (20_000 + day)
            return Cache(path)

        on_day(0).keep("data", {one("forgotten", "1"): b"A" * 100_000, one("used", "1"): b"B"})
        assert on_day(40).get("data", [one("used", "1")]) == {"used": b"B"}
        size = path.stat().st_size
        on_day(70).keep("data", {one("new", "1"): b"C"})
        everything = [one("forgotten", "1"), one("used", "1"), one("new", "1")]
        assert on_day(70).get("data", everything) == {"used": b"B", "new": b"C"}
    assert path.stat().st_size < size - 90_000


def test_there_is_a_largest_number_of_bodies(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    with mock.patch("opsctl.aws.s3.cache._MOST_BODIES", 3), mock.patch("opsctl.aws.s3.cache.time.time") as clock:
        for day in range(6):
            clock.return_value = 86_400.0 * (20_000 + day)
            Cache(path).keep("data", {one(f"k{day}", "1"): b"A"})
        assert list(Cache(path).get("data", [one(f"k{day}", "1") for day in range(6)])) == ["k2", "k3", "k4", "k5"]

"""What was read once is not read again; what cannot be kept is no failure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from opsctl.aws.s3.cache import Cache
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

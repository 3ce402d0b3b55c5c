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
    Cache(path).keep("data", {one("a", "1"): "A", one("b", "1"): "B"})
    later = Cache(path)
    assert later.get("data", [one("a", "1"), one("b", "2"), one("c", "1")]) == {"a": "A"}
    assert later.get("other", [one("a", "1")]) == {}


def test_a_new_body_takes_the_old_ones_place(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "records.sqlite")
    cache.keep("data", {one("a", "1"): "old"})
    cache.keep("data", {one("a", "2"): "new"})
    assert cache.get("data", [one("a", "2")]) == {"a": "new"}
    assert cache.get("data", [one("a", "1")]) == {}


def test_thousands_at_once(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "records.sqlite")
    many = {one(f"{number:05d}", "e"): str(number) for number in range(3_000)}
    cache.keep("data", many)
    assert cache.get("data", many) == {f"{number:05d}": str(number) for number in range(3_000)}


def test_many_threads_at_once(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "records.sqlite")

    def use(number: int) -> bool:
        mine = [one(f"{number}-{part}", "e") for part in range(20)]
        cache.keep("data", dict.fromkeys(mine, str(number)))
        cache.put_value("data", f"note {number}", number)
        return (
            set(cache.get("data", mine).values()) == {str(number)}
            and cache.get_value("data", f"note {number}") == number
        )

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(use, range(400)))


def test_where_it_cannot_be_kept_it_lasts_as_long_as_the_process(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "records.sqlite")
    cache.keep("data", {one("a", "1"): "A"})
    assert cache.get("data", [one("a", "1")]) == {"a": "A"}


def test_a_damaged_file_is_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    path.write_bytes(b"this is no database" * 100)
    cache = Cache(path)
    cache.keep("data", {one("a", "1"): "A"})
    assert cache.get("data", [one("a", "1")]) == {"a": "A"}

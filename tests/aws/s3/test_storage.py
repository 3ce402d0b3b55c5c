"""S3 through moto's S3: listings, records, files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from moto.backends import get_backend
from support.stored_json import stored_json

from opsctl.aws.s3.storage import Storage
from opsctl.core.dataset.scan import S3Object
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location


def put(s3: Any, *keys: str) -> None:
    for key in keys:
        s3.put_object(Bucket="data", Key=key, Body=b"x")


def keys(objects: list[S3Object]) -> list[str]:
    return sorted(one.key for one in objects)


def test_a_dataset_is_its_root_and_its_subjects_and_nothing_beside(s3: Any, storage: Storage) -> None:
    own = [
        "HNU1/dataset_description.json",
        "HNU1/dwi.bval",
        "HNU1/sub-01/dwi/a_dwi.nii",
        "HNU1/sub-02/ses-1/anat/b_dwi.nii",
    ]
    beside = [
        "HNU1/derivatives/m2g/sub-01/x",
        "HNU1/sourcedata/sub-01/x",
        "HNU10/sub-01/dwi/a_dwi.nii",
        "HNU1",
        "XHNU1/a",
    ]
    put(s3, *own, *beside)
    assert keys(storage.dataset(Location("data", "HNU1"))) == own


def test_a_dataset_at_the_buckets_root(s3: Any, storage: Storage) -> None:
    put(s3, "sub-01/dwi/a_dwi.nii", "README", "dataset_description.json", "opsctl/runs/R/run.json")
    assert keys(storage.dataset(Location("data", ""))) == ["dataset_description.json", "sub-01/dwi/a_dwi.nii"]


def test_objects_carry_size_and_etag_without_quotes(s3: Any, storage: Storage) -> None:
    s3.put_object(Bucket="data", Key="D/a b+é%20", Body=b"hello")
    assert list(storage.below(Location("data", "D"))) == [
        S3Object(key="D/a b+é%20", size_bytes=5, etag=hashlib.md5(b"hello").hexdigest())
    ]


def test_more_than_one_page(s3: Any, storage: Storage) -> None:
    # Straight into moto's store: 2,000 requests would take seconds.
    backend = get_backend("s3")["123456789012"]["aws"]
    for number in range(1_001):
        backend.put_object("data", f"D/sub-{number:04d}/dwi/x", b"")
        backend.put_object("data", f"D/sub-0000/many/{number:04d}", b"")
    assert len(list(storage.below(Location("data", "D")))) == 2_002
    assert len(storage.folders(Location("data", "D"))) == 1_001
    assert len(list(storage.below(Location("data", "D/sub-0000")))) == 1_002


def test_a_dataset_of_more_subjects_than_a_page_holds(s3: Any, storage: Storage, monkeypatch: Any) -> None:
    put(
        s3,
        *(f"D/sub-{number}/dwi/{name}_dwi.bval" for number in range(7) for name in "ab"),
        "D/dataset_description.json",
        "D/README",
    )
    real = s3.get_paginator

    def small_pages(name: str) -> Any:
        paginator = real(name)
        paginate = paginator.paginate
        paginator.paginate = lambda **request: paginate(PaginationConfig={"PageSize": 3}, **request)
        return paginator

    monkeypatch.setattr(s3, "get_paginator", small_pages)
    assert len(storage.dataset(Location("data", "D"))) == 15


def test_nothing_there_tells_what_there_is(s3: Any, storage: Storage) -> None:
    put(s3, "HNU1/sub-01/a", "KKI/sub-01/a", "opsctl/runs/R/run.json")
    with pytest.raises(Problem, match=r"There is nothing at s3://data/HNU2\.") as caught:
        storage.dataset(Location("data", "HNU2"))
    assert "HNU1" in caught.value.hint
    assert "opsctl upload" in caught.value.hint
    # The bucket's own records are not a dataset.
    assert "opsctl," not in caught.value.hint
    assert "opsctl." not in caught.value.hint


def test_an_empty_bucket(storage: Storage) -> None:
    with pytest.raises(Problem) as caught:
        storage.dataset(Location("data", "HNU1"))
    assert "holds no dataset yet" in caught.value.hint


def test_near_names_are_looked_for_beside_the_dataset(s3: Any, storage: Storage) -> None:
    put(s3, "studies/HNU1/sub-01/a", "other/sub-01/a")
    with pytest.raises(Problem) as caught:
        storage.dataset(Location("data", "studies/HNU2"))
    assert "HNU1" in caught.value.hint
    assert "other" not in caught.value.hint


def test_the_near_names_are_told_first(s3: Any, storage: Storage) -> None:
    put(s3, *(f"{name}/sub-01/a" for name in ("ABIDE", "ADHD", "BNU1", "BNU3", "DC1", "HNU1")))
    with pytest.raises(Problem) as caught:
        storage.dataset(Location("data", "HNU2"))
    assert "HNU1" in caught.value.hint


@pytest.mark.parametrize("call", ["dataset", "below", "folders"])
def test_a_missing_bucket(storage: Storage, call: str) -> None:
    with pytest.raises(Problem, match="bucket nosuch does not exist"):
        list(getattr(storage, call)(Location("nosuch", "HNU1")))


def test_records(s3: Any, storage: Storage) -> None:
    storage.put_json("data", "r/a.json", {"x": "é", "n": None})
    assert stored_json(storage, "r/a.json") == {"x": "é", "n": None}
    assert stored_json(storage, "r/none.json") is None
    assert s3.head_object(Bucket="data", Key="r/a.json")["ContentType"] == "application/json"


def test_many_records_keep_their_order_and_those_that_are_gone_are_left_out(storage: Storage) -> None:
    with storage.putting_bodies("data", [(f"r/{number:02d}", b'{"n": %d}' % number) for number in range(40)]) as wait:
        wait()
    wanted = [f"r/{number:02d}" for number in reversed(range(41))]
    bodies = storage.get_bodies("data", wanted)
    assert list(bodies) == wanted[1:]
    assert [json.loads(body)["n"] for body in bodies.values()] == list(reversed(range(40)))


def test_a_write_that_is_refused_is_told(storage: Storage) -> None:
    with pytest.raises(Problem, match="nosuch"), storage.putting_bodies("nosuch", [("a", b"{}"), ("b", b"{}")]) as wait:
        wait()


def test_records_on_their_way_end_with_the_block(s3: Any, storage: Storage) -> None:
    with pytest.raises(KeyboardInterrupt), storage.putting_bodies("data", ((f"r/{n}", b"{}") for n in range(5000))):
        raise KeyboardInterrupt
    there = sum(1 for _ in storage.below(Location("data", "r")))
    assert there < 5000
    assert sum(1 for _ in storage.below(Location("data", "r"))) == there


def test_bodies_are_taken_as_they_are_sent(storage: Storage) -> None:
    sent: list[str] = []
    waiting: list[int] = []

    def bodies() -> Iterator[tuple[str, bytes]]:
        for number in range(200):
            waiting.append(number - len(sent))
            yield f"r/{number}", b"{}"

    put = storage.client.put_object
    counted = mock.patch.object(storage.client, "put_object", side_effect=lambda **request: sent.append(put(**request)))
    with counted, storage.putting_bodies("data", bodies()) as wait:
        wait()
    assert len(sent) == 200
    assert max(waiting) <= 64


def test_what_the_making_of_a_body_raises_is_told(storage: Storage) -> None:
    def bodies() -> Iterator[tuple[str, bytes]]:
        yield "r/0", b"{}"
        raise Problem("the second cannot be made", "", code=ErrorCode.USAGE)

    with pytest.raises(Problem, match="cannot be made"), storage.putting_bodies("data", bodies()) as wait:
        wait()


def test_files_go_up(s3: Any, storage: Storage, tmp_path: Path) -> None:
    files = {f"D/{name}": tmp_path / name for name in ("a", "b c")}
    for path in files.values():
        path.write_bytes(b"123")
    arrived: list[tuple[str, int]] = []
    storage.upload(files, "data", done=lambda key, size: arrived.append((key, size)))
    assert sorted(arrived) == [("D/a", 3), ("D/b c", 3)]
    assert s3.get_object(Bucket="data", Key="D/b c")["Body"].read() == b"123"


def test_an_object_that_is_too_large_is_its_own_error_among_others(storage: Storage, s3: Any) -> None:
    s3.put_object(Bucket="data", Key="r/large", Body=b" " * 1001)
    s3.put_object(Bucket="data", Key="r/small", Body=b" " * 1000)
    bodies = storage.get_bodies("data", ["r/large", "r/small", "r/none"], at_most=1000)
    assert bodies["r/small"] == b" " * 1000
    assert str(bodies["r/large"]) == "s3://data/r/large has 1,001 bytes, more than the 1,000 that it may have."
    assert len(bodies) == 2

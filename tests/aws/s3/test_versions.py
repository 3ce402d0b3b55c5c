"""All versions of objects, and their deletion for good."""

from __future__ import annotations

from typing import Any

from moto.backends import get_backend

from opsctl.aws.s3.versions import Versions


def _versioned(s3: Any) -> None:
    s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})


def test_a_replaced_and_a_deleted_object_are_all_their_versions(s3: Any) -> None:
    _versioned(s3)
    for body in (b"one", b"three"):
        s3.put_object(Bucket="data", Key="a/replaced", Body=body)
    s3.put_object(Bucket="data", Key="a/deleted", Body=b"gone")
    s3.delete_object(Bucket="data", Key="a/deleted")
    s3.put_object(Bucket="data", Key="b", Body=b"elsewhere")
    seen = sorted(
        (version.key, version.size_bytes, version.is_current, version.is_delete_marker)
        for version in Versions(s3, "data").below("a/")
    )
    assert seen == [
        ("a/deleted", 0, True, True),
        ("a/deleted", 4, False, False),
        ("a/replaced", 3, False, False),
        ("a/replaced", 5, True, False),
    ]


def test_nothing_is_left_of_what_is_deleted_and_the_rest_stays(s3: Any) -> None:
    _versioned(s3)
    # Straight into moto's store: a thousand requests would take seconds.
    backend = get_backend("s3")["123456789012"]["aws"]
    for number in range(1003):
        backend.put_object("data", f"a/{number}", b"x")
    s3.delete_object(Bucket="data", Key="a/7")
    s3.put_object(Bucket="data", Key="b", Body=b"elsewhere")
    versions = Versions(s3, "data")
    # moto's pages depend on keys that are there, so the listing ends first; S3's do not.
    assert versions.delete(list(versions.below("a/"))) == []
    assert [version.key for version in versions.below("")] == ["b"]


def test_a_bucket_that_was_never_versioned(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a", Body=b"x")
    versions = Versions(s3, "data")
    assert versions.delete(versions.below("a")) == []
    assert list(versions.below("")) == []

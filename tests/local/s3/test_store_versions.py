"""A versioned bucket: every version is listed, survives a restart, and is gone from the disk once it is deleted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.local_servers import Bucket

from opsctl.aws.s3.versions import Versions


@pytest.fixture
def versioned(bucket: Bucket) -> Iterator[Bucket]:
    status = {"Status": "Enabled"}
    bucket.s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration=status)
    yield bucket
    versions = Versions(bucket.s3, bucket.name)
    versions.delete(list(versions.below("")))
    bucket.s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Suspended"})


def _seen(bucket: Bucket, prefix: str = "") -> list[tuple[str, int, bool, bool]]:
    return [
        (version.key, version.size_bytes, version.is_current, version.is_delete_marker)
        for version in Versions(bucket.s3, bucket.name).below(prefix)
    ]


def test_all_versions_come_back_after_a_kill(versioned: Bucket) -> None:
    for body in (b"1", b"22", b"333"):
        versioned.put("a/replaced", body, Tagging=f"size={len(body)}")
    versioned.put("a/deleted", b"gone")
    versioned.s3.delete_object(Bucket=versioned.name, Key="a/deleted")
    before = list(Versions(versioned.s3, versioned.name).below("a/"))
    assert sorted(_seen(versioned)) == [
        ("a/deleted", 0, True, True),
        ("a/deleted", 4, False, False),
        ("a/replaced", 1, False, False),
        ("a/replaced", 2, False, False),
        ("a/replaced", 3, True, False),
    ]

    versioned.restart(hard=True)

    assert list(Versions(versioned.s3, versioned.name).below("a/")) == before
    assert versioned.keys() == ["a/replaced"]
    for version in before:
        if not version.is_delete_marker:
            of_version = {"Bucket": versioned.name, "Key": version.key, "VersionId": version.version_id}
            assert len(versioned.s3.get_object(**of_version)["Body"].read()) == version.size_bytes


def test_a_deleted_version_leaves_neither_the_disk_nor_the_index(versioned: Bucket) -> None:
    for body in (b"old", b"new"):
        versioned.put("a", body)
    versioned.put("b", b"stays")
    versions = Versions(versioned.s3, versioned.name)
    old = [version for version in versions.below("a") if not version.is_current]
    assert versions.delete(old) == []
    assert versioned.body("a") == b"new"
    assert len(versioned.blobs()) == 2
    assert versions.delete(versions.below("a")) == []
    assert len(versioned.blobs()) == 1
    versioned.restart(hard=True)
    assert _seen(versioned) == [("b", 5, True, False)]


def test_pages_go_on_while_what_they_listed_is_deleted(versioned: Bucket) -> None:
    for number in range(40):
        versioned.put(f"a/{number:02d}", b"x")
        versioned.put(f"a/{number:02d}", b"xx")
    versioned.put("b", b"stays")
    seen = 0
    for page in versioned.s3.get_paginator("list_object_versions").paginate(
        Bucket=versioned.name, Prefix="a/", PaginationConfig={"PageSize": 7}
    ):
        seen += len(page["Versions"])
        for version in page["Versions"]:
            versioned.s3.delete_object(Bucket=versioned.name, Key=version["Key"], VersionId=version["VersionId"])
    assert seen == 80
    assert [key for key, *_ in _seen(versioned)] == ["b"]

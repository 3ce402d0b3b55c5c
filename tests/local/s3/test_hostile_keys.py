"""Keys with control, bidirectional and quoting characters over real HTTP: listed whole, and deleted for good."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.local_aws import running

from opsctl.aws.s3.storage import Storage
from opsctl.aws.s3.versions import Versions
from opsctl.core.errors import Problem
from opsctl.core.location import Location

NAMES = (
    *("\x1b[31mred\x1b]0;t\x07", "nul\x01", "c\r", "tab\t", "\x7f", "\x9b31m", "\u202egnp", "\u2066iso"),
    *("a//b", "..", "x/../y", "per%41cent", "plus+", "<&>", "q" * 900),
)


def test_hostile_keys_are_listed_and_deleted(tmp_path: Path) -> None:
    keys = {f"HNU1/sub-{name}/a_dwi.nii.gz" for name in NAMES} | {
        f"HNU1/{name}_T1w.nii.gz" for name in NAMES if "/" not in name
    }
    home = tmp_path / "home"
    home.mkdir()
    with running(home) as aws:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="data")
        s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
        for key in keys:
            s3.put_object(Bucket="data", Key=key, Body=b"x")
        storage, versions = Storage(s3), Versions(s3, "data")
        assert {obj.key for obj in storage.dataset(Location("data", "HNU1"))} == keys
        assert {obj.key for obj in storage.below(Location("data", "HNU1"))} == keys
        # botocore sends and takes the markers of the pages encoded.
        pages = s3.get_paginator("list_object_versions").paginate(Bucket="data", PaginationConfig={"PageSize": 3})
        assert {version["Key"] for page in pages for version in page["Versions"]} == keys
        for key in keys:
            s3.delete_object(Bucket="data", Key=key)
        assert len(list(versions.below("HNU1/"))) == 2 * len(keys)
        assert versions.delete(list(versions.below("HNU1/"))) == []
        assert list(versions.below("")) == []
        with pytest.raises(Problem):
            storage.dataset(Location("data", "HNU1"))

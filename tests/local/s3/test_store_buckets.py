"""Buckets: their listings, and their settings over a restart."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.local_servers import Bucket


def test_more_keys_than_a_page_has_are_listed_page_by_page(bucket: Bucket) -> None:
    names = [f"sub-{number:04d}/ses-{number % 2}/x y.nii" for number in range(1200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(bucket.put, names))
    pages = list(bucket.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket.name))
    assert [page["KeyCount"] for page in pages] == [1000, 200]
    assert [entry["Key"] for page in pages for entry in page["Contents"]] == names
    pages = list(bucket.s3.get_paginator("list_objects").paginate(Bucket=bucket.name))
    assert [entry["Key"] for page in pages for entry in page["Contents"]] == names
    assert bucket.keys(StartAfter=names[1034]) == names[1035:]
    assert bucket.keys(Prefix="sub-10", PaginationConfig={"PageSize": 7}) == names[1000:1100]
    folders = [
        folder["Prefix"]
        for page in bucket.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket.name, Delimiter="/")
        for folder in page["CommonPrefixes"]
    ]
    assert folders == [f"sub-{number:04d}/" for number in range(1200)]
    assert bucket.s3.list_objects_v2(Bucket=bucket.name, MaxKeys=5000)["KeyCount"] == 1000
    token = bucket.s3.list_objects_v2(Bucket=bucket.name)["NextContinuationToken"]
    bucket.restart()
    page = bucket.s3.list_objects_v2(Bucket=bucket.name, ContinuationToken=token)
    assert page["Contents"][0]["Key"] == names[1000]


def test_keys_and_common_prefixes_are_listed_as_s3_does(bucket: Bucket) -> None:
    for name in ("a", "a/1", "a/2", "a/b/3", "a0", "b/1", "b/2", "c"):
        bucket.put(name)

    def listed(**request: Any) -> list[str]:
        names: list[str] = []
        for page in bucket.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket.name, **request):
            names += [entry["Key"] for entry in page.get("Contents", [])]
            names += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        return names

    assert listed(Delimiter="/") == ["a", "a0", "c", "a/", "b/"]
    single = {"PageSize": 1}
    assert listed(Delimiter="/", PaginationConfig=single) == ["a", "a/", "a0", "b/", "c"]
    assert listed(Delimiter="/", Prefix="a/", PaginationConfig=single) == ["a/1", "a/2", "a/b/"]
    assert listed(Delimiter="/", StartAfter="b/1") == ["c", "b/"]
    assert listed(Delimiter="/", StartAfter="b/2") == ["c"]
    assert listed(Prefix="zzz") == []
    assert bucket.s3.list_objects_v2(Bucket=bucket.name, MaxKeys=0)["KeyCount"] == 0


def test_a_buckets_settings_come_back_and_a_deleted_bucket_does_not(bucket: Bucket) -> None:
    s3 = bucket.s3
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    block = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    s3.put_public_access_block(Bucket="kept", PublicAccessBlockConfiguration=block)
    rule = {
        "ServerSideEncryptionConfiguration": {
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        }
    }
    s3.put_bucket_encryption(Bucket="kept", **rule)
    lifecycle = {"Rules": [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": "a"}, "Expiration": {"Days": 3}}]}
    s3.put_bucket_lifecycle_configuration(Bucket="kept", LifecycleConfiguration=lifecycle)
    s3.put_bucket_tagging(Bucket="kept", Tagging={"TagSet": [{"Key": "opsctl", "Value": "local"}]})
    s3.put_object(Bucket="kept", Key="k", Body=b"1")
    s3.put_object(Bucket="kept", Key="k", Body=b"2")
    s3.put_object(Bucket="kept", Key="deleted", Body=b"2")
    s3.delete_object(Bucket="kept", Key="deleted")
    s3.create_bucket(Bucket="dropped")
    s3.delete_bucket(Bucket="dropped")

    def facts() -> list[Any]:
        calls = ("versioning", "encryption", "lifecycle_configuration", "tagging", "location")
        answers = [getattr(bucket.s3, f"get_bucket_{call}")(Bucket="kept") for call in calls]
        answers.append(bucket.s3.get_public_access_block(Bucket="kept"))
        for answer in answers:
            del answer["ResponseMetadata"]
        return [*answers, [(entry["Name"], entry["CreationDate"]) for entry in bucket.s3.list_buckets()["Buckets"]]]

    before = facts()
    bucket.restart()
    assert facts() == before
    assert bucket.s3.get_object(Bucket="kept", Key="k")["Body"].read() == b"2"
    # Older versions and delete markers survive too.
    versions = bucket.s3.list_object_versions(Bucket="kept")
    assert (len(versions["Versions"]), len(versions["DeleteMarkers"])) == (3, 1)
    with pytest.raises(ClientError) as caught:
        bucket.s3.get_object(Bucket="kept", Key="deleted")
    assert caught.value.response["Error"]["Code"] == "NoSuchKey"


def test_a_policy_with_a_condition_denies_nothing_and_one_without_does(bucket: Bucket) -> None:
    def put(sid: str, resource: str, **more: Any) -> dict[str, Any]:
        return {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resource, **more}

    bucket.s3.create_bucket(Bucket="guarded")
    tls = put("tls", "arn:aws:s3:::guarded/*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    bucket.s3.put_bucket_policy(Bucket="guarded", Policy=json.dumps({"Version": "2012-10-17", "Statement": [tls]}))
    bucket.restart()
    bucket.s3.put_object(Bucket="guarded", Key="k", Body=b"1")
    statements = [tls, put("all", "arn:aws:s3:::guarded/*")]
    bucket.s3.put_bucket_policy(Bucket="guarded", Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    with pytest.raises(ClientError):
        bucket.s3.put_object(Bucket="guarded", Key="k", Body=b"1")
    bucket.s3.delete_bucket_policy(Bucket="guarded")

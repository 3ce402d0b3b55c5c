"""The bucket for states: created with safe settings, checked before it is used."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.stub import Stubber
from shared_world import ACCOUNT, REGION, Server

from opsctl.aws.s3.state_bucket import StateBucket
from opsctl.aws.s3.state_files import StateFiles
from opsctl.core.errors import Problem


@pytest.fixture
def name() -> str:
    return f"lab-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def bucket(s3: Any, name: str) -> StateBucket:
    return StateBucket(s3, name, region=REGION, account_id=ACCOUNT)


@pytest.fixture
def files(s3: Any, bucket: StateBucket) -> StateFiles:
    bucket.make()
    return StateFiles(s3, account_id=ACCOUNT, who="ann@laptop")


def test_a_bucket_that_is_made_is_fit(s3: Any, bucket: StateBucket, name: str) -> None:
    assert not bucket.exists()
    bucket.make()
    assert bucket.exists()
    assert bucket.is_versioned()
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True} and len(block) == 4
    rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    ownership = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
    assert ownership["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
    # It belongs to no platform: with `opsctl:platform` a `down` would count it as left behind.
    assert list(tags) == ["opsctl:state"]


def test_it_is_made_in_the_platforms_region(server: Server, name: str) -> None:
    client = server.client("s3", region="eu-central-1")
    bucket = StateBucket(client, name, region="eu-central-1", account_id=ACCOUNT)
    bucket.make()
    assert client.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-central-1"
    assert bucket.exists()


def test_one_that_may_be_public_is_refused(s3: Any, bucket: StateBucket, name: str) -> None:
    bucket.make()
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    with pytest.raises(Problem, match=f"{name} is not private") as caught:
        bucket.exists()
    assert f"aws s3api put-public-access-block --bucket {name}" in caught.value.hint
    s3.delete_public_access_block(Bucket=name)
    with pytest.raises(Problem, match=f"{name} is not private"):
        bucket.exists()


def test_one_without_versions_is_reported(s3: Any, bucket: StateBucket, name: str) -> None:
    bucket.make()
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    assert bucket.exists()
    assert not bucket.is_versioned()


@pytest.mark.parametrize(
    ("status", "code", "region", "message"),
    [
        (403, "403", "eu-central-1", "lab-states belongs to somebody else"),
        (403, "403", "us-west-2", "lab-states lies in us-west-2, the platform in eu-central-1"),
        (301, "301", "us-west-2", "lab-states lies in us-west-2, the platform in eu-central-1"),
    ],
)
def test_somebody_elses_bucket(server: Server, status: int, code: str, region: str, message: str) -> None:
    """As S3 answers HeadBucket with another account as the expected owner; moto does not look at that."""
    client = server.client("s3", region="eu-central-1")
    with Stubber(client) as stub:
        stub.add_client_error(
            "head_bucket",
            service_error_code=code,
            http_status_code=status,
            response_meta={"HTTPHeaders": {"x-amz-bucket-region": region}},
            expected_params={"Bucket": "lab-states", "ExpectedBucketOwner": ACCOUNT},
        )
        with pytest.raises(Problem, match=message):
            StateBucket(client, "lab-states", region="eu-central-1", account_id=ACCOUNT).exists()


def test_every_call_of_the_files_names_the_owner(files: StateFiles, s3: Any, name: str) -> None:
    owners: list[Any] = []
    s3.meta.events.register(
        "provide-client-params.s3", lambda params, **_: owners.append(params.get("ExpectedBucketOwner"))
    )
    files.create(name, "k", "{}")
    files.write(name, "k", "{}")
    files.read(name, "k")
    files.changed_at(name, "k")
    files.delete(name, "k")
    s3.meta.events.unregister("provide-client-params.s3", unique_id="owners")
    assert owners == [ACCOUNT] * 5


def test_nothing_is_written_over_what_is_there(files: StateFiles, name: str) -> None:
    files.create(name, "k", "first")
    with pytest.raises(Problem, match="has come into being just now"):
        files.create(name, "k", "second")
    assert files.read(name, "k") == "first"
    assert files.read(name, "other") is None
    assert files.read("no-such-bucket-here", "k") is None


def test_a_lock_is_held_by_one_and_says_by_whom(files: StateFiles, s3: Any, name: str) -> None:
    bob = StateFiles(s3, account_id=ACCOUNT, who="bob@ward3")
    with files.locked(name, "k"):
        with (
            pytest.raises(Problem, match=r"held by ann@laptop since \d{4}-\d\d-\d\d \d\d:\d\d UTC") as caught,
            bob.locked(name, "k"),
        ):
            pass
        assert f"aws s3 rm s3://{name}/k.tflock" in caught.value.hint
        # The refused one has not taken it away.
        assert files.read(name, "k.tflock") is not None
    with bob.locked(name, "k"):
        # Broken by hand, and another's now.
        files.write(name, "k.tflock", "another's")
    assert files.read(name, "k.tflock") == "another's"

"""`down --everything`: the bucket in all its versions, the repository, then Terraform's state; whatever stops it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from support.moto_s3 import KEYS

from opsctl.aws.clients import Clients
from opsctl.commands.platform.storage_removal import Storage, StorageReport, find_storage, remove_storage
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.inventory import managed_addresses, managed_ids

ACCOUNT = "123456789012"
STATE = {
    "resources": [
        {
            "mode": "managed",
            "type": "aws_s3_bucket",
            "name": "data",
            "instances": [{"index_key": 0, "attributes": {"id": "data"}}],
        },
        {
            "mode": "managed",
            "type": "aws_ecr_repository",
            "name": "jobs",
            "instances": [{"attributes": {"id": "opsctl-m2g"}}],
        },
        {"mode": "data", "type": "aws_s3_bucket", "name": "existing", "instances": [{"attributes": {"id": "own"}}]},
    ]
}


class FakeRoot:
    """Terraform's storage root, as far as its state goes."""

    def __init__(self, error: Problem | None = None) -> None:
        self.removed: list[str] = []
        self._error = error

    def state(self) -> dict[str, Any]:
        return STATE

    def state_rm(self, addresses: list[str]) -> None:
        if self._error is not None:
            raise self._error
        self.removed += addresses


@pytest.fixture
def clients(s3: Any) -> Clients:
    s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"22"):
        s3.put_object(Bucket="data", Key="HNU1/a", Body=body)
    s3.put_object(Bucket="data", Key="opsctl/deletions/x.json", Body=b"{}")
    s3.delete_object(Bucket="data", Key="opsctl/deletions/x.json")
    s3.create_multipart_upload(Bucket="data", Key="HNU1/big")
    ecr = boto3.client("ecr", **KEYS)
    ecr.create_repository(repositoryName="opsctl-m2g")
    made: Any = SimpleNamespace(s3=s3, ecr=ecr)
    return made  # type: ignore[no-any-return]


def found(clients: Clients, *, bucket: str | None = "data", own: str | None = None) -> Storage:
    return find_storage(clients, bucket=bucket, own_bucket=own, repository="opsctl-m2g", account_id=ACCOUNT)


def removed(clients: Clients, storage: Storage, root: Any, on_deleted: Any = lambda _: None) -> StorageReport:
    return remove_storage(
        storage,
        clients,
        root,
        account_id=ACCOUNT,
        who="ada@lab",
        timestamp=lambda: "2026-11-22T12:00:00Z",
        on_deleted=on_deleted,
    )


def test_the_addresses_of_a_state() -> None:
    assert managed_addresses(STATE) == ["aws_s3_bucket.data[0]", "aws_ecr_repository.jobs"]
    assert managed_ids(STATE, "aws_s3_bucket") == ["data"]


def test_all_is_gone_and_forgotten(clients: Clients) -> None:
    storage, root = found(clients), FakeRoot()
    assert (storage.contents.total.objects, storage.contents.total.versions) == (1, 4)
    report = removed(clients, storage, root)
    assert report.is_complete
    assert (report.deleted.total.versions, report.aborted_uploads, report.forgotten) == (4, 1, 2)
    assert clients.s3.list_buckets()["Buckets"] == []
    assert clients.ecr.describe_repositories()["repositories"] == []
    assert root.removed == ["aws_s3_bucket.data[0]", "aws_ecr_repository.jobs"]
    assert found(clients).is_gone


def test_an_own_bucket_is_never_touched(clients: Clients) -> None:
    report = removed(clients, found(clients, bucket=None, own="data"), FakeRoot())
    assert report.is_complete
    assert len(clients.s3.list_object_versions(Bucket="data")["Versions"]) == 3
    assert report.as_json()["own_bucket"] == "data"


def test_only_this_accounts_bucket_is_meant(clients: Clients) -> None:
    """moto has one owner; AWS answers 403 where the owner is another."""
    owners: list[tuple[str, str]] = []

    def note(params: dict[str, str], model: Any, **_: Any) -> None:
        owners.append((model.name, params["ExpectedBucketOwner"]))

    events = [f"provide-client-params.s3.{name}" for name in ("HeadBucket", "DeleteBucket")]
    for event in events:
        clients.s3.meta.events.register(event, note, unique_id=event)
    removed(clients, found(clients), None)
    for event in events:
        clients.s3.meta.events.unregister(event, unique_id=event)
    assert owners == [("HeadBucket", ACCOUNT), ("DeleteBucket", ACCOUNT)]


def test_interrupted_the_next_goes_on_and_the_state_comes_last(clients: Clients) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    root = FakeRoot()
    report = removed(clients, found(clients), root, stop)
    assert report.is_interrupted
    assert not report.is_complete
    assert root.removed == []
    clients.s3.delete_bucket(Bucket="data")
    report = removed(clients, found(clients), root)
    assert report.is_complete
    assert report.bucket is None
    assert len(root.removed) == 2


@pytest.mark.parametrize("operation", ["DeleteObjects", "DeleteBucket", "DeleteRepository"])
def test_half_denied_nothing_is_forgotten_and_the_next_goes_on(clients: Clients, operation: str) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)

    service: Any = clients.ecr if operation == "DeleteRepository" else clients.s3
    event = f"before-call.{service.meta.service_model.service_name}.{operation}"
    service.meta.events.register(event, refuse, unique_id="refuse")
    root = FakeRoot()
    try:
        report = removed(clients, found(clients), root)
    finally:
        service.meta.events.unregister(event, unique_id="refuse")
    assert not report.is_complete
    assert report.kept
    assert root.removed == []
    assert sum(report.left.values()) == (4 if operation == "DeleteObjects" else 0)
    assert removed(clients, found(clients), root).is_complete


def test_a_state_that_cannot_be_changed_is_told(clients: Clients) -> None:
    root = FakeRoot(Problem("Terraform says no", code=ErrorCode.TERRAFORM_FAILED))
    report = removed(clients, found(clients), root)
    assert not report.is_complete
    assert report.state_error == "Terraform says no"
    assert removed(clients, found(clients), FakeRoot()).is_complete

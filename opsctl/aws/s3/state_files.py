"""States of Terraform as objects on S3, written only where nothing else is, and under Terraform's own lock."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.core.errors import Problem
from opsctl.core.platform.terraform_errors import Lock

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MISSING = ("404", "NoSuchKey", "NoSuchBucket")
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


class StateFiles:
    """Objects of one account's buckets.

    Parameters
    ----------
    account_id
        Whose buckets they must be: a bucket of that name in another account is never read or written.
    who
        `ann@laptop`: what a lock and a note say.
    """

    def __init__(self, client: S3Client, *, account_id: str, who: str) -> None:
        self._client = client
        self._owner = account_id
        self.who = who

    def read(self, bucket: str, key: str) -> str | None:
        """An object's text, or None where there is none."""
        with translated(f"reading s3://{bucket}/{key}"):
            try:
                reply = self._client.get_object(Bucket=bucket, Key=key, ExpectedBucketOwner=self._owner)
                return reply["Body"].read().decode()
            except ClientError as error:
                if code_of(error) in _MISSING:
                    return None
                raise

    def changed_at(self, bucket: str, key: str) -> datetime | None:
        """When an object was written last, or None where there is none."""
        with translated(f"looking at s3://{bucket}/{key}"):
            try:
                return self._client.head_object(Bucket=bucket, Key=key, ExpectedBucketOwner=self._owner)["LastModified"]
            except ClientError as error:
                if code_of(error) in _MISSING:
                    return None
                raise

    def create(self, bucket: str, key: str, text: str) -> None:
        """Write an object where there is none.

        Raises
        ------
        Problem
            When one is there.
        """
        if not self._created(bucket, key, text):
            raise Problem(
                f"s3://{bucket}/{key} has come into being just now.", "Somebody else is at work: look, then try again."
            )

    def write(self, bucket: str, key: str, text: str) -> None:
        """Write an object over what is there."""
        with translated(f"writing s3://{bucket}/{key}"):
            self._client.put_object(**self._put(bucket, key, text))

    def delete(self, bucket: str, key: str) -> None:
        """Take an object away; a versioned bucket keeps it as an old version."""
        with translated(f"deleting s3://{bucket}/{key}"):
            self._client.delete_object(Bucket=bucket, Key=key, ExpectedBucketOwner=self._owner)

    @contextmanager
    def locked(self, bucket: str, key: str, lock_key: str) -> Iterator[None]:
        """Hold a state's lock as Terraform does, so that none works on it meanwhile.

        Raises
        ------
        Problem
            With who holds it since when.
        """
        lock = {
            "ID": str(uuid.uuid4()),
            "Operation": "OperationTypeMove",
            "Info": "",
            "Who": self.who,
            "Version": "opsctl",
            "Created": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "Path": f"{bucket}/{key}",
        }
        mine = json.dumps(lock)
        if not self._created(bucket, lock_key, mine):
            raise _held(self.read(bucket, lock_key), bucket, lock_key)
        try:
            yield
        finally:
            # Somebody may have broken it, and somebody else have it now.
            if self.read(bucket, lock_key) == mine:
                self.delete(bucket, lock_key)

    def _created(self, bucket: str, key: str, text: str) -> bool:
        with translated(f"writing s3://{bucket}/{key}"):
            try:
                self._client.put_object(**self._put(bucket, key, text), IfNoneMatch="*")
            except ClientError as error:
                if code_of(error) in _TAKEN:
                    return False
                raise
        return True

    def _put(self, bucket: str, key: str, text: str) -> dict[str, Any]:
        return {
            "Bucket": bucket,
            "Key": key,
            "Body": text.encode(),
            "ContentType": "application/json",
            "ServerSideEncryption": "AES256",
            "ExpectedBucketOwner": self._owner,
        }


def _held(text: str | None, bucket: str, lock_key: str) -> Problem:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = {}
    lock = Lock(
        id=found.get("ID", ""),
        who=found.get("Who", "somebody"),
        created=found.get("Created", "")[:16].replace("T", " "),
        operation=found.get("Operation", "").removeprefix("OperationType").lower(),
    )
    return lock.problem(unlock=f"aws s3 rm s3://{bucket}/{lock_key}")

"""Terraform states as S3 objects: read, written and deleted, with Terraform's own lock."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.aws.s3.body import read
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.foreign_json import parse
from opsctl.core.platform.terraform_errors import Lock
from opsctl.core.record import UnreadableRecord
from opsctl.core.size_limits import STATE_BYTES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MISSING = ("404", "NoSuchKey", "NoSuchBucket")
_PRECONDITION_FAILED = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


class StateFiles:
    """The state objects in one account's buckets.

    Parameters
    ----------
    account_id
        The account that must own the buckets: a bucket of the same name in another account is never read or written.
    who
        `ann@laptop`: recorded in locks and notes.
    """

    def __init__(self, client: S3Client, *, account_id: str, who: str) -> None:
        self._client = client
        self._owner = account_id
        self.who = who

    def read(self, bucket: str, key: str) -> str | None:
        """Return an object's text, or None if it does not exist.

        Raises
        ------
        UnreadableRecord
            The object is too large for a state, or no text.
        """
        with translated(f"reading s3://{bucket}/{key}"), _missing_suppressed():
            body, _ = read(self._client, at_most=STATE_BYTES, Bucket=bucket, Key=key, ExpectedBucketOwner=self._owner)
            try:
                return body.decode()
            except UnicodeDecodeError as error:
                raise UnreadableRecord(f"s3://{bucket}/{key}", "is no text in UTF-8.") from error
        return None

    def changed_at(self, bucket: str, key: str) -> datetime | None:
        """Return when an object was last written, or None if it does not exist."""
        with translated(f"looking at s3://{bucket}/{key}"), _missing_suppressed():
            return self._client.head_object(Bucket=bucket, Key=key, ExpectedBucketOwner=self._owner)["LastModified"]
        return None

    def create(self, bucket: str, key: str, text: str) -> None:
        """Write an object that must not exist yet.

        Raises
        ------
        Problem
            When it exists.
        """
        if not self._put_if_absent(bucket, key, text):
            raise Problem(
                f"s3://{bucket}/{key} has come into being just now.",
                "Somebody else is at work: look, then try again.",
                code=ErrorCode.CONCURRENT_CHANGE,
            )

    def write(self, bucket: str, key: str, text: str) -> None:
        """Write an object, replacing an existing one."""
        with translated(f"writing s3://{bucket}/{key}"):
            self._client.put_object(**self._put_parameters(bucket, key, text))

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object; a versioned bucket keeps it as an old version."""
        with translated(f"deleting s3://{bucket}/{key}"):
            self._client.delete_object(Bucket=bucket, Key=key, ExpectedBucketOwner=self._owner)

    @contextmanager
    def locked(self, bucket: str, key: str) -> Iterator[None]:
        """Hold the lock of a state as Terraform does, so that no Terraform works on the state meanwhile.

        Raises
        ------
        Problem
            When the lock is held; says by whom and since when.
        """
        # https://developer.hashicorp.com/terraform/language/backend/s3#state-locking
        lock_key = f"{key}.tflock"
        lock = json.dumps(
            {
                "ID": str(uuid.uuid4()),
                "Operation": "OperationTypeMove",
                "Who": self.who,
                "Version": "opsctl",
                "Created": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
                "Path": f"{bucket}/{key}",
            }
        )
        if not self._put_if_absent(bucket, lock_key, lock):
            raise _lock_problem(self.read(bucket, lock_key), bucket, lock_key)
        try:
            yield
        finally:
            # The lock may have been broken by hand, and belong to somebody else now.
            if self.read(bucket, lock_key) == lock:
                self.delete(bucket, lock_key)

    def _put_if_absent(self, bucket: str, key: str, text: str) -> bool:
        """Write an object unless it exists; return whether it was written."""
        with translated(f"writing s3://{bucket}/{key}"):
            try:
                self._client.put_object(**self._put_parameters(bucket, key, text), IfNoneMatch="*")
            except ClientError as error:
                if code_of(error) in _PRECONDITION_FAILED:
                    return False
                raise
        return True

    def _put_parameters(self, bucket: str, key: str, text: str) -> dict[str, Any]:
        return {
            "Bucket": bucket,
            "Key": key,
            "Body": text.encode(),
            "ContentType": "application/json",
            "ServerSideEncryption": "AES256",
            "ExpectedBucketOwner": self._owner,
        }


@contextmanager
def _missing_suppressed() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code_of(error) not in _MISSING:
            raise


def _lock_problem(text: str | None, bucket: str, lock_key: str) -> Problem:
    try:
        held = parse(text or "{}")
    except ValueError:
        held = None
    # Whoever may write to the bucket may have written anything there.
    texts = {name: str(value) for name, value in held.items()} if isinstance(held, dict) else {}
    lock = Lock(
        id=texts.get("ID", ""),
        who=texts.get("Who", "somebody"),
        created=texts.get("Created", "")[:16].replace("T", " "),
        operation=texts.get("Operation", "").removeprefix("OperationType").lower(),
    )
    return lock.problem(unlock=f"aws s3 rm s3://{bucket}/{lock_key}")

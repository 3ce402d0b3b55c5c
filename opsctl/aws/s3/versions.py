"""All versions of objects: what a versioned bucket keeps of objects that were replaced or deleted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from opsctl.aws.errors import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: DeleteObjects takes at most so many keys.
_KEYS_PER_CALL = 1000
#: Keys may have characters that no XML can hold, and DeleteObjects sends its keys as XML: one such key would be a
#: malformed request.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True, kw_only=True)
class ObjectVersion:
    """One version of an object, or a delete marker (0 bytes).

    Attributes
    ----------
    version_id
        `null` in a bucket that was never versioned.
    is_current
        Whether a reader without a version gets this one; the marker of a deleted object is current too.
    """

    key: str
    version_id: str
    size_bytes: int
    is_current: bool
    is_delete_marker: bool


@dataclass(frozen=True)
class NotDeleted:
    """A version that S3 did not delete, with S3's code and message."""

    version: ObjectVersion
    reason: str


class Versions:
    """The versions in one bucket.

    Parameters
    ----------
    client
        S3; the policy `docs/policies` calls the permissions `s3:ListBucketVersions` and `s3:DeleteObjectVersion`.
    """

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def below(self, prefix: str) -> Iterator[ObjectVersion]:
        """Every version and delete marker whose key begins with a prefix; an empty prefix means the whole bucket."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)
        with translated(f"listing the versions below s3://{self._bucket}/{prefix}"):
            for page in pages:
                for version in page.get("Versions", ()):
                    yield ObjectVersion(
                        key=version["Key"],
                        version_id=version["VersionId"],
                        size_bytes=version["Size"],
                        is_current=version["IsLatest"],
                        is_delete_marker=False,
                    )
                for marker in page.get("DeleteMarkers", ()):
                    yield ObjectVersion(
                        key=marker["Key"],
                        version_id=marker["VersionId"],
                        size_bytes=0,
                        is_current=marker["IsLatest"],
                        is_delete_marker=True,
                    )

    def delete(self, versions: Iterable[ObjectVersion]) -> list[NotDeleted]:
        """Delete versions for good, 1,000 a call; return those that S3 did not delete.

        Raises
        ------
        Problem
            When S3 refuses a call as a whole.
        """
        failures: list[NotDeleted] = []
        remaining = self._without_unnamable(versions, failures)
        while batch := list(islice(remaining, _KEYS_PER_CALL)):
            by_id = {(version.key, version.version_id): version for version in batch}
            # Some services name only the key of what they did not delete.
            by_id |= {(version.key, ""): version for version in reversed(batch)}
            with translated(f"deleting from s3://{self._bucket}"):
                reply = self._client.delete_objects(
                    Bucket=self._bucket,
                    Delete={
                        "Objects": [{"Key": version.key, "VersionId": version.version_id} for version in batch],
                        "Quiet": True,
                    },
                )
            failures += [
                NotDeleted(
                    by_id[error["Key"], error.get("VersionId", "")], f"{error['Code']}: {error.get('Message', '')}"
                )
                for error in reply.get("Errors", ())
            ]
        return failures

    def _without_unnamable(
        self, versions: Iterable[ObjectVersion], failures: list[NotDeleted]
    ) -> Iterator[ObjectVersion]:
        """The versions that DeleteObjects can name; the others are deleted by a call each."""
        for version in versions:
            if not _NOT_IN_XML.search(version.key):
                yield version
                continue
            with translated(f"deleting from s3://{self._bucket}"):
                try:
                    self._client.delete_object(Bucket=self._bucket, Key=version.key, VersionId=version.version_id)
                except ClientError as error:
                    detail = error.response["Error"]
                    failures.append(NotDeleted(version, f"{detail['Code']}: {detail.get('Message', '')}"))

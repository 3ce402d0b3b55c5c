"""Finds the bucket and repository of an earlier `up` whose Terraform state is not on this machine."""

from __future__ import annotations

from botocore.exceptions import ClientError

from opsctl.aws.clients import Clients
from opsctl.aws.errors import code_of, translated

_MISSING = {"404", "NoSuchBucket", "NotFound"}
_BUCKET_ADDRESS = "aws_s3_bucket.data[0]"
_REPOSITORY_ADDRESS = "aws_ecr_repository.jobs"


def existing_storage(clients: Clients, *, bucket: str | None, repository: str, account_id: str) -> dict[str, str]:
    """The bucket and the repository that exist: their ids by their addresses in the storage root.

    Reads only. Everything else in the storage root is a setting of the two, which Terraform writes again.

    Parameters
    ----------
    bucket
        The bucket's name in the storage root; None if the user's own bucket is used.
    account_id
        The bucket must belong to this account.
    """
    existing: dict[str, str] = {}
    with translated("looking for the data bucket"):
        try:
            if bucket is not None:
                clients.s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account_id)
                existing[_BUCKET_ADDRESS] = bucket
        except ClientError as error:
            if code_of(error) not in _MISSING:
                raise
    with translated("looking for the image repository"):
        try:
            clients.ecr.describe_repositories(repositoryNames=[repository])
            existing[_REPOSITORY_ADDRESS] = repository
        except ClientError as error:
            if code_of(error) != "RepositoryNotFoundException":
                raise
    return existing

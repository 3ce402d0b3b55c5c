"""What the storage root has made before, where its state is not known any more: on another machine, after a kill."""

from __future__ import annotations

from botocore.exceptions import ClientError

from opsctl.aws.clients import Clients
from opsctl.aws.errors import code_of, translated

_MISSING = {"404", "NoSuchBucket", "NotFound"}
_BUCKET_ADDRESS = "aws_s3_bucket.data[0]"
_REPOSITORY_ADDRESS = "aws_ecr_repository.jobs"


def existing_storage(clients: Clients, *, bucket: str | None, repository: str, account_id: str) -> dict[str, str]:
    """The bucket and the repository that are there: ids by their addresses in the storage root.

    Only looked at. All else that the storage root makes are settings of the two, which are written again as they were.

    Parameters
    ----------
    bucket
        The name that the storage root gives its bucket; None where somebody's own is used.
    account_id
        A bucket of another account's does not count.
    """
    found: dict[str, str] = {}
    with translated("looking for the data bucket"):
        try:
            if bucket is not None:
                clients.s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account_id)
                found[_BUCKET_ADDRESS] = bucket
        except ClientError as error:
            if code_of(error) not in _MISSING:
                raise
    with translated("looking for the image repository"):
        try:
            clients.ecr.describe_repositories(repositoryNames=[repository])
            found[_REPOSITORY_ADDRESS] = repository
        except ClientError as error:
            if code_of(error) != "RepositoryNotFoundException":
                raise
    return found

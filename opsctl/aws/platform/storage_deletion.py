"""Deletes the data bucket, once it is empty, and the image repository with its images."""

from __future__ import annotations

from botocore.exceptions import ClientError

from opsctl.aws.clients import Clients
from opsctl.aws.errors import code_of, translated
from opsctl.core.errors import Problem

_NO_BUCKET = ("NoSuchBucket", "404")
_NO_REPOSITORY = "RepositoryNotFoundException"


def has_bucket(clients: Clients, bucket: str, *, account_id: str) -> bool:
    """Whether the account has the bucket.

    Raises
    ------
    Problem
        When the bucket is another account's, or AWS refuses to tell.
    """
    with translated(f"looking for the bucket {bucket}"):
        try:
            clients.s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account_id)
        except ClientError as error:
            if code_of(error) in _NO_BUCKET:
                return False
            raise
    return True


def delete_bucket(clients: Clients, bucket: str, *, account_id: str) -> str:
    """Delete an empty bucket; returns why it stays, empty where it is gone."""
    try:
        with translated(f"deleting the bucket {bucket}"):
            clients.s3.delete_bucket(Bucket=bucket, ExpectedBucketOwner=account_id)
    except Problem as problem:
        is_gone = isinstance(problem.__cause__, ClientError) and code_of(problem.__cause__) in _NO_BUCKET
        return "" if is_gone else problem.what
    return ""


def image_count(clients: Clients, repository: str) -> int | None:
    """The number of images in the repository; None where there is no such repository."""
    with translated("looking at the image repository"):
        try:
            pages = clients.ecr.get_paginator("list_images").paginate(repositoryName=repository)
            return len({image["imageDigest"] for page in pages for image in page["imageIds"]})
        except ClientError as error:
            if code_of(error) == _NO_REPOSITORY:
                return None
            raise


def delete_repository(clients: Clients, repository: str) -> str:
    """Delete the repository with all its images; returns why it stays, empty where it is gone."""
    try:
        with translated(f"deleting the image repository {repository}"):
            clients.ecr.delete_repository(repositoryName=repository, force=True)
    except Problem as problem:
        is_gone = isinstance(problem.__cause__, ClientError) and code_of(problem.__cause__) == _NO_REPOSITORY
        return "" if is_gone else problem.what
    return ""

"""Multipart uploads that were begun and neither completed nor aborted: their parts are charged, and hold data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class UnfinishedUpload:
    """An upload in progress, or one that nobody goes on with."""

    key: str
    upload_id: str


class UnfinishedUploads:
    """The unfinished multipart uploads of one bucket.

    Parameters
    ----------
    client
        S3; needs the permissions `s3:ListBucketMultipartUploads` and `s3:AbortMultipartUpload`.
    """

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def below(self, prefix: str) -> Iterator[UnfinishedUpload]:
        """The uploads whose key begins with a prefix; an empty prefix means the whole bucket."""
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=prefix)
        with translated(f"listing the unfinished uploads below s3://{self._bucket}/{prefix}"):
            for page in pages:
                for upload in page.get("Uploads", ()):
                    yield UnfinishedUpload(upload["Key"], upload["UploadId"])

    def abort(self, upload: UnfinishedUpload) -> None:
        """End an upload and remove its parts; one that has ended meanwhile is no error."""
        with translated(f"aborting an upload to s3://{self._bucket}/"):
            try:
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=upload.key, UploadId=upload.upload_id)
            except ClientError as error:
                if code_of(error) != "NoSuchUpload":
                    raise

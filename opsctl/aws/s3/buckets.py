"""Checks that the platform can read a bucket that is not its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, NoCredentialsError

from opsctl.aws.errors import code_of, translated
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.harmless import harmless
from opsctl.core.location import Location
from opsctl.core.openneuro.accession import BUCKET as OPENNEURO_BUCKET

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_REGION_HEADER = "x-amz-bucket-region"
#: By this header the local platform says that it could not reach OpenNeuro (`opsctl.local.s3.public_bucket`).
_UNREACHABLE_HEADER = "x-opsctl-unreachable"


def ensure_readable(client: S3Client, location: Location, *, region: str) -> None:
    """Check a dataset's bucket before listing it.

    Parameters
    ----------
    region
        The platform's region: its jobs run there, and S3 charges a bucket's owner for every byte between regions.
        OpenNeuro's bucket may be in another one: its owner takes that upon itself.

    Raises
    ------
    Problem
        If the bucket does not exist, is in another region, is a requester-pays bucket, the caller lacks permission
        or credentials.
    """
    bucket = location.bucket
    with translated(f"looking at the bucket {bucket}"):
        try:
            headers = client.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
        except NoCredentialsError as error:
            raise Problem(
                f"There are no AWS credentials to read the bucket {bucket} with.",
                "Log in (`aws configure`), or add --no-sign-request if the bucket is public.",
                code=ErrorCode.CREDENTIALS_MISSING,
            ) from error
        except ClientError as error:
            headers = error.response["ResponseMetadata"]["HTTPHeaders"]
            if _UNREACHABLE_HEADER in headers:
                why = harmless(headers[_UNREACHABLE_HEADER])
                raise Problem(
                    f"OpenNeuro's bucket cannot be reached from this machine: {why}.",
                    "The local platform reads it over the internet. Is the network up, and HTTPS_PROXY right?",
                    code=ErrorCode.AWS_UNREACHABLE,
                ) from error
            if code_of(error) in ("404", "NoSuchBucket"):
                raise Problem(
                    f"The bucket {bucket} does not exist.", "Is its name right?", code=ErrorCode.BUCKET_NOT_FOUND
                ) from error
            _refuse_other_region(bucket, headers.get(_REGION_HEADER), region)
            if _is_requester_pays(client, location):
                raise Problem(
                    f"The bucket {bucket} makes its readers pay (requester pays), which the jobs do not do.",
                    "Copy the dataset into your data bucket (`aws s3 sync --request-payer`), then run it from there.",
                    code=ErrorCode.BUCKET_UNUSABLE,
                ) from error
            raise Problem(
                f"AWS does not permit s3:ListBucket on the bucket {bucket}.",
                "Ask its owner for s3:ListBucket and s3:GetObject, or add --no-sign-request if the bucket is public.",
                code=ErrorCode.AWS_DENIED,
            ) from error
    _refuse_other_region(bucket, headers.get(_REGION_HEADER), region)


def _refuse_other_region(bucket: str, other: str | None, region: str) -> None:
    if bucket != OPENNEURO_BUCKET and other is not None and other != region:
        raise Problem(
            f"The bucket {bucket} lies in {other}, the platform in {region}: every byte between them would be charged.",
            f"Make a platform there (`opsctl up --region {other} --name NAME`), or copy the dataset.",
            code=ErrorCode.BUCKET_UNUSABLE,
        )


def _is_requester_pays(client: S3Client, location: Location) -> bool:
    try:
        client.list_objects_v2(Bucket=location.bucket, Prefix=location.key_prefix, MaxKeys=1, RequestPayer="requester")
    except ClientError:
        return False
    return True

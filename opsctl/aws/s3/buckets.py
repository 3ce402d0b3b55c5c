"""Whether somebody else's bucket can be read from here, each obstacle in a sentence of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, NoCredentialsError

from opsctl.aws.errors import code_of, translated
from opsctl.core.errors import Problem
from opsctl.core.location import Location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_REGION = "x-amz-bucket-region"


def ensure_readable(client: S3Client, location: Location, *, region: str) -> None:
    """Look at a dataset's bucket before listing it.

    Parameters
    ----------
    region
        The platform's: its jobs read from there, and S3 charges for every byte that crosses regions.

    Raises
    ------
    Problem
        When the bucket does not exist, lies in another region, makes its readers pay, is not permitted, or no
        credentials are there to ask with.
    """
    bucket = location.bucket
    with translated(f"looking at the bucket {bucket}"):
        try:
            headers = client.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
        except NoCredentialsError as error:
            raise Problem(
                f"There are no AWS credentials to read the bucket {bucket} with.",
                "Log in (`aws configure`), or add --no-sign-request if the bucket is public.",
            ) from error
        except ClientError as error:
            headers = error.response["ResponseMetadata"]["HTTPHeaders"]
            if code_of(error) in ("404", "NoSuchBucket"):
                raise Problem(f"The bucket {bucket} does not exist.", "Is its name right?") from error
            _refuse_other_region(bucket, headers.get(_REGION), region)
            if _readers_pay(client, location):
                raise Problem(
                    f"The bucket {bucket} makes its readers pay (requester pays), which the jobs do not do.",
                    "Copy the dataset into your data bucket (`aws s3 sync --request-payer`), then run it from there.",
                ) from error
            raise Problem(
                f"AWS does not permit s3:ListBucket on the bucket {bucket}.",
                "Ask its owner for s3:ListBucket and s3:GetObject, or add --no-sign-request if the bucket is public.",
            ) from error
    _refuse_other_region(bucket, headers.get(_REGION), region)


def _refuse_other_region(bucket: str, found: str | None, region: str) -> None:
    if found is not None and found != region:
        raise Problem(
            f"The bucket {bucket} lies in {found}, the platform in {region}: every byte between them would be charged.",
            f"Make a platform there (`opsctl up --region {found} --name NAME`), or copy the dataset.",
        )


def _readers_pay(client: S3Client, location: Location) -> bool:
    try:
        client.list_objects_v2(Bucket=location.bucket, Prefix=location.key_prefix, MaxKeys=1, RequestPayer="requester")
    except ClientError:
        return False
    return True

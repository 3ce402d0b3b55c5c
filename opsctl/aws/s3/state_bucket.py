"""The bucket for Terraform's state: created with safe settings, or checked before it is used."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.core.errors import ErrorCode, Problem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import PublicAccessBlockConfigurationTypeDef, TagTypeDef

#: Not `opsctl:platform`, which the inventory looks for: the bucket belongs to no platform, and no `down` may count it.
TAG: TagTypeDef = {"Key": "opsctl:state", "Value": "terraform"}

_REGION_HEADER = "x-amz-bucket-region"
_PUBLIC_ACCESS_BLOCK: PublicAccessBlockConfigurationTypeDef = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


class StateBucket:
    """One bucket for states.

    Parameters
    ----------
    region, account_id
        The platform's region and account; the bucket must be in both.
    """

    def __init__(self, client: S3Client, name: str, *, region: str, account_id: str) -> None:
        self._client = client
        self._region = region
        self._bucket_and_owner: dict[str, Any] = {"Bucket": name, "ExpectedBucketOwner": account_id}
        self.name = name

    def exists(self) -> bool:
        """Return whether the bucket exists.

        Raises
        ------
        Problem
            When it belongs to another account, lies in another region, or is not private.
        """
        with translated(f"looking at the bucket {self.name}"):
            try:
                headers = self._client.head_bucket(**self._bucket_and_owner)["ResponseMetadata"]["HTTPHeaders"]
            except ClientError as error:
                if code_of(error) in ("404", "NoSuchBucket"):
                    return False
                headers = error.response["ResponseMetadata"]["HTTPHeaders"]
                self._refuse_other_region(headers)
                if code_of(error) in ("403", "AccessDenied"):
                    raise Problem(
                        f"The bucket {self.name} belongs to somebody else, or you may not use it.",
                        "Bucket names are global: name another one with --state, or ask its owner for permission.",
                        code=ErrorCode.BUCKET_UNUSABLE,
                    ) from error
                raise
            self._refuse_other_region(headers)
            self._refuse_public()
        return True

    def is_versioned(self) -> bool:
        """Return whether the bucket keeps the old versions of a state."""
        with translated(f"looking at the bucket {self.name}"):
            return self._client.get_bucket_versioning(**self._bucket_and_owner).get("Status") == "Enabled"

    def make(self) -> None:
        """Create the bucket: private, without ACLs, encrypted, versioned, TLS only."""
        arn = f"arn:{self._client.meta.partition}:s3:::{self.name}"
        tls_only = {
            "Sid": "DenyPlainHttp",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        # CreateBucket refuses us-east-1 as a location constraint: it is the default.
        location: dict[str, Any] = (
            {} if self._region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        )
        client, bucket_and_owner = self._client, self._bucket_and_owner
        with translated(f"making the bucket {self.name}"):
            # Another person of the account may create the bucket at the same moment.
            with suppress(client.exceptions.BucketAlreadyOwnedByYou):
                client.create_bucket(Bucket=self.name, ObjectOwnership="BucketOwnerEnforced", **location)
            client.put_public_access_block(**bucket_and_owner, PublicAccessBlockConfiguration=_PUBLIC_ACCESS_BLOCK)
            client.put_bucket_versioning(**bucket_and_owner, VersioningConfiguration={"Status": "Enabled"})
            client.put_bucket_encryption(
                **bucket_and_owner,
                ServerSideEncryptionConfiguration={
                    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
                },
            )
            client.put_bucket_policy(
                **bucket_and_owner,
                Policy=json.dumps({"Version": "2012-10-17", "Statement": [tls_only]}),
            )
            client.put_bucket_tagging(**bucket_and_owner, Tagging={"TagSet": [TAG]})

    def _refuse_other_region(self, headers: Any) -> None:
        region = headers.get(_REGION_HEADER)
        if region is not None and region != self._region:
            raise Problem(
                f"The bucket {self.name} lies in {region}, the platform in {self._region}.",
                "Name a bucket of the platform's region with --state; one that is not there yet is made.",
                code=ErrorCode.BUCKET_UNUSABLE,
            )

    def _refuse_public(self) -> None:
        try:
            settings = self._client.get_public_access_block(**self._bucket_and_owner)["PublicAccessBlockConfiguration"]
        except ClientError as error:
            if code_of(error) != "NoSuchPublicAccessBlockConfiguration":
                raise
            settings = {}
        if not all(settings.get(name) for name in _PUBLIC_ACCESS_BLOCK):
            required = ",".join(f"{name}=true" for name in _PUBLIC_ACCESS_BLOCK)
            raise Problem(
                f"The bucket {self.name} is not private: public access to it is not wholly blocked.",
                f"`aws s3api put-public-access-block --bucket {self.name} "
                f"--public-access-block-configuration {required}`, or name another bucket with --state.",
                code=ErrorCode.BUCKET_UNUSABLE,
            )

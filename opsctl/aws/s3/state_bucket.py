"""The bucket that keeps Terraform's state: made safely, or looked at before it is trusted."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.core.errors import Problem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import PublicAccessBlockConfigurationTypeDef, TagTypeDef

#: The inventory looks for `opsctl:platform`: this bucket belongs to no platform, and no `down` may count it.
TAG: TagTypeDef = {"Key": "opsctl:state", "Value": "terraform"}

_REGION = "x-amz-bucket-region"
_BLOCK: PublicAccessBlockConfigurationTypeDef = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


class StateBucket:
    """One bucket.

    Parameters
    ----------
    region, account_id
        The platform's: the state lies beside it.
    """

    def __init__(self, client: S3Client, name: str, *, region: str, account_id: str) -> None:
        self._client = client
        self._region = region
        self._ours: dict[str, Any] = {"Bucket": name, "ExpectedBucketOwner": account_id}
        self.name = name

    def exists(self) -> bool:
        """Whether it is there, and may be used.

        Raises
        ------
        Problem
            When it is somebody else's, lies in another region, or is not private.
        """
        with translated(f"looking at the bucket {self.name}"):
            try:
                headers = self._client.head_bucket(**self._ours)["ResponseMetadata"]["HTTPHeaders"]
            except ClientError as error:
                if code_of(error) in ("404", "NoSuchBucket"):
                    return False
                headers = error.response["ResponseMetadata"]["HTTPHeaders"]
                self._refuse_other_region(headers)
                if code_of(error) in ("403", "AccessDenied"):
                    raise Problem(
                        f"The bucket {self.name} belongs to somebody else, or you may not use it.",
                        "Bucket names are global: name another one with --state, or ask its owner for permission.",
                    ) from error
                raise
            self._refuse_other_region(headers)
            self._refuse_open()
        return True

    def is_versioned(self) -> bool:
        """Whether an overwritten state can be brought back."""
        with translated(f"looking at the bucket {self.name}"):
            return self._client.get_bucket_versioning(**self._ours).get("Status") == "Enabled"

    def make(self) -> None:
        """Make it: private, without ACLs, encrypted, versioned, TLS only."""
        arn = f"arn:{self._client.meta.partition}:s3:::{self.name}"
        tls_only = {
            "Sid": "DenyPlainHttp",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        # us-east-1 is the one region that must not be named.
        where: dict[str, Any] = (
            {} if self._region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        )
        client, ours = self._client, self._ours
        with translated(f"making the bucket {self.name}"):
            # Somebody of the same lab may make it at this very moment.
            with suppress(client.exceptions.BucketAlreadyOwnedByYou):
                client.create_bucket(Bucket=self.name, ObjectOwnership="BucketOwnerEnforced", **where)
            client.put_public_access_block(**ours, PublicAccessBlockConfiguration=_BLOCK)
            client.put_bucket_versioning(**ours, VersioningConfiguration={"Status": "Enabled"})
            client.put_bucket_encryption(
                **ours,
                ServerSideEncryptionConfiguration={
                    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
                },
            )
            client.put_bucket_policy(
                **ours,
                Policy=json.dumps({"Version": "2012-10-17", "Statement": [tls_only]}),
            )
            client.put_bucket_tagging(**ours, Tagging={"TagSet": [TAG]})

    def _refuse_other_region(self, headers: Any) -> None:
        found = headers.get(_REGION)
        if found is not None and found != self._region:
            raise Problem(
                f"The bucket {self.name} lies in {found}, the platform in {self._region}.",
                "Name a bucket of the platform's region with --state; one that is not there yet is made.",
            )

    def _refuse_open(self) -> None:
        try:
            block = self._client.get_public_access_block(**self._ours)["PublicAccessBlockConfiguration"]
        except ClientError as error:
            if code_of(error) != "NoSuchPublicAccessBlockConfiguration":
                raise
            block = {}
        if not all(block.get(name) for name in _BLOCK):
            settings = ",".join(f"{name}=true" for name in _BLOCK)
            raise Problem(
                f"The bucket {self.name} is not private: public access to it is not wholly blocked.",
                f"`aws s3api put-public-access-block --bucket {self.name} "
                f"--public-access-block-configuration {settings}`, or name another bucket with --state.",
            )

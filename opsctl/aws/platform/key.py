"""Reads a KMS key by its id, ARN or alias."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.aws.refusals import DENIED
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.foreign_json import parse
from opsctl.core.platform.key import Key

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

_KEY_ARN = re.compile(r"arn:[\w-]+:kms:[\w-]+:\d{12}:key/[\w-]+")
_MISSING = ("NotFoundException", "InvalidArnException")


def is_key_arn(name: str) -> bool:
    """Whether a name is already the ARN of a key, and not an alias or an id."""
    return _KEY_ARN.fullmatch(name) is not None


def read_key(kms: Any, name: str) -> Key | None:
    """A key with its policy; None where the caller may not look at it.

    Parameters
    ----------
    name
        An id, an ARN, `alias/NAME`, or the ARN of an alias.

    Raises
    ------
    Problem
        With the code `key_unusable` where there is no such key.
    """
    with translated(f"looking at the key {name}"):
        try:
            reply: Any = kms.describe_key(KeyId=name)["KeyMetadata"]
        except ClientError as error:
            if code_of(error) in DENIED:
                return None
            if code_of(error) in _MISSING:
                raise Problem(
                    f"There is no key {name} in {kms.meta.region_name}.",
                    "Name a key of the platform's region by its ARN, its id or alias/NAME.",
                    code=ErrorCode.KEY_UNUSABLE,
                ) from error
            raise
    key = Key(
        arn=reply["Arn"],
        state=reply.get("KeyState", ""),
        # The defaults are KMS's own.
        spec=reply.get("KeySpec", "SYMMETRIC_DEFAULT"),
        usage=reply.get("KeyUsage", "ENCRYPT_DECRYPT"),
        is_of_aws=reply.get("KeyManager") == "AWS",
    )
    return replace(key, policy=_policy(kms, key.arn))


def _policy(kms: Any, arn: str) -> Any:
    with translated(f"reading the policy of {arn}"):
        try:
            return parse(kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
        except ValueError:
            return None
        except ClientError as error:
            if code_of(error) in DENIED:
                return None
            raise


def repository_key(ecr: ECRClient, repository: str) -> str | None:
    """The ARN of the key of an existing repository; empty for ECR's own keys, None where there is no repository."""
    with translated(f"looking at the repository {repository}"):
        try:
            (reply,) = ecr.describe_repositories(repositoryNames=[repository])["repositories"]
        except ClientError as error:
            if code_of(error) == "RepositoryNotFoundException":
                return None
            raise
    return reply.get("encryptionConfiguration", {}).get("kmsKey", "")

"""What an image's name stands for today: its digest, where a registry of AWS can be asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

_PINNED = re.compile(r"@(sha256:[0-9a-f]{64})$")
# 123456789012.dkr.ecr.eu-central-1.amazonaws.com/opsctl-m2g:0.1.0
_ECR = re.compile(
    r"^(?P<account>\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/(?P<name>[^:@]+):(?P<tag>[^:@]+)$"
)


def digest_of(client: ECRClient, image: str) -> str | None:
    """`sha256:…` of an image, or None where nobody can tell: another registry, no permission, not pushed yet."""
    pinned = _PINNED.search(image)
    if pinned:
        return pinned[1]
    match = _ECR.match(image)
    if match is None:
        return None
    try:
        found = client.describe_images(
            registryId=match["account"], repositoryName=match["name"], imageIds=[{"imageTag": match["tag"]}]
        )["imageDetails"]
    except (ClientError, BotoCoreError):
        return None
    return found[0].get("imageDigest") if found else None

"""What an image's name says of itself, and what it stands for today where a registry of AWS can be asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient
    from mypy_boto3_ecr import ECRClient

    from opsctl.core.platform.platform import Platform

_PINNED = re.compile(r"@(sha256:[0-9a-f]{64})$")
_REGISTRY = r"(?P<account>\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/"
# 123456789012.dkr.ecr.eu-central-1.amazonaws.com/opsctl-m2g:0.1.0
_ECR = re.compile(rf"^{_REGISTRY}(?P<name>[^:@]+):(?P<tag>[^:@]+)$")


def pinned_digest(image: str) -> str | None:
    """The `sha256:…` that a name ends in, or None: a tag may mean something else tomorrow."""
    found = _PINNED.search(image)
    return found[1] if found else None


def is_in_ecr(image: str) -> bool:
    """Whether instances pull it from AWS: Docker Hub refuses anonymous pulls when 200 of them start at once."""
    return re.match(_REGISTRY, image) is not None


def digest_of(client: ECRClient, image: str) -> str | None:
    """`sha256:…` of an image, or None where nobody can tell: another registry, no permission, not pushed yet."""
    pinned = pinned_digest(image)
    if pinned:
        return pinned
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


def images_of(client: BatchClient, platform: Platform) -> dict[str, str | None]:
    """What each model's job definition runs; None where that revision is no longer there."""
    from opsctl.aws.errors import translated

    names = {model: one.job_definition for model, one in sorted(platform.models.items())}
    with translated("reading the job definitions"):
        found = client.describe_job_definitions(jobDefinitions=list(names.values()))["jobDefinitions"]
    images = {one["jobDefinitionArn"]: one.get("containerProperties", {}).get("image") for one in found}
    return {model: images.get(arn) for model, arn in names.items()}

"""Image names: their registry, tag and digest, and the digest that a tag on ECR has today."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient
    from mypy_boto3_ecr import ECRClient

    from opsctl.core.platform.platform import Platform

_PINNED = re.compile(r"@(sha256:[0-9a-f]{64})$")
_REGISTRY = r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
# 123456789012.dkr.ecr.eu-central-1.amazonaws.com/opsctl-m2g:0.1.0
_ECR = re.compile(rf"^{_REGISTRY}(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:\w+))?$")


def pinned_digest(image: str) -> str | None:
    """The `sha256:…` that a name ends in, or None: a tag may point to another image tomorrow."""
    match = _PINNED.search(image)
    return match[1] if match else None


def ecr_parts(image: str) -> re.Match[str] | None:
    """The `account`, `region`, `repository`, `tag` and `digest` of an image on ECR; None for any other registry."""
    return _ECR.match(image)


def is_in_ecr(image: str) -> bool:
    """Whether instances pull it from AWS: Docker Hub refuses anonymous pulls when 200 of them start at once."""
    return re.match(_REGISTRY, image) is not None


def digest_of(client: ECRClient, image: str) -> str | None:
    """`sha256:…` of an image; None if it is unknown: another registry, no permission, or not pushed yet."""
    pinned = pinned_digest(image)
    if pinned:
        return pinned
    parts = ecr_parts(image)
    if parts is None or not parts["tag"] or parts["digest"]:
        return None
    try:
        details = client.describe_images(
            registryId=parts["account"], repositoryName=parts["repository"], imageIds=[{"imageTag": parts["tag"]}]
        )["imageDetails"]
    except (ClientError, BotoCoreError):
        return None
    return details[0].get("imageDigest") if details else None


def images_of(client: BatchClient, platform: Platform) -> dict[str, str | None]:
    """The image of each model's job definition; None where that revision no longer exists."""
    from opsctl.aws.errors import translated

    arns = {model: resources.job_definition for model, resources in sorted(platform.models.items())}
    with translated("reading the job definitions"):
        reply = client.describe_job_definitions(jobDefinitions=list(arns.values()))
    images = {
        definition["jobDefinitionArn"]: definition.get("containerProperties", {}).get("image")
        for definition in reply["jobDefinitions"]
    }
    return {model: images.get(arn) for model, arn in arns.items()}

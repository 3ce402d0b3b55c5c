"""Image names: their registry, tag and digest, and whether ECR holds the image today."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of
from opsctl.aws.look import look
from opsctl.core.diagnosis.queue_snapshot import Image, NotVisible

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


def find_image(client: ECRClient, image: str) -> Image | NotVisible:
    """Whether ECR holds an image, and its digest.

    An image outside the client's region of ECR is not asked for: `exists` is then None.

    Returns
    -------
    Image or NotVisible
        `NotVisible` where AWS does not tell: that the image is missing is said only where ECR says so.
    """
    pinned, parts = pinned_digest(image), ecr_parts(image)
    if parts is None or parts["region"] != client.meta.region_name:
        return Image(image, None, digest=pinned)
    image_id: Any = {"imageDigest": parts["digest"]} if parts["digest"] else {"imageTag": parts["tag"] or "latest"}

    def ask() -> Image:
        try:
            details = client.describe_images(
                registryId=parts["account"], repositoryName=parts["repository"], imageIds=[image_id]
            )["imageDetails"]
        except ClientError as error:
            if code_of(error) == "ImageNotFoundException":
                return Image(image, False, digest=pinned)
            if code_of(error) == "RepositoryNotFoundException":
                return Image(image, False, digest=pinned, has_repository=False)
            raise
        return Image(image, bool(details), digest=pinned or (details[0].get("imageDigest") if details else None))

    return look("ecr:DescribeImages", ask)


def images_of(client: BatchClient, platform: Platform) -> dict[str, str | None]:
    """The image of each model's job definition; None where that revision no longer exists.

    Raises
    ------
    Problem
        Where AWS cannot be asked.
    """
    from opsctl.aws.batch.job_definitions import read_definitions
    from opsctl.aws.errors import translated

    with translated("reading the job definitions"):
        definitions = read_definitions(client, platform)
    return {model: definition.image if definition else None for model, definition in definitions.items()}

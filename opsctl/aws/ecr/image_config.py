"""An image's digest and labels, read from ECR without pulling the image."""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from opsctl.aws.ecr.image import ecr_parts
from opsctl.aws.ecr.registry import MANIFEST_TYPES, config_digest
from opsctl.aws.errors import code_of, translated
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.foreign_json import inner_object, parse_object

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

_SECONDS = 20
_LARGEST_CONFIG_BYTES = 4 * 1024**2


@dataclass(frozen=True)
class ImageConfig:
    """What ECR knows of an image.

    Attributes
    ----------
    digest
        `sha256:…` of its manifest.
    labels
        Its labels; none where it is an index of several images.
    """

    digest: str
    labels: Mapping[str, str]


def read_config(client: ECRClient, image: str) -> ImageConfig | None:
    """Read an image's configuration; None if the image is in another kind of registry, or not pushed yet.

    Raises
    ------
    Problem
        If AWS cannot be reached or refuses, or gives something that is not the image's configuration.
    """
    parts = ecr_parts(image)
    if parts is None:
        return None
    place = {"registryId": parts["account"], "repositoryName": parts["repository"]}
    image_id: Any = {"imageDigest": parts["digest"]} if parts["digest"] else {"imageTag": parts["tag"] or "latest"}
    with translated("reading the image's labels"):
        try:
            reply = client.batch_get_image(**place, imageIds=[image_id], acceptedMediaTypes=list(MANIFEST_TYPES))
        except ClientError as error:
            if code_of(error) in ("ImageNotFoundException", "RepositoryNotFoundException"):
                return None
            raise
        if not reply["images"]:
            return None
        stored = reply["images"][0]
        digest = config_digest(stored["imageManifest"])
        if not digest:
            return ImageConfig(stored["imageId"]["imageDigest"], {})
        layer = client.get_download_url_for_layer(**place, layerDigest=digest)
    content = _download(layer["downloadUrl"], digest=digest)
    return ImageConfig(stored["imageId"]["imageDigest"], _labels(content, image))


def _labels(content: bytes, image: str) -> dict[str, str]:
    """The labels of an image's configuration, which whoever may push writes."""
    try:
        labels = inner_object(inner_object(parse_object(content), "config"), "Labels")
    except ValueError as error:
        raise Problem(
            f"The configuration of the image {image} cannot be read: {error}.",
            "Push the image again.",
            code=ErrorCode.RECORD_UNREADABLE,
        ) from error
    return {name: value for name, value in labels.items() if isinstance(value, str)}


def _download(url: str, *, digest: str) -> bytes:
    """The content of a signed address, which must have the digest. The address is a secret for an hour: never shown."""
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as reply:  # noqa: S310  # from AWS, and the content is checked
            content: bytes = reply.read(_LARGEST_CONFIG_BYTES)
    except (OSError, HTTPException) as error:
        raise Problem(
            "The image's labels cannot be downloaded from ECR.", "Is the network up?", code=ErrorCode.AWS_UNREACHABLE
        ) from error
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
        raise Problem(
            "What was downloaded from ECR is not the image's configuration.",
            "Is there a proxy on the way?",
            code=ErrorCode.AWS_REFUSED,
        )
    return content

"""The platform's image repository on ECR: who may push, and what lies there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.core.errors import Problem

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

_NOT_THERE = {"ImageNotFoundException"}
_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)


@dataclass(frozen=True, kw_only=True)
class StoredImage:
    """An image as the repository holds it.

    Attributes
    ----------
    size_bytes
        As it is pulled: compressed.
    findings
        How many of each severity the repository's scan found; None where it has not scanned.
    """

    digest: str
    tags: tuple[str, ...]
    pushed_at: datetime | None
    size_bytes: int | None
    findings: Mapping[str, int] | None


class Registry:
    """One repository.

    Parameters
    ----------
    url
        `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`.
    """

    def __init__(self, client: ECRClient, url: str) -> None:
        self._client = client
        self.url = url
        self.host, _, self._name = url.partition("/")

    def login(self) -> str:
        """What a container engine's settings hold of a login, as its `auth`; good for twelve hours.

        Raises
        ------
        Problem
            When AWS gives none.
        """
        with translated("logging in to the image repository"):
            reply = self._client.get_authorization_token()
        return reply["authorizationData"][0]["authorizationToken"]

    def find(self, *, tag: str | None = None, digest: str | None = None) -> StoredImage | None:
        """The image of a tag or a digest; None when it is not there.

        Raises
        ------
        Problem
            When AWS cannot be asked, or there is no such repository.
        """
        wanted: Any = {"imageTag": tag} if tag else {"imageDigest": digest}
        with translated("asking for the image"):
            try:
                details = self._client.describe_images(repositoryName=self._name, imageIds=[wanted])["imageDetails"]
            except ClientError as error:
                if code_of(error) in _NOT_THERE:
                    return None
                raise
        if not details:
            return None
        found = details[0]
        counts = found.get("imageScanFindingsSummary", {}).get("findingSeverityCounts")
        return StoredImage(
            digest=found["imageDigest"],
            tags=tuple(sorted(found.get("imageTags", ()))),
            pushed_at=found.get("imagePushedAt"),
            size_bytes=found.get("imageSizeInBytes"),
            findings={str(severity): count for severity, count in counts.items()} if counts is not None else None,
        )

    def ids_of(self, tag: str) -> set[str]:
        """What an engine may call the image of a tag: by its manifest, or by its configuration, as engines differ."""
        with translated("asking for the image"):
            reply = self._client.batch_get_image(
                repositoryName=self._name, imageIds=[{"imageTag": tag}], acceptedMediaTypes=list(_MANIFESTS)
            )
        ids = set()
        for image in reply["images"]:
            ids.add(image["imageId"]["imageDigest"])
            ids.add(json.loads(image["imageManifest"]).get("config", {}).get("digest", ""))
        return ids - {""}


def ensure_same(registry: Registry, *, tag: str, digest: str) -> None:
    """Hold what the engine says it pushed against what AWS shows.

    Raises
    ------
    Problem
        When AWS shows another image under this tag. Nothing shown is no contradiction: not everyone may look.
    """
    try:
        stored = registry.find(tag=tag)
    except Problem:
        return
    if stored is not None and stored.digest != digest:
        raise Problem(
            f"{registry.url}:{tag} is {stored.digest}, but {digest} was pushed: somebody pushed at the same time.",
            "Push again with another --tag.",
        )

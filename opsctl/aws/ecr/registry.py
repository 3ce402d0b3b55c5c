"""The platform's image repository on ECR: login and stored images."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.foreign_json import inner_object, parse_object
from opsctl.core.image.scan import NOT_SCANNED, ImageScan, scan_of

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

MANIFEST_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class StoredImage:
    """An image in the repository.

    Attributes
    ----------
    size_bytes
        Compressed, as it is pulled.
    """

    digest: str
    tags: tuple[str, ...]
    pushed_at: datetime | None
    size_bytes: int | None


class Registry:
    """One image repository.

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
        """A login as the `auth` value of a container engine's configuration; valid for twelve hours.

        Raises
        ------
        Problem
            If AWS refuses.
        """
        with translated("logging in to the image repository"):
            reply = self._client.get_authorization_token()
        return reply["authorizationData"][0]["authorizationToken"]

    def find(self, *, tag: str | None = None, digest: str | None = None) -> StoredImage | None:
        """The image with a tag or a digest; None if there is none.

        Raises
        ------
        Problem
            If AWS cannot be reached or refuses, or there is no such repository.
        """
        image_id: Any = {"imageTag": tag} if tag else {"imageDigest": digest}
        with translated("asking for the image"):
            try:
                details = self._client.describe_images(repositoryName=self._name, imageIds=[image_id])["imageDetails"]
            except ClientError as error:
                if code_of(error) == "ImageNotFoundException":
                    return None
                raise
        if not details:
            return None
        detail = details[0]
        return StoredImage(
            digest=detail["imageDigest"],
            tags=tuple(sorted(detail.get("imageTags", ()))),
            pushed_at=detail.get("imagePushedAt"),
            size_bytes=detail.get("imageSizeInBytes"),
        )

    def scan(self, digest: str) -> ImageScan:
        """What ECR's scan of an image says.

        DescribeImages has it only for the earlier kind of basic scanning.

        Raises
        ------
        Problem
            If AWS cannot be reached or refuses.
        """
        with translated("asking for the image's scan"):
            try:
                reply = self._client.describe_image_scan_findings(
                    repositoryName=self._name, imageId={"imageDigest": digest}
                )
            except ClientError as error:
                if code_of(error) in ("ScanNotFoundException", "ImageNotFoundException"):
                    return ImageScan(status=NOT_SCANNED)
                raise
        status, findings = reply.get("imageScanStatus", {}), reply.get("imageScanFindings", {})
        counts = findings.get("findingSeverityCounts")
        return scan_of(
            str(status.get("status", "")),
            description=status.get("description", ""),
            counts={str(severity): count for severity, count in counts.items()} if counts is not None else None,
            completed_at=findings.get("imageScanCompletedAt"),
            is_enhanced=bool(findings.get("enhancedFindings")),
        )

    def ids_of(self, tag: str) -> set[str]:
        """The ids that an engine may give the image of a tag: the digest of its manifest or of its configuration."""
        with translated("asking for the image"):
            reply = self._client.batch_get_image(
                repositoryName=self._name, imageIds=[{"imageTag": tag}], acceptedMediaTypes=list(MANIFEST_TYPES)
            )
        ids = set()
        for image in reply["images"]:
            ids.add(image["imageId"]["imageDigest"])
            ids.add(config_digest(image["imageManifest"]))
        return ids - {""}


def config_digest(manifest: str) -> str:
    """The digest of the configuration that an image's manifest names; empty where it names none, as an index does.

    Raises
    ------
    Problem
        If it is no manifest: whoever may push writes it.
    """
    try:
        digest = inner_object(parse_object(manifest), "config").get("digest", "")
    except ValueError as error:
        digest = error
    if not isinstance(digest, str) or (digest and not _DIGEST.fullmatch(digest)):
        raise Problem(
            "The image's manifest in ECR cannot be read: it does not name a configuration.",
            "Push the image again.",
            code=ErrorCode.RECORD_UNREADABLE,
        )
    return digest


def ensure_same(registry: Registry, *, tag: str, digest: str) -> None:
    """Compare the digest that the engine pushed with the one that AWS shows.

    Raises
    ------
    Problem
        If AWS shows another image under this tag. If it shows none the caller may lack the permission to look.
    """
    try:
        stored = registry.find(tag=tag)
    except Problem:
        return
    if stored is not None and stored.digest != digest:
        raise Problem(
            f"{registry.url}:{tag} is {stored.digest}, but {digest} was pushed: somebody pushed at the same time.",
            "Push again with another --tag.",
            code=ErrorCode.CONCURRENT_CHANGE,
        )

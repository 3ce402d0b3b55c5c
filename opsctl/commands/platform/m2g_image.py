"""m2g's own image, below the runner: the image that a platform's job image is built on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from opsctl.aws.ecr.image import pinned_digest
from opsctl.aws.ecr.image_config import read_config
from opsctl.commands.platform.image import BASE_DIGEST_LABEL, SOURCE_LABEL, find_built
from opsctl.core.platform.platform import Platform
from opsctl.engine import find_engine
from opsctl.local.preview.version import preview_version

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


def m2g_image_on_ecr(client: ECRClient, image: str) -> str:
    """m2g's own image in a job image, for the platform's record.

    Returns
    -------
    str
        The digest of the base, if `opsctl image build` made the image. For any other image its own digest, because the
        base that it may name need not be m2g's; or its name, where no digest is known.

    Raises
    ------
    Problem
        If AWS cannot be reached or refuses.
    """
    config = read_config(client, image)
    if config is None:
        return unread_m2g_image(image)
    return _base_digest(config.labels.get(SOURCE_LABEL), config.labels.get(BASE_DIGEST_LABEL)) or config.digest


def unread_m2g_image(image: str) -> str:
    """What stands for m2g's own image where nobody can look into a job image: its digest, or else its name."""
    return pinned_digest(image) or image


def m2g_image_of(platform: Platform, environment: Mapping[str, str]) -> str:
    """m2g's own image in what a platform's jobs run from now on.

    On AWS the platform's record says it: everybody gets the same answer, and nobody who runs needs permissions on the
    repository. The local platform's jobs run what is on this machine at the moment, so it is looked up each time.

    Raises
    ------
    Problem
        If the local platform's container engine does not answer.
    """
    if not platform.is_local:
        return platform.m2g_image
    engine = platform.options.get("engine")
    if engine is None:
        return preview_version()
    built = find_built(find_engine(environment, name=engine), platform.image)
    if built is None:
        return unread_m2g_image(platform.image)
    return _base_digest(built.source, built.base_digest) or f"sha256:{built.image_id}"


def _base_digest(source: str | None, digest: str | None) -> str | None:
    """The base's digest, if `opsctl image build` made the image: any other image may be built on anything."""
    return digest or None if source else None

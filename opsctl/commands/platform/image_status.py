"""`image status`: which image a platform's jobs run, where it is stored, and what it was built from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from opsctl.aws.ecr.image import pinned_digest
from opsctl.aws.ecr.registry import Registry, StoredImage
from opsctl.commands.image.archive import archive_tag
from opsctl.commands.platform.image import (
    BASE_DIGEST_LABEL,
    PYTHON_LABEL,
    SOURCE_LABEL,
    SYSTEM_LABEL,
    BuiltImage,
    find_built,
)
from opsctl.core.errors import Problem
from opsctl.core.image.end_of_support import Support, supports
from opsctl.core.image.scan import ImageScan
from opsctl.core.platform.platform import Platform
from opsctl.engine import Engine


@dataclass(frozen=True, kw_only=True)
class Definition:
    """The image of a model's job definition.

    Attributes
    ----------
    name
        The job definition's name, with its revision.
    image
        None when that revision no longer exists.
    """

    model: str
    name: str
    image: str | None


@dataclass(frozen=True, kw_only=True)
class ImageStatus:
    """Everything known about the jobs' image.

    Attributes
    ----------
    repository_url
        None for the local platform, whose jobs run an image of the engine.
    stored
        The image in the repository; None when it is not there or could not be looked up.
    hidden
        Why the repository could not be asked, or empty.
    scan
        ECR's scan of the stored image; None when there is none stored, or ECR does not tell.
    scan_hidden
        Why ECR does not tell, or empty.
    local_image
        The same image on this machine; None when it is not here.
    source
        The hash of the code that this opsctl would build.
    m2g_image
        m2g's own image in it, as `run` compares it; None where the local platform's engine does not answer.
    support
        Until when the base's system and Python are mended; empty where nobody knows what they are.
    today
        The day on which that was asked, in UTC.
    is_archived
        Whether the repository has a copy of the base; None where it could not be asked or the base is not known.
    """

    platform: str
    definitions: tuple[Definition, ...]
    repository_url: str | None
    stored: StoredImage | None
    hidden: str
    scan: ImageScan | None
    scan_hidden: str
    local_image: BuiltImage | None
    source: str
    m2g_image: str | None
    support: tuple[Support, ...]
    today: date
    is_archived: bool | None

    @property
    def image(self) -> str | None:
        """The image of all models; None when they differ or it is unknown."""
        images = {definition.image for definition in self.definitions}
        return images.pop() if len(images) == 1 else None

    @property
    def is_pinned(self) -> bool:
        """Whether each job definition names a digest."""
        return all(definition.image and pinned_digest(definition.image) for definition in self.definitions)

    @property
    def is_own(self) -> bool:
        """Whether the image is in the platform's repository."""
        return bool(self.repository_url and self.image and self.image.startswith(self.repository_url))

    @property
    def is_outdated(self) -> bool | None:
        """Whether the image's code differs from this opsctl's; None when unknown."""
        return (
            None
            if self.local_image is None or self.local_image.source is None
            else self.local_image.source != self.source
        )

    def as_json(self) -> dict[str, Any]:
        """The output of `image status --json`."""
        value = asdict(self)
        if self.stored and self.stored.pushed_at:
            value["stored"]["pushed_at"] = self.stored.pushed_at.isoformat()
        if self.scan and self.scan.completed_at:
            value["scan"]["completed_at"] = self.scan.completed_at.isoformat()
        value["support"] = [
            {
                "name": part.name,
                "ends": part.ends.isoformat() if part.ends else None,
                "source": part.source,
                "is_over": part.is_over(self.today),
            }
            for part in self.support
        ]
        value["today"] = self.today.isoformat()
        return {**value, "is_pinned": self.is_pinned, "is_outdated": self.is_outdated}


def status(
    platform: Platform,
    images: Mapping[str, str | None],
    *,
    registry: Registry | None,
    engine: Engine | None,
    source: str,
    m2g_image: str | None,
    read_labels: Callable[[str], Mapping[str, str]],
    today: date,
) -> ImageStatus:
    """Combine what AWS and the engine know; either may be missing.

    Parameters
    ----------
    images
        The image of each model's job definition.
    registry
        None for the local platform.
    engine
        None when no engine answers.
    source
        The hash of the code that this opsctl would build.
    m2g_image
        m2g's own image (`opsctl.commands.platform.m2g_image`).
    read_labels
        The labels of an image of the repository, for a machine that does not have the image.
    today
        In UTC.
    """
    definitions = tuple(
        Definition(model=model, name=platform.models[model].job_definition.rpartition("/")[2], image=image)
        for model, image in images.items()
    )
    image = next((definition.image for definition in definitions if definition.image), None)
    stored, hidden = _find_stored(registry, image)
    scan, scan_hidden = _find_scan(registry, stored)
    local_image = _find_local(engine, image, stored, registry)
    system, python, base_digest = _base(local_image, image if stored else None, read_labels)
    return ImageStatus(
        platform=platform.name,
        definitions=definitions,
        repository_url=registry.url if registry else None,
        stored=stored,
        hidden=hidden,
        scan=scan,
        scan_hidden=scan_hidden,
        local_image=local_image,
        source=source,
        m2g_image=m2g_image,
        support=supports(system, python),
        today=today,
        is_archived=_is_archived(registry, base_digest),
    )


def _base(
    local_image: BuiltImage | None, stored_image: str | None, read_labels: Callable[[str], Mapping[str, str]]
) -> tuple[str | None, str | None, str | None]:
    """The system, the Python and the digest of the base, by the labels of an image that `image build` built."""
    if local_image is not None:
        is_built = local_image.source is not None
        return (local_image.system, local_image.python, local_image.base_digest) if is_built else (None, None, None)
    try:
        labels = read_labels(stored_image) if stored_image else {}
    except Problem:
        labels = {}
    if SOURCE_LABEL not in labels:
        return None, None, None
    return labels.get(SYSTEM_LABEL), labels.get(PYTHON_LABEL), labels.get(BASE_DIGEST_LABEL)


def _is_archived(registry: Registry | None, base_digest: str | None) -> bool | None:
    if registry is None or not base_digest:
        return None
    try:
        return registry.find(tag=archive_tag(base_digest)) is not None
    except Problem:
        return None


def _find_stored(registry: Registry | None, image: str | None) -> tuple[StoredImage | None, str]:
    if registry is None or image is None or not image.startswith(registry.url):
        return None, ""
    digest = pinned_digest(image)
    try:
        return registry.find(digest=digest, tag=None if digest else image.rpartition(":")[2]), ""
    except Problem as problem:
        return None, problem.what


def _find_scan(registry: Registry | None, stored: StoredImage | None) -> tuple[ImageScan | None, str]:
    if registry is None or stored is None:
        return None, ""
    try:
        return registry.scan(stored.digest), ""
    except Problem as problem:
        return None, problem.what


def _find_local(
    engine: Engine | None, image: str | None, stored: StoredImage | None, registry: Registry | None
) -> BuiltImage | None:
    """The image on this machine: by its name, or by the tag under which it was pushed from here."""
    if engine is None or image is None:
        return None
    tags = stored.tags if stored else ()
    names = [image, *(f"{registry.url}:{tag}" for tag in tags if registry)]
    return next((built for name in names if (built := find_built(engine, name))), None)

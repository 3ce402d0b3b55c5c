"""`image status`: what a platform's jobs run, where that lies, and what it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from opsctl.aws.ecr.image import pinned_digest
from opsctl.aws.ecr.registry import Registry, StoredImage
from opsctl.commands.platform.image import BuiltImage, find_built
from opsctl.core.errors import Problem
from opsctl.core.platform.platform import Platform
from opsctl.engine import Engine


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What a model's jobs run.

    Attributes
    ----------
    name
        The job definition's, with its revision.
    image
        None: that revision is no longer there.
    """

    model: str
    name: str
    image: str | None


@dataclass(frozen=True, kw_only=True)
class ImageStatus:
    """The answer.

    Attributes
    ----------
    repository_url
        None for the local platform, whose jobs run what the engine holds.
    stored
        The image in the repository; None when it is not there, or not asked for: `hidden` says why.
    hidden
        Why the repository could not be asked, or empty.
    made
        The same image on this machine, with what it was made from; None where it is not here.
    source
        The code that this opsctl would build.
    """

    platform: str
    definitions: tuple[Definition, ...]
    repository_url: str | None
    stored: StoredImage | None
    hidden: str
    made: BuiltImage | None
    source: str

    @property
    def image(self) -> str | None:
        """What all models run; None when they differ or it is not known."""
        images = {one.image for one in self.definitions}
        return images.pop() if len(images) == 1 else None

    @property
    def is_pinned(self) -> bool:
        """Whether each definition names a digest."""
        return all(one.image and pinned_digest(one.image) for one in self.definitions)

    @property
    def is_own(self) -> bool:
        """Whether it is of the platform's repository."""
        return bool(self.repository_url and self.image and self.image.startswith(self.repository_url))

    @property
    def is_outdated(self) -> bool | None:
        """Whether this opsctl's code is another than the image's; None when nobody can tell."""
        return None if self.made is None or self.made.source is None else self.made.source != self.source

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        value = asdict(self)
        if self.stored and self.stored.pushed_at:
            value["stored"]["pushed_at"] = self.stored.pushed_at.isoformat()
        return {**value, "is_pinned": self.is_pinned, "is_outdated": self.is_outdated}


def status(
    platform: Platform,
    images: Mapping[str, str | None],
    *,
    registry: Registry | None,
    engine: Engine | None,
    source: str,
) -> ImageStatus:
    """Put together what AWS and the engine know; either may be missing.

    Parameters
    ----------
    images
        What each model's job definition runs.
    registry
        None for the local platform.
    source
        Of the code that this opsctl would build.
    """
    definitions = tuple(
        Definition(model=model, name=platform.models[model].job_definition.rpartition("/")[2], image=image)
        for model, image in images.items()
    )
    image = next((one.image for one in definitions if one.image), None)
    stored, hidden = _stored(registry, image)
    return ImageStatus(
        platform=platform.name,
        definitions=definitions,
        repository_url=registry.url if registry else None,
        stored=stored,
        hidden=hidden,
        made=_made(engine, image, stored, registry),
        source=source,
    )


def _stored(registry: Registry | None, image: str | None) -> tuple[StoredImage | None, str]:
    if registry is None or image is None or not image.startswith(registry.url):
        return None, ""
    digest = pinned_digest(image)
    try:
        return registry.find(digest=digest, tag=None if digest else image.rpartition(":")[2]), ""
    except Problem as problem:
        return None, problem.what


def _made(
    engine: Engine | None, image: str | None, stored: StoredImage | None, registry: Registry | None
) -> BuiltImage | None:
    """The image as the engine has it: by its name, or by the tag under which it was pushed from here."""
    if engine is None or image is None:
        return None
    tags = stored.tags if stored else ()
    names = [image, *(f"{registry.url}:{tag}" for tag in tags if registry)]
    return next((built for name in names if (built := find_built(engine, name))), None)

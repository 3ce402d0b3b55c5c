"""`image archive`: keep a copy of the base image in the platform's repository, and build on it later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from opsctl.aws.ecr.image import pinned_digest
from opsctl.aws.ecr.registry import Registry, ensure_same
from opsctl.commands.image.base_image import (
    PLATFORM,
    Base,
    OnLine,
    inspect_image,
    pull,
    repository_of,
    user_of,
)
from opsctl.commands.platform.image_push import logged_in, push_name
from opsctl.core.errors import ErrorCode, Interrupted, Problem
from opsctl.engine import Engine


@dataclass(frozen=True, kw_only=True)
class ArchivedBase:
    """A base image in the platform's repository.

    Attributes
    ----------
    base, base_digest
        Its name and digest where it was published.
    image
        `REPOSITORY_URL@sha256:…`: an engine may compress it anew, so its digest may be another one here.
    tag
        Its tag in the repository, which has the digest where it was published.
    is_new
        False: the repository had it already.
    """

    base: str
    base_digest: str
    image: str
    tag: str
    is_new: bool


def archive_tag(digest: str) -> str:
    """The tag of a base's copy."""
    return f"base-{digest.replace(':', '-')}"


def archive(
    engine: Engine, registry: Registry, *, base: str | None, digest: str | None, on_line: OnLine
) -> ArchivedBase:
    """Copy a base image into the platform's repository, unless it is there.

    Parameters
    ----------
    base, digest
        Its name and digest, as the image that was built on it names them.

    Raises
    ------
    Problem
        When it has no digest, cannot be had, or the repository refuses the push.
    Interrupted
        After Ctrl-C; an interrupted push leaves nothing under the tag.
    """
    if base is None or digest is None:
        raise Problem(
            f"The base image {base or 'of the built image'} has no digest, so no copy can be told from another.",
            "Push it to a registry, and build on it from there: `opsctl image build --base IMAGE`.",
            code=ErrorCode.IMAGE_NOT_FOUND,
        )
    tag = archive_tag(digest)
    name = f"{registry.url}:{tag}"
    if stored := registry.find(tag=tag):
        return _archived(registry, base, digest, stored.digest, is_new=False)
    reference = f"{repository_of(base)}@{digest}"
    if inspect_image(engine, reference) is None:
        pull(engine, reference, on_line)
    engine.ask("tag", reference, name)
    try:
        pushed = push_name(engine, registry, name, on_line)
    except Interrupted:
        raise
    except Problem:
        # Another push may have been faster: then the repository refuses the tag.
        stored = registry.find(tag=tag)
        if stored is None:
            raise
        return _archived(registry, base, digest, stored.digest, is_new=False)
    ensure_same(registry, tag=tag, digest=pushed)
    return _archived(registry, base, digest, pushed, is_new=True)


def find_archived(
    engine: Engine, registry: Registry | None, *, name: str, digests: Iterable[str | None], on_line: OnLine
) -> Base:
    """The copy of a base image, on this machine.

    Parameters
    ----------
    registry
        The platform's repository; None for the local platform, whose copy is what the engine keeps.
    name
        The base's name where it was published.
    digests
        What it may mean, the likeliest first; a digest in the name comes before them.

    Raises
    ------
    Problem
        When there is no copy.
    """
    pinned = pinned_digest(name)
    candidates = list(dict.fromkeys(digest for digest in ([pinned] if pinned else digests) if digest))
    for digest in candidates:
        reference = (
            f"{repository_of(name)}@{digest}" if registry is None else _pulled(engine, registry, digest, on_line)
        )
        details = inspect_image(engine, reference) if reference else None
        if reference and details is not None:
            return Base(name=name, digest=digest, reference=reference, user=user_of(details))
    known = f" of {' or '.join(candidates)}" if candidates else ": which of its digests is meant is not known here"
    place = "on this machine" if registry is None else f"in {registry.url}"
    raise Problem(
        f"There is no copy of {name} {place}{known}.",
        "`opsctl image archive` makes one after `opsctl image build`, while the base can be had; "
        f"`opsctl image build --archived --base {repository_of(name)}@sha256:DIGEST` names one.",
        code=ErrorCode.IMAGE_NOT_FOUND,
    )


def _pulled(engine: Engine, registry: Registry, digest: str, on_line: OnLine) -> str | None:
    """Pull the copy with a temporary login; None where the repository has none."""
    stored = registry.find(tag=archive_tag(digest))
    if stored is None:
        return None
    reference = f"{registry.url}@{stored.digest}"
    if inspect_image(engine, reference) is None:
        with logged_in(engine, registry) as (_, environment):
            engine.follow("pull", "--platform", PLATFORM, reference, on_line=on_line, environment=environment)
    return reference


def _archived(registry: Registry, base: str, digest: str, stored: str, *, is_new: bool) -> ArchivedBase:
    return ArchivedBase(
        base=base, base_digest=digest, image=f"{registry.url}@{stored}", tag=archive_tag(digest), is_new=is_new
    )

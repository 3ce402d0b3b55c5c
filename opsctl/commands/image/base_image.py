"""The base image that `image build` builds on: m2g's own, resolved to a digest."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsctl.aws.ecr.image import pinned_digest
from opsctl.core.errors import ErrorCode, Interrupted, Problem, UsageProblem
from opsctl.core.foreign_json import parse
from opsctl.engine import Engine

#: Batch's r5 instances are x86: a build on a laptop with Apple silicon would be for ARM, and no job would start.
PLATFORM = "linux/amd64"

_BASE = re.compile(r"^ARG BASE_IMAGE=(\S+)$", re.M)
_PART = r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
#: An image's name as registries take it: registry, repository, tag, digest.
_NAME = re.compile(
    rf"(?:[A-Za-z0-9.-]+(?::\d+)?/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)

OnLine = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Base:
    """An image of the engine to build on.

    Attributes
    ----------
    name
        As it was typed, or as the Dockerfile has it.
    digest
        m2g's own: the one that it has where it was published. None for an image that is in no registry.
    reference
        What the Dockerfile's FROM names.
    user
        Its own user; empty for root.
    """

    name: str
    digest: str | None
    reference: str
    user: str


def base_of(folder: Path) -> str:
    """The base image that the Dockerfile names, which is the one place where it is pinned."""
    match = _BASE.search((folder / "Dockerfile").read_text())
    if match is None:
        raise Problem(
            f"{folder / 'Dockerfile'} names no BASE_IMAGE.", "Name one with --base.", code=ErrorCode.IMAGE_NOT_FOUND
        )
    return match[1]


def checked_base(name: str) -> str:
    """The name, if it can be an image's.

    Raises
    ------
    UsageProblem
        When no registry and no engine could have an image of this name.
    """
    if not _NAME.fullmatch(name):
        raise UsageProblem(
            f"--base {name!r} is no image.",
            "Images are called REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST, with NAME in small letters. Leave out "
            "--base to build on m2g's own image.",
        )
    return name


def resolve_base(engine: Engine, name: str, on_line: OnLine, *, known: str | None = None, more: str = "") -> Base:
    """Pull a base image and resolve its name.

    The digest is the pinned one, else the registry's, or the engine's for an image of `localhost/`.

    Parameters
    ----------
    known
        The digest at the last build. If it is among the image's, the image is the same.
    more
        The other words of the build that was typed, for the command of a hint.

    Raises
    ------
    Problem
        When it cannot be had.
    """
    pinned = pinned_digest(name)
    if not name.startswith("localhost/") and not (pinned and inspect_image(engine, name)):
        try:
            pull(engine, name, on_line)
        except Interrupted:
            raise
        except Problem as problem:
            raise Problem(problem.what, _other_way(engine, name, known, more), code=problem.code) from problem
    details = inspect_image(engine, name)
    if details is None:
        raise Problem(
            f"There is no image {name} on this machine.", "Name another with --base.", code=ErrorCode.IMAGE_NOT_FOUND
        )
    references = [reference.partition("@") for reference in details.get("RepoDigests") or ()]
    repository = _short_name(repository_of(name))
    digests = [digest for published, _, digest in references if _short_name(published) == repository]
    digest = pinned or (known if known in digests else _published(engine, name, digests))
    reference = name if digest is None else f"{repository_of(name)}@{digest}"
    return Base(name=name, digest=digest, reference=reference, user=user_of(details))


def _published(engine: Engine, name: str, digests: Sequence[str]) -> str | None:
    """The digest of an image that its registry knows; None where it has none.

    An image has several where it was built on this machine and pushed, where an index names it, or where it was pulled
    from two registries: Podman then lists all of them for each of its names, in the order of their letters.
    """
    if len(digests) < 2 or name.startswith("localhost/"):
        return next(iter(digests), None)
    for digest in digests:
        try:
            engine.ask("pull", "--quiet", "--platform", PLATFORM, f"{repository_of(name)}@{digest}")
        except Problem:
            continue
        return digest
    return digests[0]


def _other_way(engine: Engine, name: str, known: str | None, more: str) -> str:
    """What to type where a base cannot be pulled."""
    earlier = f"{repository_of(name)}@{known}" if known else ""
    if earlier and inspect_image(engine, earlier):
        command, image = f"--base {earlier}", "the base of the last build, which this machine keeps"
    else:
        command, image = f"--archived --base {name}", "the copy, if `opsctl image archive` has made one"
    return f"Is the network up? `opsctl image build {command}{more}` builds on {image}."


def pull(engine: Engine, name: str, on_line: OnLine) -> None:
    """Pull a base image from where it is published.

    Raises
    ------
    Problem
        When it cannot be had.
    """
    try:
        engine.follow("pull", "--platform", PLATFORM, name, on_line=on_line)
    except Interrupted:
        raise
    except Problem as problem:
        raise Problem(
            f"The base image {name} could not be had: {problem.what}", "Is the network up?", code=problem.code
        ) from problem


def inspect_image(engine: Engine, image: str) -> dict[str, Any] | None:
    """What the engine says about an image; None where it does not have it."""
    try:
        images = parse(engine.ask("image", "inspect", image))
    except (Problem, ValueError):
        return None
    # Docker and Podman answer a list of objects; another engine's answer says nothing.
    return images[0] if isinstance(images, list) and images and isinstance(images[0], dict) else None


def user_of(details: dict[str, Any]) -> str:
    """The user that an image names; empty for root."""
    return str(details.get("Config", {}).get("User") or "")


def repository_of(base: str) -> str:
    """An image's name without tag and digest; a registry's port is not a tag."""
    name = base.partition("@")[0]
    head, colon, tail = name.rpartition(":")
    return head if colon and "/" not in tail else name


def _short_name(repository: str) -> str:
    """A repository's name as Docker shortens it, without Docker Hub's name."""
    return repository.removeprefix("docker.io/").removeprefix("library/")

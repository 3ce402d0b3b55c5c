"""`image push`: push the built image to the platform's repository, from which the instances pull it."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from opsctl.aws.ecr.registry import Registry, ensure_same
from opsctl.commands.image.base_image import OnLine
from opsctl.commands.platform.image import NAME, BuiltImage, checked_tag, find_built
from opsctl.core.errors import ErrorCode, Interrupted, Problem
from opsctl.core.platform.platform import Platform
from opsctl.engine import Engine

_PUSHED = re.compile(r"digest: (sha256:[0-9a-f]{64})")
_ID_LENGTH = 12


@dataclass(frozen=True, kw_only=True)
class PushedImage:
    """An image in the repository.

    Attributes
    ----------
    image
        `REPOSITORY_URL@sha256:…`, as job definitions name it.
    tag
        Its tag in the repository.
    is_new
        False: the repository had it already.
    """

    image: str
    tag: str
    is_new: bool


def built_image(engine: Engine, *, version: str, tag: str | None) -> BuiltImage:
    """The image that `image build` built on this machine.

    Raises
    ------
    Problem
        When there is none.
    """
    image = f"{NAME}:{checked_tag(tag or version)}"
    built = find_built(engine, image)
    if built is None:
        more = f" --tag {tag}" if tag else ""
        raise Problem(
            f"There is no image {image} on this machine.",
            f"Build it first: opsctl image build{more}",
            code=ErrorCode.IMAGE_NOT_FOUND,
        )
    return built


def other_base(built: BuiltImage, platform: Platform) -> str | None:
    """The base of the image that the platform's jobs run, if the built image has another one; None where unknown."""
    recorded = platform.m2g_image if platform.m2g_image.startswith("sha256:") else None
    return recorded if built.base_digest and built.base_digest != recorded else None


def push(
    engine: Engine, registry: Registry, built: BuiltImage, *, version: str, tag: str | None, on_line: OnLine
) -> PushedImage:
    """Push the built image to the repository, unless it is there.

    Parameters
    ----------
    tag
        The tag in the repository; None: the version and the beginning of the image's id, so that tags differ between
        images.

    Raises
    ------
    Problem
        When another image has the tag, or the repository refuses the push.
    Interrupted
        After Ctrl-C; an interrupted push leaves nothing under the tag.
    """
    remote_tag = tag or f"{version}-{built.image_id[:_ID_LENGTH]}"
    name = f"{registry.url}:{remote_tag}"
    stored = _find_pushed(registry, built, remote_tag)
    if stored is not None:
        return stored
    engine.ask("tag", built.image, name)
    try:
        digest = push_name(engine, registry, name, on_line)
    except Interrupted:
        raise
    except Problem:
        # Another push may have been faster: then the repository refuses the tag.
        stored = _find_pushed(registry, built, remote_tag)
        if stored is None:
            raise
        return stored
    ensure_same(registry, tag=remote_tag, digest=digest)
    return PushedImage(image=f"{registry.url}@{digest}", tag=remote_tag, is_new=True)


def _find_pushed(registry: Registry, built: BuiltImage, tag: str) -> PushedImage | None:
    """The built image under this tag in the repository, or None.

    Raises
    ------
    Problem
        When another image has the tag.
    """
    stored = registry.find(tag=tag)
    if stored is None:
        return None
    if f"sha256:{built.image_id}" not in registry.ids_of(tag):
        raise Problem(
            f"{registry.url}:{tag} is another image already, and a tag of this repository is never written over.",
            "Take another: opsctl image build --tag OTHER, then opsctl image push --tag OTHER",
            code=ErrorCode.IMAGE_EXISTS,
        )
    return PushedImage(image=f"{registry.url}@{stored.digest}", tag=tag, is_new=False)


def push_name(engine: Engine, registry: Registry, name: str, on_line: OnLine) -> str:
    """Push with a temporary login; returns the image's digest in the registry."""
    output: list[str] = []

    def collect(line: str) -> None:
        output.append(line)
        on_line(line)

    with logged_in(engine, registry) as (folder, environment):
        if engine.name == "podman":
            file = folder / "digest"
            engine.follow("push", "--digestfile", str(file), name, on_line=on_line, environment=environment)
            return file.read_text().strip()
        engine.follow("push", name, on_line=collect, environment=environment)
    digests = _PUSHED.findall("\n".join(output))
    if not digests:
        raise Problem(
            f"{name} was pushed, but Docker did not say its digest.",
            "Push again: nothing is sent twice.",
            code=ErrorCode.ENGINE_FAILED,
        )
    return str(digests[-1])


@contextmanager
def logged_in(engine: Engine, registry: Registry) -> Iterator[tuple[Path, dict[str, str]]]:
    """A login in a temporary folder; gives the folder, and the environment that makes the engine use it.

    `docker login` would save the password in the user's settings or key ring. A password as an argument would show in
    the list of processes.
    """
    with tempfile.TemporaryDirectory(prefix="opsctl-login-") as name:
        folder = Path(name)
        settings = folder / "config.json"
        settings.touch(0o600)
        settings.write_text(json.dumps({"auths": {registry.host: {"auth": registry.login()}}}))
        if engine.name == "podman":
            yield folder, {"REGISTRY_AUTH_FILE": str(settings)}
            return
        # Docker's contexts are in its settings too: without them it would not find Docker Desktop.
        host = engine.ask("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").strip()
        yield folder, {"DOCKER_CONFIG": str(folder), "DOCKER_HOST": host, "DOCKER_CONTEXT": ""}

"""`image push`: the built image brought to the platform's repository, where the instances pull it from."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from opsctl.aws.ecr.registry import Registry, ensure_same
from opsctl.commands.platform.image import NAME, BuiltImage, OnLine, checked_tag, find_built
from opsctl.core.errors import Problem
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
        What a person finds it by.
    is_new
        False: it was there already.
    """

    image: str
    tag: str
    is_new: bool


def built_image(engine: Engine, *, version: str, tag: str | None) -> BuiltImage:
    """The image that was built here.

    Raises
    ------
    Problem
        When none was.
    """
    image = f"{NAME}:{checked_tag(tag or version)}"
    built = find_built(engine, image)
    if built is None:
        more = f" --tag {tag}" if tag else ""
        raise Problem(f"There is no image {image} on this machine.", f"Build it first: opsctl image build{more}")
    return built


def push(
    engine: Engine, registry: Registry, built: BuiltImage, *, version: str, tag: str | None, on_line: OnLine
) -> PushedImage:
    """Bring the built image to the repository, unless it is there.

    Parameters
    ----------
    tag
        There; None: the version and the beginning of the image's id, so that another image has another tag.

    Raises
    ------
    Problem
        When the tag is taken by another image, or the repository refuses.
    Interrupted
        After Ctrl-C: a push that was broken off leaves nothing under the tag.
    """
    there = tag or f"{version}-{built.image_id[:_ID_LENGTH]}"
    stored = registry.find(tag=there)
    if stored is not None:
        if f"sha256:{built.image_id}" not in registry.ids_of(there):
            raise Problem(
                f"{registry.url}:{there} is another image already, and a tag of this repository is never written over.",
                "Take another: opsctl image build --tag OTHER, then opsctl image push --tag OTHER",
            )
        return PushedImage(image=f"{registry.url}@{stored.digest}", tag=there, is_new=False)
    name = f"{registry.url}:{there}"
    engine.ask("tag", built.image, name)
    digest = _send(engine, registry, name, on_line)
    ensure_same(registry, tag=there, digest=digest)
    return PushedImage(image=f"{registry.url}@{digest}", tag=there, is_new=True)


def _send(engine: Engine, registry: Registry, name: str, on_line: OnLine) -> str:
    """Push under a login of its own; gives the digest that the registry took it under."""
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        on_line(line)

    with _logged_in(engine, registry) as (folder, environment):
        if engine.name == "podman":
            told = folder / "digest"
            engine.follow("push", "--digestfile", str(told), name, on_line=on_line, environment=environment)
            return told.read_text().strip()
        engine.follow("push", name, on_line=hear, environment=environment)
    digests = _PUSHED.findall("\n".join(said))
    if not digests:
        raise Problem(f"{name} was pushed, but Docker did not say its digest.", "Push again: nothing is sent twice.")
    return str(digests[-1])


@contextmanager
def _logged_in(engine: Engine, registry: Registry) -> Iterator[tuple[Path, dict[str, str]]]:
    """A login in a folder of its own, gone afterwards.

    `docker login` would keep it in the person's own settings, or in the system's key ring, for everyone who finds it
    there; and a password as an argument shows in the list of processes.
    """
    with tempfile.TemporaryDirectory(prefix="opsctl-login-") as name:
        folder = Path(name)
        settings = folder / "config.json"
        settings.touch(0o600)
        settings.write_text(json.dumps({"auths": {registry.host: {"auth": registry.login()}}}))
        if engine.name == "podman":
            yield folder, {"REGISTRY_AUTH_FILE": str(settings)}
            return
        # Docker's contexts stand in its settings as well: without them it would not find Docker Desktop.
        host = engine.ask("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").strip()
        yield folder, {"DOCKER_CONFIG": str(folder), "DOCKER_HOST": host, "DOCKER_CONTEXT": ""}

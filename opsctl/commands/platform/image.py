"""`image build`: the jobs' image, made here on m2g's own."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsctl.aws.ecr.image import pinned_digest
from opsctl.core.errors import Problem
from opsctl.engine import Engine

#: What it is called on this machine.
NAME = "opsctl-m2g"
#: Batch's r5 instances are x86: a build on a laptop with Apple silicon would be for ARM, and no job would start.
PLATFORM = "linux/amd64"
SOURCE_LABEL = "opsctl.source"
VERSION_LABEL = "org.opencontainers.image.version"
BASE_LABEL, BASE_DIGEST_LABEL = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"

_BASE = re.compile(r"^ARG BASE_IMAGE=(\S+)$", re.M)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
#: What a build behind a proxy needs: Docker and Podman pass these into it and keep them out of the image.
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "FTP_PROXY", "ALL_PROXY")

OnLine = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class BuiltImage:
    """An image on this machine.

    Attributes
    ----------
    image
        Its name with the tag.
    image_id
        What the engine calls it by its content, without `sha256:`.
    base, base_digest
        What it stands on; the digest is None for a base that is in no registry.
    source
        What `source_of` says of the code in it; None where it is not from `image build`.
    version
        Of the opsctl that built it.
    size_bytes
        Unpacked.
    """

    image: str
    image_id: str
    base: str | None
    base_digest: str | None
    source: str | None
    version: str | None
    size_bytes: int


def base_of(folder: Path) -> str:
    """The base that the Dockerfile names: the one place where it is pinned."""
    found = _BASE.search((folder / "Dockerfile").read_text())
    if found is None:
        raise Problem(f"{folder / 'Dockerfile'} names no BASE_IMAGE.", "Name one with --base.")
    return found[1]


def source_of(folder: Path) -> str:
    """A hash over all that goes into the image from here: two of the same were built from the same code."""
    digest = hashlib.sha256()
    for path in sorted([folder / "Dockerfile", folder / "requirements.txt", *(folder / "m2g_job").glob("*.py")]):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def build(
    engine: Engine,
    folder: Path,
    *,
    version: str,
    base: str | None,
    tag: str | None,
    options: Sequence[str],
    environment: Mapping[str, str],
    on_line: OnLine,
) -> BuiltImage:
    """Build the image on its base, the base's tag resolved to a digest first.

    Parameters
    ----------
    folder
        With the Dockerfile and what it copies.
    base
        Instead of the Dockerfile's own.
    options
        Handed to the engine's build as they are.
    environment
        Whose proxies the build gets.

    Raises
    ------
    Problem
        With the engine's own last words.
    Interrupted
        After Ctrl-C.
    """
    image = f"{NAME}:{checked_tag(tag or version)}"
    name = base or base_of(folder)
    digest = _resolve(engine, name, on_line)
    labels = {VERSION_LABEL: version, SOURCE_LABEL: source_of(folder), BASE_LABEL: name}
    if digest:
        labels[BASE_DIGEST_LABEL] = digest
    words = ["build", "--platform", PLATFORM, "--build-arg", f"BASE_IMAGE={_pinned(name, digest)}"]
    for label, value in labels.items():
        words += ["--label", f"{label}={value}"]
    for proxy in (case for one in _PROXIES for case in (one, one.lower()) if environment.get(case)):
        # Without its value, which may hold a password: the engine takes it from the environment.
        words += ["--build-arg", proxy]
    words += ["--tag", image, *options, str(folder)]
    # What is run is one image and no more; an index with attestations would have another digest than its image.
    engine.follow(*words, on_line=on_line, environment={"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"})
    made = find_built(engine, image)
    if made is None:
        raise Problem(f"{engine.name} built {image}, and does not know it.", "Are several builders set up?")
    return made


def find_built(engine: Engine, image: str) -> BuiltImage | None:
    """An image on this machine, or None."""
    found = _inspected(engine, image)
    if found is None:
        return None
    labels = found.get("Config", {}).get("Labels") or {}
    return BuiltImage(
        image=image,
        image_id=found["Id"].removeprefix("sha256:"),
        base=labels.get(BASE_LABEL),
        base_digest=labels.get(BASE_DIGEST_LABEL),
        source=labels.get(SOURCE_LABEL),
        version=labels.get(VERSION_LABEL),
        size_bytes=int(found.get("Size", 0)),
    )


def checked_tag(tag: str) -> str:
    """A tag as every registry takes it.

    Raises
    ------
    Problem
        When it is none.
    """
    if not _TAG.fullmatch(tag):
        raise Problem(f"{tag!r} is no tag.", "Letters, digits, dots, hyphens and underscores, 128 at most.")
    return tag


def _resolve(engine: Engine, base: str, on_line: OnLine) -> str | None:
    """The digest that a base's tag means now, as its registry says; of a base that is only here, as the engine does."""
    if pinned := pinned_digest(base):
        return pinned
    if not base.startswith("localhost/"):
        try:
            engine.follow("pull", "--platform", PLATFORM, base, on_line=on_line)
        except Problem as problem:
            raise Problem(
                f"The base image {base} could not be had: {problem.what}",
                "Is the network up? `opsctl image build --base IMAGE` takes another.",
            ) from problem
    found = _inspected(engine, base)
    if found is None:
        raise Problem(f"There is no image {base} on this machine.", "Name another with --base.")
    known = [one.partition("@") for one in found.get("RepoDigests") or ()]
    return next((digest for name, _, digest in known if _plain(name) == _plain(_repository(base))), None)


def _pinned(base: str, digest: str | None) -> str:
    return base if digest is None else f"{_repository(base)}@{digest}"


def _repository(base: str) -> str:
    """Without tag and digest; a port is no tag."""
    name = base.partition("@")[0]
    head, colon, tail = name.rpartition(":")
    return head if colon and "/" not in tail else name


def _plain(repository: str) -> str:
    """Docker leaves Docker Hub's own name out."""
    return repository.removeprefix("docker.io/").removeprefix("library/")


def _inspected(engine: Engine, image: str) -> dict[str, Any] | None:
    try:
        found: list[dict[str, Any]] = json.loads(engine.ask("image", "inspect", image))
    except Problem:
        return None
    return found[0] if found else None

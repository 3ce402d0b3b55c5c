"""`image build`: build the jobs' image on m2g's image."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsctl.aws.ecr.image import pinned_digest
from opsctl.commands.platform.known_bases import KnownBases
from opsctl.core.errors import ErrorCode, Interrupted, Problem, UsageProblem
from opsctl.core.foreign_json import parse
from opsctl.engine import Engine

#: The image's name on this machine.
NAME = "opsctl-m2g"
#: Batch's r5 instances are x86: a build on a laptop with Apple silicon would be for ARM, and no job would start.
PLATFORM = "linux/amd64"
SOURCE_LABEL = "opsctl.source"
VERSION_LABEL = "org.opencontainers.image.version"
BASE_LABEL, BASE_DIGEST_LABEL = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"

_BASE = re.compile(r"^ARG BASE_IMAGE=(\S+)$", re.M)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
#: What `container/m2g_job/base_check.py` prints before each sentence.
_CHECK = "the base image: "
#: Docker and Podman pass these build arguments into a build and keep them out of the image.
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
        Its content's id, without `sha256:`.
    base, base_digest
        The base image; the digest is None when the base is in no registry.
    source
        The hash of the code in it (`source_of`); None when `image build` did not build it.
    version
        The version of the opsctl that built it.
    size_bytes
        The unpacked size.
    """

    image: str
    image_id: str
    base: str | None
    base_digest: str | None
    source: str | None
    version: str | None
    size_bytes: int


def base_of(folder: Path) -> str:
    """The base image that the Dockerfile names, which is the one place where it is pinned."""
    match = _BASE.search((folder / "Dockerfile").read_text())
    if match is None:
        raise Problem(
            f"{folder / 'Dockerfile'} names no BASE_IMAGE.", "Name one with --base.", code=ErrorCode.IMAGE_NOT_FOUND
        )
    return match[1]


def source_of(folder: Path) -> str:
    """A hash over the files that go into the image: equal hashes mean equal code."""
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
    accept_base: bool,
    known_bases: KnownBases,
    day: str,
    tag: str | None,
    options: Sequence[str],
    environment: Mapping[str, str],
    on_line: OnLine,
) -> BuiltImage:
    """Build the image on its base, whose tag is resolved to a digest first.

    Parameters
    ----------
    folder
        The folder with the Dockerfile and the files that it copies.
    version
        opsctl's version.
    base
        The base image; None: the Dockerfile's.
    accept_base
        Build also where the base's name means another image than at the last build.
    known_bases
        What the names of base images meant then; a build that ends well adds its own.
    day
        Today: UTC, ISO 8601.
    tag
        The image's tag; None: the version.
    options
        Passed to the engine's build unchanged.
    environment
        Its proxy variables are passed to the build.
    on_line
        Called with each line of the engine's output.

    Raises
    ------
    Problem
        When the base has changed, or the build fails: with what the base lacks, else with the engine's last line.
    Interrupted
        After Ctrl-C.
    """
    image = f"{NAME}:{checked_tag(tag or version)}"
    name = base or base_of(folder)
    digest, user = _resolve(engine, name, on_line)
    if not accept_base:
        known_bases.refuse_changed(name, digest)
    labels = {
        VERSION_LABEL: version,
        SOURCE_LABEL: source_of(folder),
        BASE_LABEL: name,
        # Written even where unknown: an image inherits its base's labels, and the base's base is not m2g.
        BASE_DIGEST_LABEL: digest or "",
    }
    arguments = ["build", "--platform", PLATFORM, "--build-arg", f"BASE_IMAGE={_pinned(name, digest)}"]
    for label, value in labels.items():
        arguments += ["--label", f"{label}={value}"]
    for variable in (spelling for proxy in _PROXIES for spelling in (proxy, proxy.lower())):
        if environment.get(variable):
            # The value may contain a password: the engine takes it from the environment.
            arguments += ["--build-arg", variable]
    if user:
        arguments += ["--build-arg", f"BASE_USER={user}"]
    arguments += ["--tag", image, *options, str(folder)]
    _run_build(engine, arguments, name, on_line)
    built = find_built(engine, image)
    if built is None:
        raise Problem(
            f"{engine.name} built {image}, and does not know it.",
            "Are several builders set up?",
            code=ErrorCode.ENGINE_FAILED,
        )
    known_bases.keep(name, digest, day=day)
    return built


def find_built(engine: Engine, image: str) -> BuiltImage | None:
    """An image on this machine, or None."""
    details = _inspect(engine, image)
    if details is None:
        return None
    labels = details.get("Config", {}).get("Labels") or {}
    return BuiltImage(
        image=image,
        image_id=details["Id"].removeprefix("sha256:"),
        base=labels.get(BASE_LABEL),
        base_digest=labels.get(BASE_DIGEST_LABEL) or None,
        source=labels.get(SOURCE_LABEL),
        version=labels.get(VERSION_LABEL),
        size_bytes=int(details.get("Size", 0)),
    )


def checked_tag(tag: str) -> str:
    """The tag, if every registry accepts it.

    Raises
    ------
    UsageProblem
        When it is not a valid tag.
    """
    if not _TAG.fullmatch(tag):
        raise UsageProblem(f"{tag!r} is no tag.", "Letters, digits, dots, hyphens and underscores, 128 at most.")
    return tag


def _run_build(engine: Engine, arguments: Sequence[str], base: str, on_line: OnLine) -> None:
    """Run the engine's build, and explain a failed check of the base by the check's own sentences."""
    sentences: list[str] = []

    def collect(line: str) -> None:
        # Docker puts numbers before each line, and repeats the lines of a failed step at the end.
        _, prefix, sentence = line.partition(_CHECK)
        if prefix and sentence not in sentences:
            sentences.append(sentence)
        on_line(line)

    try:
        # With attestations the registry would hold an index, whose digest differs from its image's.
        engine.follow(*arguments, on_line=collect, environment={"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"})
    except Interrupted:
        raise
    except Problem as problem:
        if not sentences:
            raise
        raise Problem(
            f"m2g cannot run in {base}: {' '.join(sentences)}",
            "Install it in the base and set PATH and FSLDIR there, or leave out --base to take m2g's own image. "
            "For an m2g that calls other programs: opsctl image build --base IMAGE -- --build-arg PROGRAMS=optional",
            code=ErrorCode.IMAGE_UNFIT,
        ) from problem


def _resolve(engine: Engine, base: str, on_line: OnLine) -> tuple[str | None, str]:
    """The digest of a base image and its user, which is empty for root.

    The digest is the pinned one, else the registry's, or the engine's for an image of `localhost/`.
    """
    pinned = pinned_digest(base)
    if not base.startswith("localhost/") and not (pinned and _inspect(engine, base)):
        try:
            engine.follow("pull", "--platform", PLATFORM, base, on_line=on_line)
        except Interrupted:
            raise
        except Problem as problem:
            raise Problem(
                f"The base image {base} could not be had: {problem.what}",
                "Is the network up? `opsctl image build --base IMAGE` takes another.",
                code=problem.code,
            ) from problem
    details = _inspect(engine, base)
    if details is None:
        raise Problem(
            f"There is no image {base} on this machine.", "Name another with --base.", code=ErrorCode.IMAGE_NOT_FOUND
        )
    digests = [reference.partition("@") for reference in details.get("RepoDigests") or ()]
    repository = _short_name(_repository(base))
    digest = next((digest for name, _, digest in digests if _short_name(name) == repository), None)
    return pinned or digest, str(details.get("Config", {}).get("User") or "")


def _pinned(base: str, digest: str | None) -> str:
    return base if digest is None else f"{_repository(base)}@{digest}"


def _repository(base: str) -> str:
    """An image's name without tag and digest; a registry's port is not a tag."""
    name = base.partition("@")[0]
    head, colon, tail = name.rpartition(":")
    return head if colon and "/" not in tail else name


def _short_name(repository: str) -> str:
    """A repository's name as Docker shortens it, without Docker Hub's name."""
    return repository.removeprefix("docker.io/").removeprefix("library/")


def _inspect(engine: Engine, image: str) -> dict[str, Any] | None:
    try:
        images = parse(engine.ask("image", "inspect", image))
    except (Problem, ValueError):
        return None
    # Docker and Podman answer a list of objects; another engine's answer says nothing.
    return images[0] if isinstance(images, list) and images and isinstance(images[0], dict) else None

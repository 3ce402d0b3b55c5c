"""`image build`: build the jobs' image on m2g's image."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from opsctl.commands.image.base_image import PLATFORM, Base, OnLine, base_of, checked_base, inspect_image, resolve_base
from opsctl.commands.image.contents import python_of, read_contents
from opsctl.commands.image.known_bases import KnownBases
from opsctl.core.errors import ErrorCode, Interrupted, Problem, UsageProblem
from opsctl.core.image.contents import ImageContents
from opsctl.engine import Engine

#: The image's name on this machine.
NAME = "opsctl-m2g"
SOURCE_LABEL = "opsctl.source"
VERSION_LABEL = "org.opencontainers.image.version"
BASE_LABEL, BASE_DIGEST_LABEL = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"
#: What the base says about itself: `ubuntu 18.04`, `3.7.17`.
SYSTEM_LABEL, PYTHON_LABEL = "opsctl.base.system", "opsctl.base.python"

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
#: What `container/m2g_job/base_check.py` prints before each sentence.
_CHECK = "the base image: "
#: Docker and Podman pass these build arguments into a build and keep them out of the image.
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "FTP_PROXY", "ALL_PROXY")

#: Finds the copy of a base that `image archive` made.
FindArchived = Callable[[Engine, str, OnLine], Base]


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
    system, python
        The base's system, for example `ubuntu 18.04`, and the version of its Python; None where unknown.
    size_bytes
        The unpacked size.
    """

    image: str
    image_id: str
    base: str | None
    base_digest: str | None
    source: str | None
    version: str | None
    system: str | None = None
    python: str | None = None
    size_bytes: int


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
    find_archived: FindArchived | None,
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
    find_archived
        Builds on the copy of the base that this finds; None: on the base where it is published.
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
    name = base_of(folder) if base is None else checked_base(base)
    if find_archived is None:
        more = _typed(tag, options)
        resolved = resolve_base(engine, name, on_line, known=known_bases.digest_of(name), more=more)
        known_bases.refuse_changed(name, resolved.digest, is_accepted=accept_base, more=more)
    else:
        resolved = find_archived(engine, name, on_line)
    contents = _contents(engine, folder, resolved, python=python_of(options))
    labels = {
        VERSION_LABEL: version,
        SOURCE_LABEL: source_of(folder),
        BASE_LABEL: name,
        # Written even where unknown: an image inherits its base's labels, and the base's base is not m2g.
        BASE_DIGEST_LABEL: resolved.digest or "",
        SYSTEM_LABEL: contents.system,
        PYTHON_LABEL: contents.python,
    }
    arguments = ["build", "--platform", PLATFORM, "--build-arg", f"BASE_IMAGE={resolved.reference}"]
    for label, value in labels.items():
        arguments += ["--label", f"{label}={value}"]
    for variable in (spelling for proxy in _PROXIES for spelling in (proxy, proxy.lower())):
        if environment.get(variable):
            # The value may contain a password: the engine takes it from the environment.
            arguments += ["--build-arg", variable]
    if resolved.user:
        arguments += ["--build-arg", f"BASE_USER={resolved.user}"]
    arguments += ["--tag", image, *options, str(folder)]
    _run_build(engine, arguments, name, on_line)
    built = find_built(engine, image)
    if built is None:
        raise Problem(
            f"{engine.name} built {image}, and does not know it.",
            "Are several builders set up?",
            code=ErrorCode.ENGINE_FAILED,
        )
    if find_archived is None:
        known_bases.keep(name, resolved.digest, day=day)
    return built


def _contents(engine: Engine, folder: Path, base: Base, *, python: str) -> ImageContents:
    """The base's system and Python; nothing where it cannot say: the build itself finds what it lacks."""
    try:
        return read_contents(engine, folder, base.reference, python=python, is_brief=True)
    except Interrupted:
        raise
    except Problem:
        return ImageContents()


def _typed(tag: str | None, options: Sequence[str]) -> str:
    """The words of `image build` that are not about its base, as they were typed."""
    words = [*(["--tag", tag] if tag else []), *(["--", *options] if options else [])]
    return "".join(f" {shlex.quote(word)}" for word in words)


def find_built(engine: Engine, image: str) -> BuiltImage | None:
    """An image on this machine, or None."""
    details = inspect_image(engine, image)
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
        system=labels.get(SYSTEM_LABEL) or None,
        python=labels.get(PYTHON_LABEL) or None,
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

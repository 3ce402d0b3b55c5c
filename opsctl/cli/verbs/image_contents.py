"""`image archive` and `image sbom`: keep the base of the jobs' image, and write what the image holds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from opsctl import __version__
from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile

Tag = Annotated[
    str | None, typer.Option("--tag", metavar="TAG", help="The tag of the image. Default: the version of opsctl.")
]


def archive(
    *, tag: Tag = None, platform: PlatformName = None, profile: Profile = None, as_json: AsJson = False
) -> None:
    """Copy the built image's base into the platform's repository.

    `image build --archived` builds on the copy when the base is gone where it was published.

    Example: opsctl image archive
    """
    from dataclasses import asdict

    from opsctl.aws.ecr.registry import Registry
    from opsctl.commands.image.archive import archive as command
    from opsctl.commands.platform.image_push import built_image
    from opsctl.engine import find_engine
    from opsctl.render.image import engine_at_work, show_archived

    context = Context(platform_name=platform, profile=profile)
    screen, target = context.screen, context.platform
    engine = find_engine(os.environ)
    built = built_image(engine, version=__version__, tag=tag)
    if target.is_local:
        if as_json:
            kept = {"base": built.base, "base_digest": built.base_digest, "image": None, "tag": None, "is_new": False}
            screen.json(kept)
        screen.say(f"The local platform has no repository. {engine.name} keeps {built.base} until you remove it.")
        return
    with engine_at_work(screen, f"copying with {engine.name}") as on_line:
        registry = Registry(context.clients.ecr, target.repository_url)
        archived = command(engine, registry, base=built.base, digest=built.base_digest, on_line=on_line)
    if as_json:
        screen.json(asdict(archived))
    show_archived(screen, archived)
    screen.hints({"opsctl image build --archived": "build on the copy"})


def sbom(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write: CycloneDX in JSON.")],
    tag: Tag = None,
    as_json: AsJson = False,
) -> None:
    """Write which packages the built image holds.

    syft reads it if it is installed, else opsctl: the packages of dpkg and Python.

    Example: opsctl image sbom m2g.cdx.json
    """
    from dataclasses import asdict

    from opsctl.assets import container_dir
    from opsctl.commands.image.sbom import write_sbom
    from opsctl.commands.platform.image_push import built_image
    from opsctl.engine import find_engine
    from opsctl.render.image import show_sbom

    context = Context()
    screen = context.screen
    engine = find_engine(os.environ)
    built = built_image(engine, version=__version__, tag=tag)
    with screen.waiting("reading the image's packages"):
        written = write_sbom(engine, container_dir(), built, file, version=__version__, environment=os.environ)
    if as_json:
        screen.json({**asdict(written), "file": str(file)})
    show_sbom(screen, written)

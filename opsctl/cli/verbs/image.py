"""`image build`, `image push`, `image status` and their like: the jobs' image."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, cast

import click
import typer

from opsctl import __version__
from opsctl.cli.context import Context
from opsctl.cli.global_options import Verbs
from opsctl.cli.options import AsJson, PlatformName, Profile, Yes
from opsctl.cli.verbs.image_contents import Tag, archive, sbom
from opsctl.core.errors import Problem

if TYPE_CHECKING:
    from opsctl.commands.image.known_bases import KnownBases
    from opsctl.commands.platform.image import FindArchived

image = typer.Typer(
    cls=Verbs,
    help="Build, push, copy or show the image that the jobs run.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@image.command("build")
def build(
    *,
    options: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- OPTION]...", help="Options for the engine's build command, for example `--network host`."
        ),
    ] = None,
    base: Annotated[
        str | None, typer.Option("--base", metavar="IMAGE", help="The image to build on. Default: m2g's own image.")
    ] = None,
    accept_base: Annotated[
        bool,
        typer.Option(
            "--accept-base", help="Build also where the base's tag means another image than at the last build here."
        ),
    ] = False,
    archived: Annotated[
        bool,
        typer.Option("--archived", help="Build on the copy of the base that `image archive` made for the platform."),
    ] = False,
    tag: Tag = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Build the jobs' image on this machine, with Docker or Podman.

    Example: opsctl image build
    """
    from dataclasses import asdict
    from datetime import UTC, datetime

    from opsctl.assets import container_dir
    from opsctl.commands.image.known_bases import KnownBases
    from opsctl.commands.platform.image import build as command
    from opsctl.engine import find_engine
    from opsctl.render.image import engine_at_work, show_built

    context = Context(platform_name=platform, profile=profile)
    screen, known_bases = context.screen, KnownBases(context.home)
    engine = find_engine(os.environ)
    find_archived = _find_archived(context, known_bases) if archived else None
    with engine_at_work(screen, f"building with {engine.name}") as on_line:
        built = command(
            engine,
            container_dir(),
            version=__version__,
            base=base,
            accept_base=accept_base,
            find_archived=find_archived,
            known_bases=known_bases,
            day=f"{datetime.now(UTC):%Y-%m-%d}",
            tag=tag,
            options=options or (),
            environment=os.environ,
            on_line=on_line,
        )
    if as_json:
        screen.json(asdict(built))
    show_built(screen, built)
    screen.hints({f"opsctl image push{f' --tag {tag}' if tag else ''}": "let the platform's jobs run it"})


@image.command("push")
def push(
    *,
    tag: Tag = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Push the built image to the platform's repository, and let its jobs run it from now on.

    Example: opsctl image push
    """
    from dataclasses import asdict

    from opsctl.aws.ecr.registry import Registry
    from opsctl.commands.platform.image_push import built_image, other_base
    from opsctl.commands.platform.image_push import push as command
    from opsctl.engine import find_engine
    from opsctl.render.image import engine_at_work, warn_other_base

    context = Context(platform_name=platform, profile=profile)
    screen, target = context.screen, context.platform
    engine = find_engine(os.environ)
    built = built_image(engine, version=__version__, tag=tag)
    if (earlier := other_base(built, target)) is not None:
        warn_other_base(screen, built, earlier)
    if target.is_local:
        screen.say("The local platform runs images from this machine: there is nothing to push.")
        _use_image(context, built.image, arguments=["--local", "--engine", engine.name], yes=yes)
        return
    with engine_at_work(screen, f"pushing with {engine.name}") as on_line:
        registry = Registry(context.clients.ecr, target.repository_url)
        pushed = command(engine, registry, built, version=__version__, tag=tag, on_line=on_line)
    if as_json:
        screen.json(asdict(pushed))
    if pushed.is_new:
        screen.say(f"Pushed as {registry.url}:{pushed.tag}.", style="green")
    else:
        screen.say(f"{registry.url}:{pushed.tag} is this very image already: nothing to push.")
    arguments = ["--region", target.region, *(["--profile", profile] if profile else [])]
    _use_image(context, pushed.image, arguments=arguments, yes=yes)


@image.command("status")
def status(*, platform: PlatformName = None, profile: Profile = None, as_json: AsJson = False) -> None:
    """Show which image the platform's jobs run, where it is stored, and what it was built from.

    Example: opsctl image status
    """
    from datetime import UTC, datetime

    from opsctl.assets import container_dir
    from opsctl.aws.ecr.image import images_of
    from opsctl.aws.ecr.image_config import read_config
    from opsctl.aws.ecr.registry import Registry
    from opsctl.commands.platform.image import source_of
    from opsctl.commands.platform.image_status import status as command
    from opsctl.commands.platform.m2g_image import m2g_image_of
    from opsctl.engine import find_engine
    from opsctl.render.image import show_image_status

    context = Context(platform_name=platform, profile=profile)
    target = context.platform
    with context.screen.waiting("looking"):
        try:
            engine = find_engine(os.environ)
        except Problem:
            # AWS's part of the answer needs no engine.
            engine = None
        image_status = command(
            target,
            images_of(context.clients.batch, target),
            registry=None if target.is_local else Registry(context.clients.ecr, target.repository_url),
            engine=engine,
            source=source_of(container_dir()),
            m2g_image=None if engine is None and target.options.get("engine") else m2g_image_of(target, os.environ),
            read_labels=lambda image: config.labels if (config := read_config(context.clients.ecr, image)) else {},
            today=datetime.now(UTC).date(),
        )
    if as_json:
        context.screen.json(image_status.as_json())
    else:
        show_image_status(context.screen, image_status)


image.command("archive")(archive)
image.command("sbom")(sbom)


def _find_archived(context: Context, known_bases: KnownBases) -> FindArchived:
    """How the copy of a base is found: in the platform's repository, or in the engine for the local platform."""
    from opsctl.aws.ecr.registry import Registry
    from opsctl.commands.image.archive import find_archived

    target = context.platform
    registry = None if target.is_local else Registry(context.clients.ecr, target.repository_url)
    # Where the record holds something else, it names the image of a platform whose base is not known.
    recorded = target.m2g_image if target.m2g_image.startswith("sha256:") else None
    return lambda engine, name, on_line: find_archived(
        engine, registry, name=name, digests=(known_bases.digest_of(name), recorded), on_line=on_line
    )


def _use_image(context: Context, image: str, *, arguments: list[str], yes: bool) -> None:
    """Let the platform's jobs use the image: runs `up --image` as if typed, if Terraform is on this machine."""
    from opsctl.aws.ecr.image import images_of
    from opsctl.commands.platform.down import active_jobs
    from opsctl.render.screen import counted
    from opsctl.terraform.binary import find_path

    target, screen = context.platform, context.screen
    if set(images_of(context.clients.batch, target).values()) == {image}:
        screen.say(f"The platform {target.name} runs it already.", style="green")
        return
    arguments = ["--name", target.name, "--image", image, *arguments]
    if find_path(os.environ, own=context.home.terraform) is None:
        screen.warn("The platform does not run it yet: that takes Terraform, which is not on the PATH.")
        screen.hints({f"opsctl up {' '.join(arguments)}": "for whoever has it"})
        return
    if jobs := active_jobs(context.batch, target):
        screen.say(f"{counted(len(jobs), 'active job')} go on with the image they began with; later ones take this.")
    root = click.get_current_context().find_root()
    up = cast("click.Group", root.command).get_command(root, "up")
    with cast("click.Command", up).make_context("up", [*arguments, *(["--yes"] if yes else [])], parent=root) as typed:
        typed.command.invoke(typed)

"""`upload`: copy a local BIDS dataset into the data bucket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile

if TYPE_CHECKING:
    pass


def upload(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A BIDS dataset on this machine.")],
    *,
    name: Annotated[
        str | None, typer.Option("--name", metavar="DATASET", help="The dataset's name there; else the folder's.")
    ] = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Bring a BIDS dataset into the data bucket. A second time sends only what changed.

    Example: opsctl upload sample --name HNU1
    """
    from opsctl.commands.dataset.upload import compare, send
    from opsctl.core.location import Location, check_label
    from opsctl.render.screen import counted, size_text

    dataset = check_label(name or folder.resolve().name, option="--name")
    context = Context(platform_name=platform, profile=profile)
    screen = context.screen
    location = Location(context.platform.data_bucket, dataset)
    with screen.waiting(f"comparing {folder} with {location.uri}"):
        found = compare(folder, location, context.storage)
    with screen.transfer(f"to {location.uri}", size_bytes=found.size_bytes) as advance:
        send(found, context.storage, on_file=lambda _, size: advance(size))
    sent = f"{counted(len(found.files), 'file')} sent ({size_text(found.size_bytes)})"
    screen.say(f"{location.uri}: {sent}, {found.unchanged} there already")
    context.records.completion_cache.dataset(location.prefix)
    if as_json:
        screen.json(
            {
                "dataset": location.uri,
                "sent": sorted(found.files),
                "size_bytes": found.size_bytes,
                "unchanged": found.unchanged,
            }
        )
    other = context.configuration.dataset(dataset)
    if other is not None and other.value.rstrip("/") != location.uri:
        screen.warn(f"`opsctl run {dataset}` means {other.value} ({other.source}).")
        dataset = location.uri
    screen.hints({f"opsctl run {dataset} --sp native": "process it"})

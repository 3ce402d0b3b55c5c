"""`upload`: copy a local BIDS dataset into the data bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile


def upload(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a BIDS dataset.")],
    *,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="DATASET", help="The name of the dataset. Default: the name of the folder."),
    ] = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Copy a BIDS dataset to the data bucket.

    A second upload sends only what has changed.

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
        difference = compare(folder, location, context.storage)
    with screen.transfer(f"to {location.uri}", size_bytes=difference.size_bytes) as advance:
        send(difference, context.storage, on_file=lambda _, size: advance(size))
    sent_text = f"{counted(len(difference.files), 'file')} sent ({size_text(difference.size_bytes)})"
    screen.say(f"{location.uri}: {sent_text}, {difference.unchanged} there already")
    context.records.completion_cache.dataset(location.prefix)
    if as_json:
        screen.json(
            {
                "dataset": location.uri,
                "sent": sorted(difference.files),
                "size_bytes": difference.size_bytes,
                "unchanged": difference.unchanged,
            }
        )
    other = context.configuration.dataset(dataset)
    if other is not None and other.value.rstrip("/") != location.uri:
        screen.warn(f"`opsctl run {dataset}` means {other.value} ({other.source}).")
        dataset = location.uri
    screen.hints({f"opsctl run {dataset} --sp native": "process it"})

"""`sample`, `upload` and `results`: data out of nowhere, to the bucket, and home."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile, RunId


def sample(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
) -> None:
    """Write a small real BIDS dataset, made from the diffusion MRI that DIPY ships.

    Example: opsctl sample sample
    """
    from opsctl.local.sample import write_sample
    from opsctl.render.screen import counted, size_text

    context = Context()
    summary = write_sample(folder)
    size = size_text(summary.size_bytes)
    context.screen.say(f"{folder}: {counted(summary.scans, 'scan')} of {counted(summary.subjects, 'subject')}, {size}")
    context.screen.hints({f"opsctl upload {folder} --name HNU1": "bring it to the platform"})


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
    from opsctl.commands.upload import compare, send
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
    if as_json:
        screen.json(
            {
                "dataset": location.uri,
                "sent": sorted(found.files),
                "size_bytes": found.size_bytes,
                "unchanged": found.unchanged,
            }
        )
    screen.hints({f"opsctl run {dataset} --sp native": "process it"})


def results(
    folder: Annotated[Path, typer.Argument(metavar="DEST", help="Where the connectomes go.")],
    *,
    run_id: RunId = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Bring a run's connectomes home, each checked against its SHA-256.

    Example: opsctl results connectomes
    """
    from opsctl.commands.results import collect, fetch
    from opsctl.render.screen import counted

    context = Context(platform_name=platform, profile=profile)
    screen = context.screen
    with screen.waiting("looking what there is"):
        haul = collect(run_id, folder, records=context.records)
    size_bytes = sum(one.file.size_bytes for one in haul.downloads)
    with screen.transfer(f"to {folder}", size_bytes=size_bytes) as advance:
        fetch(haul, context.storage, on_file=lambda download: advance(download.file.size_bytes))
    scans = len({one.scan for one in haul.downloads})
    screen.say(f"{folder}: {counted(len(haul.downloads), 'connectome')} of {counted(scans, 'scan')}")
    if haul.missing:
        screen.warn(f"{counted(len(haul.missing), 'scan')} of {haul.run.run_id} not done: `opsctl status` says why")
    if as_json:
        screen.json(haul.as_json())
    else:
        for one in haul.downloads:
            screen.data.print(str(one.target), markup=False)

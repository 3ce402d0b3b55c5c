"""`sample`, `upload` and `results`: data out of nowhere, to the bucket, and home."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile, RunId
from opsctl.core.errors import Problem
from opsctl.core.result import What

if TYPE_CHECKING:
    from opsctl.commands.run_reader import RunReader


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
    context.records.notes.dataset(location.prefix)
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


def results(
    folder: Annotated[Path, typer.Argument(metavar="DEST", help="Where the files go: a folder, new or from before.")],
    *,
    what: Annotated[
        What, typer.Option("--what", help="The connectomes, the QA pictures and logs, or every output file.")
    ] = "connectomes",
    run_id: RunId = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Bring a run's connectomes home, each checked against its SHA-256.

    DEST becomes a BIDS derivative dataset, with connectomes.tsv: each connectome's nodes, edges, seconds and cost. A
    second time fetches only what is not here yet, and goes on with what was interrupted.

    What is done comes, also while other scans are not: that is said, and the exit code is 0 (`opsctl audit` and
    `opsctl status --wait` tell by theirs). It is 1 when no scan is done, or a file did not come.

    Example: opsctl results connectomes
    """
    from opsctl.commands.fetch import fetch, write_table
    from opsctl.commands.results import collect
    from opsctl.render.screen import counted, harmless

    context = Context(platform_name=platform, profile=profile)
    screen = context.screen
    with screen.waiting("looking what there is"):
        reader = context.reader(run_id)
        haul = collect(reader, folder, what=what)
    with screen.transfer(f"to {folder}", size_bytes=haul.size_bytes) as advance:
        fetched = fetch(haul, context.storage, on_file=lambda one: advance(one.file.size_bytes))
    table = None
    if what != "qa":
        with screen.waiting("writing the table"):
            table = write_table(haul, _cost_by_scan(context, reader))
    noun = {"connectomes": "connectome", "qa": "QA file", "all": "file"}[what]
    scans = counted(len({one.index for one in haul.downloads}), "scan")
    missing = f" ({counted(len(haul.missing), 'scan')} not done: `opsctl status` says why)" if haul.missing else ""
    screen.say(f"{folder}: {counted(len(haul.downloads), noun)} of {scans}{missing}")
    if fetched < len(haul.downloads):
        screen.say(f"{counted(len(haul.downloads) - fetched, 'file')} of them here already")
    if as_json:
        screen.json(haul.as_json(table=table))
    else:
        for one in haul.downloads:
            screen.data.print(harmless(str(one.target)), markup=False)


def _cost_by_scan(context: Context, reader: RunReader) -> dict[int, float]:
    """What each scan cost, USD; empty where that cannot be known now: the files matter more."""
    from datetime import UTC, datetime

    from opsctl.aws.prices import rates
    from opsctl.core.cost import bill

    try:
        resources = context.platform.models[reader.run.resources]
        prices = rates(context.clients, context.platform, resources, home=context.home)
        found = bill(reader.attempts(), reader.jobs(), prices, now=datetime.now(UTC))
    except (Problem, KeyError) as problem:
        context.screen.warn(f"the costs are not known: {problem}")
        return {}
    # A lower bound is no cost.
    return {index: one.usd for index, one in found.by_scan.items()} if found.is_complete else {}

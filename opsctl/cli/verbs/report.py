"""`report`: a run as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile, RunId


def report(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="The file to write, or a folder for RUN_ID.html. Default: the current folder."
        ),
    ] = None,
    *,
    run_id: RunId = None,
    parcellation: Annotated[
        str | None,
        typer.Option(
            "--parcellation",
            metavar="NAME",
            help="The parcellation whose connectomes are pictured. Default: the first that all scans have.",
        ),
    ] = None,
    is_opened: Annotated[bool, typer.Option("--open", help="Open the report in your browser.")] = False,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Write a run as one HTML page that needs no network.

    It shows participants' data: keep it where the data may be. An older report in its place is replaced, nothing else.

    Example: opsctl report --run HNU1-20261120-170211-ab12 --open monday.html
    """
    import webbrowser

    from opsctl.assets import atlas_nodes, atlas_table
    from opsctl.commands.results.asset_reader import fetch
    from opsctl.commands.results.report import gather, target_of, write
    from opsctl.commands.results.report_assets import choose, summarise
    from opsctl.core.results.node_table import known_nodes
    from opsctl.render.report import page
    from opsctl.render.report.pictures import ImageDecoder
    from opsctl.render.screen import counted, size_text

    context = Context(platform_name=platform, profile=profile)
    screen = context.screen
    with screen.waiting("asking"):
        reader = context.snapshots(run_id)
        # First, so that a file that must not be replaced is reported at once.
        target = target_of(file, reader.run, folder=Path())
        # Before the snapshot, which then need not read the results again.
        files = summarise(reader.run, reader.on_s3.each_result())
        gathered = gather(reader.whole(), pricing=context.pricing(reader.run), records=context.records)
        choice = choose(
            gathered,
            files,
            context.storage,
            data_bucket=context.platform.data_bucket,
            parcellation=parcellation,
        )
    decoder = ImageDecoder(picture_count=sum(asset.kind == "QA" for asset in choice.assets))
    size_bytes = sum(asset.size_bytes for asset in choice.assets)
    with screen.transfer("connectomes and pictures", size_bytes=size_bytes) as advance:
        images = fetch(
            choice.assets, context.storage, decode=decoder.decode, on_file=lambda asset: advance(asset.size_bytes)
        )
    nodes = known_nodes(choice.atlas, atlases=atlas_table(), nodes=atlas_nodes())
    written_bytes = write(page(gathered, choice, images, nodes=nodes), target)
    screen.say(f"{gathered.run.run_id}: {counted(len(gathered.status.scans), 'scan')}, {size_text(written_bytes)}")
    for note in choice.left_out:
        screen.say(f"  {note}")
    screen.say("It holds participants' data: keep it where the data may be. A browser opens it; it needs no network.")
    if as_json:
        screen.json(
            {
                "schema_version": 1,
                "run_id": gathered.run.run_id,
                "path": str(target),
                "size_bytes": written_bytes,
                "counts": {**gathered.status.counts, "TOTAL": gathered.status.total},
                "left_out": list(choice.left_out),
            }
        )
    else:
        screen.data.print(str(target), markup=False)
    if is_opened and not webbrowser.open(target.resolve().as_uri()):
        screen.warn(f"There is no browser that can be started here. Open {target} yourself.")

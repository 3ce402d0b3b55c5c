"""`results`: download a run's connectomes, each checked against its SHA-256."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile, RunId
from opsctl.core.errors import Problem
from opsctl.core.runs.result import What

if TYPE_CHECKING:
    from opsctl.commands.runs.snapshot import SnapshotReader


def results(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DEST", help="The folder to download to. It may have files of an earlier download."),
    ],
    *,
    what: Annotated[
        What,
        typer.Option(
            "--what", help="What to download: connectomes, the QA pictures and logs (qa), or every file (all)."
        ),
    ] = "connectomes",
    run_id: RunId = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Download a run's connectomes, and verify each file.

    DEST becomes a BIDS derivative dataset, with connectomes.tsv (each connectome's nodes, edges, lost regions, time,
    memory and cost) and nodes/ (what each node is). A second time fetches only what is not here yet, and goes on with
    what was interrupted.

    A file there that opsctl did not write, or that was changed since, stays as it is, and links are not followed: such
    a file is named, the others come, and the exit code is 1. What is done comes, also while other scans are not: that
    is said, and the exit code is 0 (`opsctl audit` and `opsctl status --wait` tell by theirs). It is 1 when no scan is
    done, or a file did not come.

    Example: opsctl results connectomes
    """
    from opsctl.assets import atlas_nodes, atlas_table
    from opsctl.commands.results.description import describe
    from opsctl.commands.results.download import download, open_folder
    from opsctl.commands.results.download_plan import plan_download
    from opsctl.commands.results.tables import write_tables
    from opsctl.core.runs.scan_warnings import grouped_warnings
    from opsctl.render.results import show_files
    from opsctl.render.scan_warnings import warnings_text
    from opsctl.render.screen import counted

    context = Context(platform_name=platform, profile=profile)
    screen = context.screen
    with screen.waiting("looking what there is"):
        reader = context.snapshots(run_id)
        plan = plan_download(reader.on_s3, folder, what=what)
    table = None
    with open_folder(folder) as target:
        if left_out := describe(target, plan.run, context.storage):
            screen.warn(left_out)
        with screen.transfer(f"to {folder}", size_bytes=plan.size_bytes) as advance:
            downloaded = download(plan, context.storage, target, on_file=lambda item: advance(item.file.size_bytes))
        if what != "qa":
            with screen.waiting("writing the table"):
                table = write_tables(
                    plan,
                    downloaded.present,
                    _cost_by_scan(context, reader),
                    target,
                    faults=downloaded.faults,
                    atlases=atlas_table(),
                    nodes=atlas_nodes(),
                )
    present = downloaded.present
    noun = {"connectomes": "connectome", "qa": "QA file", "all": "file"}[what]
    scans = counted(len({item.index for item in present}), "scan")
    missing = f" ({counted(len(plan.missing), 'scan')} not done: `opsctl status` says why)" if plan.missing else ""
    screen.say(f"{folder}: {counted(len(present), noun)} of {scans}{missing}")
    if downloaded.fetched < len(present):
        screen.say(f"{counted(len(present) - downloaded.fetched, 'file')} of them here already")
    if warnings := warnings_text(grouped_warnings(plan.warnings)):
        which = f" --run {run_id}" if run_id else ""
        screen.warn(f"{warnings}. `opsctl report{which}` shows their pictures and says why.")
    if downloaded.faults:
        raise downloaded.faults.summary()
    if as_json:
        screen.json(plan.as_json(table=table))
    else:
        show_files(screen, folder, [item.place for item in present], table=table)


def _cost_by_scan(context: Context, reader: SnapshotReader) -> dict[int, float]:
    """What each scan cost in USD; empty with a warning if that cannot be found out: the files matter more."""
    try:
        rates = context.pricing(reader.run).rates
        bills = reader.progress().bill_by_scan(rates)
    except (Problem, KeyError) as problem:
        context.screen.warn(f"the costs are not known: {problem}")
        return {}
    # An incomplete bill is only a lower bound.
    return {index: bill.usd for index, bill in bills.items()} if rates.is_complete else {}

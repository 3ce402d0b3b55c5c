"""`results`: download the connectomes of a run or a dataset, each checked against its SHA-256."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import click
import typer

from opsctl.cli.context import Context
from opsctl.cli.options import (
    AsJson,
    OfDataset,
    OfParcellations,
    OutputsOfDataset,
    ParticipantLabel,
    PlatformName,
    Profile,
    RunId,
    ScanName,
)
from opsctl.core.errors import Problem
from opsctl.core.runs.output_kinds import Format, TypedKind, What

if TYPE_CHECKING:
    from opsctl.commands.runs.snapshot import SnapshotReader
    from opsctl.core.runs.manifest import Run


def results(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DEST", help="The folder to download to. It may have files of an earlier download."),
    ],
    *,
    dataset: OfDataset = None,
    modif: OutputsOfDataset = None,
    what: Annotated[
        What,
        typer.Option(
            "--what",
            help="What to download: the connectomes, the QA pictures with m2g's own logs where it writes any (qa), or"
            " every file (all).",
        ),
    ] = "connectomes",
    scan: ScanName = None,
    participant_label: ParticipantLabel = None,
    parcellation: OfParcellations = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            # typer knows a choice only of options that are typed once.
            click_type=click.Choice(get_args(TypedKind)),
            help="Only connectomes whose edges have this kind of weight. May be repeated.",
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            click_type=click.Choice(get_args(Format)),
            help="Write the connectomes in this format as well, into DEST/formats: dense tables (tsv), one NumPy array"
            " a parcellation (npz), graphs (graphml), or the names of BIDS's draft for connectivity (bids). May be"
            " repeated.",
        ),
    ] = None,
    no_download: Annotated[
        bool,
        typer.Option("--no-download", help="With --format: use the connectomes that DEST has, and ask no platform."),
    ] = False,
    list_files: Annotated[
        bool,
        typer.Option("--list", help="Print the path of each file, downloaded or written, on standard output."),
    ] = False,
    run_id: RunId = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Download and verify the connectomes of a run or a dataset.

    DEST becomes a BIDS derivative dataset, with connectomes.tsv (each connectome's nodes, edges, lost regions, time,
    memory and cost) and nodes/ (what each node is). A second time fetches only what is not here yet, and goes on with
    what was interrupted.

    A file there that opsctl did not write, or that was changed since, stays as it is, and links are not followed: such
    a file is named, the others come, and the exit code is 1. What is done comes, also while other scans are not: that
    is said, and the exit code is 0 (`opsctl audit` and `opsctl status --wait` tell by theirs). It is 1 when no scan is
    done, or a file did not come.

    --format writes the connectomes in the formats of other programs as well: of the selected parcellations and kinds,
    every scan that connectomes.tsv lists. Rows are numbered by the atlas's labels, and lost regions are NaN.

    `opsctl results connectomes --format npz --format tsv` writes two.

    Example: opsctl results connectomes
    """
    from opsctl.assets import atlas_nodes, atlas_table
    from opsctl.cli.results_formats import convert, write_typed_formats
    from opsctl.commands.results.description import describe
    from opsctl.commands.results.download import download, open_folder
    from opsctl.commands.results.download_plan import plan_download
    from opsctl.commands.results.tables import write_tables
    from opsctl.core.results.request import ResultsRequest
    from opsctl.render.results import show_faults, show_files, show_formats, show_summary

    request = ResultsRequest(
        folder=str(folder),
        what=what,
        run_id=run_id,
        dataset=dataset,
        output_name=modif,
        scans=tuple(scan or ()),
        participants=tuple(participant_label or ()),
        parcellations=tuple(parcellation or ()),
        kinds=cast("tuple[TypedKind, ...]", tuple(kind or ())),
        formats=cast("tuple[Format, ...]", tuple(formats or ())),
        is_download=not no_download,
    )
    request.check()
    context = Context(platform_name=platform, profile=profile)
    screen = context.screen
    if no_download:
        convert(screen, request, is_list=list_files, as_json=as_json)
        return
    other_outputs: tuple[str, ...] = ()
    origins: tuple[Run, ...] = ()
    if dataset is None:
        with screen.waiting("looking what there is"):
            reader = context.snapshots(run_id)
            plan = plan_download(reader.on_s3, request)
    else:
        from opsctl.commands.results.dataset_runs import read_dataset
        from opsctl.commands.runs.snapshot import SnapshotReader

        location = context.dataset(dataset)
        with screen.waiting("looking what there is"):
            read = read_dataset(location, output_name=modif, records=context.records, storage=context.storage)
            other_outputs, origins = read.other_outputs, read.origins
            reader = SnapshotReader(
                read.run, records=context.records, batch=context.batch, now=lambda: datetime.now(UTC), is_saving=True
            )
            plan = plan_download(reader.on_s3, request, origins=origins)
    table = None
    with open_folder(folder) as target:
        if left_out := describe(target, plan, context.storage):
            screen.warn(left_out)
        with screen.transfer(f"to {folder}", size_bytes=plan.size_bytes) as advance:
            downloaded = download(plan, context.storage, target, on_file=lambda item: advance(item.file.size_bytes))
        if what != "qa":
            with screen.waiting("writing the table"):
                table = write_tables(
                    plan,
                    downloaded.in_the_table,
                    _cost_by_scan(context, reader),
                    target,
                    faults=downloaded.faults,
                    atlases=atlas_table(),
                    nodes=atlas_nodes(),
                )
        written = None
        if request.formats and table is not None:
            written = write_typed_formats(screen, request, target, downloaded.faults)
    if as_json:
        entries = written.as_json(folder) if written else ()
        screen.json(plan.as_json(present=downloaded.present, faults=downloaded.faults, table=table, formats=entries))
    elif list_files:
        places = [item.place for item in downloaded.present if item.is_connectome or what != "connectomes"]
        show_files(screen, folder, [*places, *(written.places if written else ())])
    # Standard output has either the summary, or only what a script asked for.
    show_summary(
        screen, plan, downloaded, table=table, other_outputs=other_outputs, is_data=not (as_json or list_files)
    )
    if written is not None:
        show_formats(screen, folder, written, is_data=not (as_json or list_files))
    if downloaded.faults:
        show_faults(screen, downloaded.faults)
        raise downloaded.faults.summary()


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

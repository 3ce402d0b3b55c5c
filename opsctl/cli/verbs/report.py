"""`report`: a run or a dataset as one HTML file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from opsctl.cli import completion
from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, OfDataset, OutputsOfDataset, PlatformName, Profile, RunId
from opsctl.core.errors import UsageProblem


def report(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="The file to write, or a folder for RUN_ID.html or DATASET-MODIF.html. Default: the current folder.",
        ),
    ] = None,
    *,
    run_id: RunId = None,
    dataset: OfDataset = None,
    modif: OutputsOfDataset = None,
    parcellation: Annotated[
        str | None,
        typer.Option(
            "--parcellation",
            metavar="NAME",
            help="The parcellation whose connectomes are pictured. Default: the first that all scans have.",
            autocompletion=completion.parcellations,
        ),
    ] = None,
    reliability: Annotated[
        Literal["pictured", "all"],
        typer.Option(
            "--reliability",
            help="Whose discriminability is shown: that of the pictured parcellation, or of all parcellations and all "
            "scans, which reads every connectome.",
        ),
    ] = "pictured",
    is_opened: Annotated[bool, typer.Option("--open", help="Open the report in your browser.")] = False,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Write one HTML page about a run or a dataset.

    It shows participants' data: keep it where the data may be. An older report in its place is replaced, nothing else.

    Example: opsctl report --run HNU1-20261120-170211-ab12 --open monday.html
    """
    import webbrowser

    from opsctl.assets import atlas_nodes, atlas_table
    from opsctl.commands.reliability.graph_stacks import Atlases
    from opsctl.commands.reliability.run_graphs import RunGraphs
    from opsctl.commands.results.compared_scans import compare_all, compare_pictured
    from opsctl.commands.results.dataset_runs import read_dataset
    from opsctl.commands.results.report import ReportSubject, gather, target_of, write
    from opsctl.commands.results.report_assets import choose, summarise
    from opsctl.commands.results.report_graphs import ReportGraphs
    from opsctl.commands.runs.snapshot import SnapshotReader
    from opsctl.commands.simulation.run_course import run_course
    from opsctl.core.results.node_table import known_nodes
    from opsctl.render.report import page
    from opsctl.render.report.pictures import ImageDecoder
    from opsctl.render.screen import counted, size_text

    if dataset is not None and run_id is not None:
        raise UsageProblem("--dataset is about all runs of a dataset, --run about one run.", "Give one of them.")
    if modif is not None and dataset is None:
        raise UsageProblem("--modif chooses a folder of a dataset.", "Give --dataset, or leave --modif out.")
    context = Context(platform_name=platform, profile=profile)
    screen = context.screen
    with screen.waiting("asking"):
        if dataset is None:
            reader = context.snapshots(run_id)
            subject = ReportSubject(run=reader.run)
        else:
            read = read_dataset(
                context.dataset(dataset), output_name=modif, records=context.records, storage=context.storage
            )
            reader = SnapshotReader(
                read.run, records=context.records, batch=context.batch, now=lambda: datetime.now(UTC), is_saving=True
            )
            subject = ReportSubject(run=read.run, dataset=dataset, origins=read.origins)
        # First, so that a file that must not be replaced is reported at once.
        target = target_of(file, subject.file_name, folder=Path())
        # Before the snapshot, which then need not read the results again.
        files = summarise(reader.run, reader.on_s3.each_result())
        snapshot, pricing = reader.whole(), context.pricing(reader.run)
        gathered = gather(snapshot, subject=subject, pricing=pricing, records=context.records)
        # The runs of a dataset overlap, and each had its own limits.
        course = (
            run_course(snapshot, platform=context.platform, records=context.records, rates=pricing.rates)
            if dataset is None
            else None
        )
        choice = choose(
            gathered,
            files,
            context.storage,
            data_bucket=context.platform.data_bucket,
            parcellation=parcellation,
        )
        # They list the connectomes of all atlases, which `choice` does not need.
        del files
    decoder = ImageDecoder(picture_count=sum(asset.kind == "QA" for asset in choice.assets))
    size_bytes = sum(asset.size_bytes for asset in choice.assets)
    atlases = Atlases(table=atlas_table(), nodes=atlas_nodes())
    with screen.transfer("connectomes and pictures", size_bytes=size_bytes) as advance:
        graphs = ReportGraphs(
            choice,
            context.storage,
            run=reader.run,
            decode=decoder.decode,
            on_file=lambda asset: advance(asset.size_bytes),
        )
        compared = compare_pictured(graphs, choice, subject, atlases=atlases) if reliability == "pictured" else None
        images = graphs.decoded
    if reliability == "all":
        source = RunGraphs(reader.on_s3, context.storage)
        all_bytes = sum(file.size_bytes or 0 for file in source.files())
        with screen.transfer("all connectomes", size_bytes=all_bytes) as advance:
            compared = compare_all(
                source, choice, subject, atlases=atlases, on_file=lambda file: advance(file.size_bytes or 0)
            )
    nodes = known_nodes(choice.atlas, atlases=atlases.table, nodes=atlases.nodes)
    written_bytes = write(page(gathered, choice, images, nodes=nodes, comparison=compared, course=course), target)
    screen.say(f"{subject.title}: {counted(len(gathered.status.scans), 'scan')}, {size_text(written_bytes)}")
    for note in choice.left_out:
        screen.say(f"  {note}")
    screen.say("It holds participants' data: keep it where the data may be. A browser opens it; it needs no network.")
    if as_json:
        screen.json(
            {
                "schema_version": 1,
                "run_id": None if dataset else gathered.run.run_id,
                "dataset": gathered.run.dataset,
                "output": gathered.run.output,
                "parcellation": choice.atlas or None,
                "path": str(target),
                "size_bytes": written_bytes,
                "counts": {**gathered.status.counts, "TOTAL": gathered.status.total},
                "daily_counts": {str(state): count for state, count in gathered.status.daily_counts.items()},
                "left_out": list(choice.left_out),
            }
        )
    else:
        screen.data.print(str(target), markup=False)
    if is_opened and not webbrowser.open(target.resolve().as_uri()):
        screen.warn(f"There is no browser that can be started here. Open {target} yourself.")

"""`reliability`: do the connectomes of repeated measurements agree?"""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsctl.cli import completion
from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, OfDataset, OutputsOfDataset, PlatformName, Profile, RunId, Transform
from opsctl.core.errors import ErrorCode, Problem, UsageProblem

if TYPE_CHECKING:
    from opsctl.commands.reliability.graph_files import GraphSource
    from opsctl.core.runs.manifest import Run

_MOST_PERMUTATIONS = 100_000
_MOST_SEED = 2**32 - 1
#: Longer comparisons are announced.
_LONG_SECONDS = 30


def reliability(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]",
            help="A folder that `opsctl results` wrote, or an array of its `--format npz`. Default: the results of a"
            " run, read from the data bucket.",
        ),
    ] = None,
    *,
    run_id: RunId = None,
    dataset: OfDataset = None,
    modif: OutputsOfDataset = None,
    parcellation: Annotated[
        list[str] | None,
        typer.Option(
            "--parcellation",
            metavar="NAME",
            help="Only connectomes of this parcellation (a neuroparc name, or a part of it). May be repeated.",
            autocompletion=completion.parcellations,
        ),
    ] = None,
    transform: Transform = "ranks",
    permutations: Annotated[
        int,
        typer.Option(
            "--permutations",
            min=0,
            max=_MOST_PERMUTATIONS,
            metavar="N",
            help="Permutations of the subjects' labels for the p value; 0: no test.",
        ),
    ] = 999,
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            min=0,
            max=_MOST_SEED,
            metavar="N",
            help="The seed of the permutations: the same gives the same p.",
        ),
    ] = 0,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Tell how reliable the connectomes are, from repeated scans.

    D (discriminability) is the share of comparisons in which a scan is nearer to another scan of its own subject than
    to a scan of another subject: m2g's own measure. It needs at least two subjects with two sessions each. With
    --verbose each scan's own D is shown.

    Below stand the scans to look at: those that differ from the others, with the reason and the command for their
    pictures. It is a list to look at, never a verdict.

    Example: opsctl reliability --dataset HNU1
    """
    _check(folder, run_id=run_id, dataset=dataset, modif=modif)
    from opsctl.assets import atlas_nodes, atlas_table
    from opsctl.cli.global_options import is_verbose
    from opsctl.commands.reliability.effort import effort
    from opsctl.commands.reliability.graph_stacks import Atlases, read_stack, stack_files
    from opsctl.commands.reliability.reliability import assess
    from opsctl.commands.reliability.stack_room import ensure_room, ranks_room
    from opsctl.core.reliability.distances import distances
    from opsctl.core.reliability.published import published_value
    from opsctl.core.reliability.suspects import scans_to_look_at
    from opsctl.core.results.pictured_atlas import selected_atlases
    from opsctl.render.reliability import as_json as document
    from opsctl.render.reliability import show_reliability
    from opsctl.render.reliability_scans import show_scans
    from opsctl.render.screen import duration_text, size_text

    context = Context(platform_name=platform, profile=profile)
    screen = context.screen
    with screen.waiting("looking what there is"):
        source, run, about = _source(context, folder, run_id=run_id, dataset=dataset, modif=modif)
        atlases = Atlases(table=atlas_table(), nodes=atlas_nodes())
        stacks = stack_files(source, atlases)
        if parcellation:
            chosen = selected_atlases(parcellation, {files.atlas for files in stacks})
            stacks = [files for files in stacks if files.atlas in chosen]
        if not stacks:
            raise _nothing(folder, run, dataset=dataset)
        cost = effort(stacks, transform)
    if cost.disk_bytes:
        ensure_room(cost.disk_bytes)
        screen.say(f"{size_text(cost.disk_bytes)} of temporary files hold the weights; they are gone at the end.")
    if cost.seconds > _LONG_SECONDS:
        screen.say(f"The comparison takes up to {duration_text(cost.seconds)} after the files are read.")
    published = published_value(run.dataset.rstrip("/").rpartition("/")[2], run.m2g) if run is not None else None
    rows, to_look_at = [], []
    with screen.counting("connectomes", total=sum(len(files.files) for files in stacks)) as advance:
        for files in stacks:
            stack = read_stack(source, files, atlases=atlases, on_file=lambda _: advance(1))
            compared = distances(stack, transform, ranks=ranks_room(stack, transform))
            rows.append(
                assess(
                    stack,
                    compared,
                    transform=transform,
                    permutations=permutations,
                    seed=seed,
                    published=published,
                )
            )
            to_look_at.append(scans_to_look_at(stack, compared, rows[-1].result))
    if as_json:
        screen.json(document(rows, about) | {"scans_to_look_at": [scans.as_json() for scans in to_look_at]})
    else:
        title = str(folder) if folder is not None else dataset or about["run_id"]
        show_reliability(screen, rows, title=title, is_verbose=is_verbose())
        options = None if run is None else _options(run, dataset=dataset)
        show_scans(screen, to_look_at, options=options, is_verbose=is_verbose())


def _check(folder: Path | None, *, run_id: str | None, dataset: str | None, modif: str | None) -> None:
    chosen = [
        name for name, value in (("FOLDER", folder), ("--run", run_id), ("--dataset", dataset)) if value is not None
    ]
    if len(chosen) > 1:
        raise UsageProblem(
            f"{chosen[0]} and {chosen[1]} exclude each other.",
            "FOLDER is on this machine, --run is one run, --dataset takes the best result of each scan of all runs.",
        )
    if modif is not None and dataset is None:
        raise UsageProblem("--modif chooses a folder of a dataset.", "Give --dataset, or leave --modif out.")


def _source(
    context: Context, folder: Path | None, *, run_id: str | None, dataset: str | None, modif: str | None
) -> tuple[GraphSource, Run | None, dict[str, Any]]:
    """What is read, its run, and what the JSON says of it."""
    about: dict[str, Any] = {"run_id": None, "dataset": None, "output": None, "folder": None}
    if folder is not None and folder.suffix == ".npz":
        from opsctl.commands.results.formats.array_graphs import ArrayGraphs

        return ArrayGraphs(folder), None, {**about, "folder": str(folder)}
    if folder is not None:
        from opsctl.commands.reliability.folder_graphs import FolderGraphs

        return FolderGraphs(folder), None, {**about, "folder": str(folder)}
    from opsctl.commands.reliability.run_graphs import RunGraphs

    if dataset is None:
        reader = context.snapshots(run_id)
        run = reader.run
    else:
        from opsctl.commands.results.dataset_runs import read_dataset
        from opsctl.commands.runs.snapshot import SnapshotReader

        location = context.dataset(dataset)
        run = read_dataset(location, output_name=modif, records=context.records, storage=context.storage).run
        reader = SnapshotReader(
            run, records=context.records, batch=context.batch, now=lambda: datetime.now(UTC), is_saving=True
        )
    about |= {"run_id": run.run_id if dataset is None else None, "dataset": run.dataset, "output": run.output}
    return RunGraphs(reader.on_s3, context.storage), run, about


def _options(run: Run, *, dataset: str | None) -> str:
    """The options of `results` and `report` that name what was read."""
    if dataset is None:
        return f"--run {run.run_id}"
    return f"--dataset {shlex.quote(dataset)} --modif {shlex.quote(run.output.rpartition('/')[2])}"


def _nothing(folder: Path | None, run: Run | None, *, dataset: str | None) -> Problem:
    """There is no connectome to compare."""
    if run is None:
        return Problem(
            f"{folder} holds no connectome.",
            f"`opsctl results {shlex.quote(str(folder))}` downloads those of the latest run into it.",
            code=ErrorCode.NO_RESULTS,
        )
    if dataset is not None:
        output_name = shlex.quote(run.output.rpartition("/")[2])
        return Problem(
            f"No scan of {dataset} is done yet.",
            f"`opsctl audit {shlex.quote(dataset)} --modif {output_name}` shows how far it is.",
            code=ErrorCode.NO_RESULTS,
        )
    return Problem(
        f"No scan of {run.run_id} is done yet.",
        f"`opsctl status --run {run.run_id}` shows how far it is.",
        code=ErrorCode.NO_RESULTS,
    )

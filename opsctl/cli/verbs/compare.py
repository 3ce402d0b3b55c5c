"""`compare`: two settings on the same scans."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli import completion
from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile, Transform
from opsctl.core.errors import ErrorCode, Problem

if TYPE_CHECKING:
    from opsctl.commands.comparison.compare import Comparison
    from opsctl.commands.comparison.sides import OpenedSide
    from opsctl.core.comparison.side_argument import DatasetOutputs
    from opsctl.core.runs.snapshot import Pricing

_SIDE_HELP = "A run (its id or a part of it), a dataset, DATASET/derivatives/NAME, or a folder of results (./PATH)."

#: Why a name leads nowhere on S3, where a folder of that name may be meant.
_NOT_THERE = (ErrorCode.RUN_NOT_FOUND, ErrorCode.PLATFORM_NOT_FOUND)


def compare(
    first: Annotated[
        str, typer.Argument(metavar="A", help=_SIDE_HELP, autocompletion=completion.runs, show_default=False)
    ],
    second: Annotated[
        str, typer.Argument(metavar="B", help="What A is compared with.", autocompletion=completion.runs)
    ],
    *,
    parcellation: Annotated[
        str | None,
        typer.Option(
            "--parcellation",
            metavar="NAME",
            help="Compare only this parcellation (a neuroparc name, or a part of it). Default: all that both have.",
            autocompletion=completion.parcellations,
        ),
    ] = None,
    transform: Transform = "ranks",
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Compare two runs or settings over the scans that both have.

    It shows how reliable each is (discriminability) and how sure the difference is, how far their edges agree, and
    what each lost, took and cost.

    Example: opsctl compare ab12 cd34
    """
    from opsctl.assets import atlas_nodes, atlas_table
    from opsctl.commands.comparison.compare import compare as command
    from opsctl.commands.comparison.compare import connectome_count
    from opsctl.commands.reliability.graph_stacks import Atlases
    from opsctl.render.compare import show_comparison

    context = Context(platform_name=platform, profile=profile)
    screen = context.screen
    opener = _Opener(context)
    with screen.waiting("looking what there is"):
        sides = opener.open(first), opener.open(second)
    with screen.counting("connectomes", total=connectome_count(*sides)) as advance:
        comparison = command(
            *sides,
            atlases=Atlases(table=atlas_table(), nodes=atlas_nodes()),
            parcellation=parcellation,
            transform=transform,
            on_file=lambda _: advance(1),
        )
    if as_json:
        screen.json(comparison.as_json())
    else:
        show_comparison(screen, comparison)
        screen.hints(_next_commands(context, comparison))


def _next_commands(context: Context, comparison: Comparison) -> dict[str, str]:
    """The commands that run all scans with one of the settings; the pilot's scans are kept."""
    from opsctl.cli.side_command import run_command

    commands = {}
    for label, side in zip(comparison.labels, comparison.sides, strict=True):
        if command := run_command(side, data_bucket=context.platform.data_bucket if side.kind != "folder" else ""):
            commands[command] = f"all scans with {label}"
    return commands


class _Opener:
    """Finds what was typed."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def open(self, typed: str) -> OpenedSide:
        """A folder on this machine, a dataset over its runs, or a run.

        Raises
        ------
        Problem
            If there is none.
        """
        from opsctl.commands.comparison.sides import open_results_folder
        from opsctl.commands.reliability.folder_graphs import FolderGraphs
        from opsctl.core.comparison.side_argument import DatasetOutputs, RunOrDataset, parse_side
        from opsctl.core.dataset_argument import LocalFolder, folder_argument
        from opsctl.user_path import user_path

        side = parse_side(typed)
        if isinstance(side, LocalFolder):
            return open_results_folder(typed, FolderGraphs(user_path(side.path)))
        try:
            if isinstance(side, RunOrDataset):
                is_configured = self._context.configuration.dataset(side.name) is not None
                dataset = side.as_dataset(self._context.records.run_ids())
                if dataset is None and is_configured:
                    dataset = DatasetOutputs(side.name, None)
                return self._run(side.name) if dataset is None else self._dataset(typed, dataset)
            return self._dataset(typed, side)
        except Problem as problem:
            if problem.code == ErrorCode.RUN_NOT_FOUND and isinstance(side, RunOrDataset):
                problem.add_sentence("No run is of a dataset of that name either.")
            if problem.code in _NOT_THERE and Path(typed).is_dir():
                problem.add_sentence(
                    f"The folder of that name on this machine is {shlex.quote(folder_argument(typed))}."
                )
            raise

    def _run(self, run_id: str) -> OpenedSide:
        from opsctl.commands.comparison.sides import open_run
        from opsctl.commands.reliability.run_graphs import RunGraphs

        context = self._context
        reader = context.snapshots(run_id)
        return open_run(
            reader.run.run_id,
            "run",
            RunGraphs(reader.on_s3, context.storage),
            reader,
            records=context.records,
            pricing=self._pricing(reader.run.resources),
        )

    def _dataset(self, typed: str, outputs: DatasetOutputs) -> OpenedSide:
        from opsctl.commands.comparison.sides import open_run
        from opsctl.commands.reliability.run_graphs import RunGraphs
        from opsctl.commands.results.dataset_runs import read_dataset
        from opsctl.commands.runs.snapshot import SnapshotReader

        context = self._context
        read = read_dataset(
            context.dataset(outputs.dataset),
            output_name=outputs.modif,
            records=context.records,
            storage=context.storage,
        )
        reader = SnapshotReader(
            read.run, records=context.records, batch=context.batch, now=lambda: datetime.now(UTC), is_saving=True
        )
        shown = typed if outputs.modif else f"{typed}/derivatives/{read.run.output.rpartition('/')[2]}"
        return open_run(
            shown,
            "dataset",
            RunGraphs(reader.on_s3, context.storage),
            reader,
            records=context.records,
            pricing=self._pricing(read.run.resources),
        )

    def _pricing(self, model: str) -> Pricing | None:
        """The prices of a model's instances; None with a warning where they cannot be found out."""
        try:
            return self._context.pricing_of_model(model)
        except (Problem, KeyError) as problem:
            self._context.screen.warn(f"the costs are not known: {problem}")
            return None

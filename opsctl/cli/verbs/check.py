"""`check`: read every scan's gradients and header, and report what m2g cannot process."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.dataset_search import find_scans
from opsctl.cli.option_groups import DatasetSource, OptionGroup, ScanFilters, expanded
from opsctl.cli.options import (
    AcquisitionOption,
    AsJson,
    DatasetOrFolder,
    PlatformName,
    Profile,
    RepetitionTime,
    WhichPipeline,
)

if TYPE_CHECKING:
    from opsctl.cli.dataset_source import ReadDataset
    from opsctl.commands.dataset.bids_names import BidsNames
    from opsctl.core.dataset.scan_validation import Verdict

_SOME_WRONG = 1


class CheckOptions(OptionGroup):
    """What is checked, and against which options of m2g."""

    #: `run` does not have it.
    not_repeated = frozenset({"whole"})

    pipeline: WhichPipeline = "dwi"
    tr: RepetitionTime = None
    acquisition: AcquisitionOption = None
    whole: Annotated[
        bool, typer.Option("--whole", help="Read every image to its end, to find truncated and corrupt ones.")
    ] = False


@expanded
def check(
    dataset: DatasetOrFolder,
    *,
    options: CheckOptions,
    filters: ScanFilters,
    source: DatasetSource,
    show_all: Annotated[bool, typer.Option("--all", help="Show every scan, also those with nothing wrong.")] = False,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Find the scans that m2g cannot process, before a run.

    It reads every scan's bval, bvec and image header. Exit code 1 means that m2g cannot process a scan.

    Example: opsctl check HNU1
    """
    from opsctl.commands.dataset.check import check as check_scans
    from opsctl.commands.dataset.headers import Headers
    from opsctl.core.record import SCHEMA_VERSION
    from opsctl.render.check import show_bids_names, show_verdicts

    context = Context(platform_name=platform, profile=profile)
    chosen, read = find_scans(context, dataset, pipeline=options.pipeline, filters=filters, source=source)
    reading = "reading images" if options.whole else "reading headers"
    with context.screen.counting(reading, total=len(chosen.chosen)) as advance:
        verdicts = check_scans(
            chosen.chosen,
            Headers(read.files.files),
            root_volume_gib=_root_volume_gib(context, read),
            on_scan=lambda: advance(1),
            tr=options.tr,
            acquisition=options.acquisition,
            is_whole=options.whole,
        )
    names = _bids_names(context, read)
    if as_json:
        context.screen.json(
            {
                "schema_version": SCHEMA_VERSION,
                "scans": [verdict.as_json() for verdict in verdicts],
                **chosen.discovery.as_json(),
                **read.as_json(),
                "bids": names.as_json() if names else None,
            }
        )
    else:
        show_verdicts(context.screen, chosen, verdicts, is_all=show_all)
        if names is not None:
            show_bids_names(context.screen, names)
        common = [dataset, *options.words(), *filters.words(), *source.words()]
        if verdicts:
            folder = dataset if read.folder else ""
            context.screen.hints(_next_commands(verdicts, common, is_whole=options.whole, folder=folder))
    if any(verdict.level == "wrong" for verdict in verdicts):
        raise typer.Exit(_SOME_WRONG)


def _bids_names(context: Context, read: ReadDataset) -> BidsNames | None:
    """Pybids' own validation, which needs the files on this machine."""
    from opsctl.commands.dataset.bids_names import bids_names

    if read.folder is None:
        return None
    with context.screen.waiting("validating names with pybids"):
        return bids_names(read.folder.folder, read.folder.contents.sizes)


def _root_volume_gib(context: Context, read: ReadDataset) -> int:
    """The size of the jobs' disk; for a folder on this machine no platform has to be up."""
    from opsctl.core.diagnosis.account.at_once import ROOT_VOLUME_GIB

    platform = context.platform if read.folder is None else context.known_platform
    return ROOT_VOLUME_GIB if platform is None else platform.root_volume_gib


def _next_commands(
    verdicts: Sequence[Verdict], common: Sequence[str], *, is_whole: bool, folder: str
) -> dict[str, str]:
    """What to type after these verdicts, about the same scans."""
    commands = {}
    if not is_whole:
        commands[shlex.join(["opsctl", "check", *common, "--whole"])] = "read every image to its end"
    levels = [verdict.level for verdict in verdicts]
    if folder:
        upload = shlex.join(["opsctl", "upload", folder])
        return {**commands, upload: "copy the dataset to the data bucket"}
    if "wrong" not in levels:
        commands[shlex.join(["opsctl", "run", *common])] = "submit the scans"
    elif set(levels) != {"wrong"}:
        skipping = shlex.join(["opsctl", "run", *common, "--skip-invalid"])
        commands[skipping] = "submit the scans that m2g can process"
    return commands

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
    Dataset,
    PlatformName,
    Profile,
    RepetitionTime,
    WhichPipeline,
)

if TYPE_CHECKING:
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
    dataset: Dataset,
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
    from opsctl.render.check import show_verdicts

    context = Context(platform_name=platform, profile=profile)
    chosen, opened = find_scans(context, dataset, pipeline=options.pipeline, filters=filters, source=source)
    reading = "reading images" if options.whole else "reading headers"
    with context.screen.counting(reading, total=len(chosen.chosen)) as advance:
        verdicts = check_scans(
            chosen.chosen,
            Headers(opened.storage.files),
            root_volume_gib=context.platform.root_volume_gib,
            on_scan=lambda: advance(1),
            tr=options.tr,
            acquisition=options.acquisition,
            is_whole=options.whole,
        )
    if as_json:
        context.screen.json(
            {
                "schema_version": SCHEMA_VERSION,
                "scans": [verdict.as_json() for verdict in verdicts],
                **chosen.discovery.as_json(),
                **opened.as_json(),
            }
        )
    else:
        show_verdicts(context.screen, chosen, verdicts, is_all=show_all)
        common = [dataset, *options.words(), *filters.words(), *source.words()]
        context.screen.hints(_next_commands(verdicts, common, is_whole=options.whole))
    if any(verdict.level == "wrong" for verdict in verdicts):
        raise typer.Exit(_SOME_WRONG)


def _next_commands(verdicts: Sequence[Verdict], common: Sequence[str], *, is_whole: bool) -> dict[str, str]:
    """What to type after these verdicts, about the same scans."""
    commands = {}
    if not is_whole:
        commands[shlex.join(["opsctl", "check", *common, "--whole"])] = "read every image to its end"
    levels = [verdict.level for verdict in verdicts]
    if "wrong" not in levels:
        commands[shlex.join(["opsctl", "run", *common])] = "submit the scans"
    elif set(levels) != {"wrong"}:
        skipping = shlex.join(["opsctl", "run", *common, "--skip-invalid"])
        commands[skipping] = "submit the scans that m2g can process"
    return commands

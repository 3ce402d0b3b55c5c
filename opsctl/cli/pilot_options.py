"""The options of `run` for a pilot: a few scans with several settings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli.option_groups import OptionGroup, ScanFilters
from opsctl.core.dataset.selection import Selection
from opsctl.core.errors import UsageProblem

if TYPE_CHECKING:
    from opsctl.core.comparison.settings import Setting
    from opsctl.core.runs.m2g_options import Pipeline


class PilotFlags(OptionGroup):
    """A few scans with several settings, before all of them with one."""

    panel = "Which scans"

    pilot: Annotated[
        str | None,
        typer.Option(
            "--pilot",
            metavar="SUBJECTSxSESSIONS",
            help="Only a few subjects with several sessions each, such as 8x2: enough to measure reliability.",
        ),
    ] = None
    settings: Annotated[
        str | None,
        typer.Option(
            "--settings",
            metavar="A,B",
            help="Run the same scans once with each setting, such as csd,csa or csd,csd:prob; `opsctl compare A B`"
            " compares two.",
        ),
    ] = None

    def parsed_settings(self, *, is_following: bool) -> tuple[Setting, ...]:
        """The settings of `--settings`; none without it.

        Raises
        ------
        UsageProblem
            If one cannot be run, or `--follow` was typed as well.
        """
        if self.settings is None:
            return ()
        from opsctl.core.comparison.settings import parse_settings

        if is_following:
            raise UsageProblem(
                "--follow shows the logs of one run, and --settings starts one for each setting.",
                "Leave --follow out: `opsctl logs --follow --run RUN_ID` shows the logs of one of them.",
            )
        return parse_settings(self.settings)

    def selection(self, filters: ScanFilters, *, pipeline: Pipeline) -> Selection:
        """Which scans are chosen.

        Raises
        ------
        UsageProblem
            If `--pilot` is not a pilot, or another option chooses otherwise.
        """
        if self.pilot is None:
            return filters.selection
        from opsctl.core.comparison.pilot import parse_pilot

        if filters.first is not None:
            raise UsageProblem("--pilot and --first choose differently.", "Give one of them.")
        if pipeline == "both":
            raise UsageProblem(
                "--pilot is about one pipeline, and --pipeline both runs two.", "Add --pipeline dwi or --pipeline func."
            )
        return replace(filters.selection, pilot=parse_pilot(self.pilot))

"""The options of `run` that say what is submitted, where to, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.option_groups import OptionGroup
from opsctl.cli.options import AsJson, Notify, PlatformName, Profile, Yes
from opsctl.core.dataset.selection import Only


class SubmissionFlags(OptionGroup):
    """What is submitted, where to, and how."""

    panel = "How to run"
    not_repeated = frozenset({"platform", "profile", "as_json", "yes", "dry_run", "simulate", "following", "notify"})

    modif: Annotated[
        str | None, typer.Option(metavar="NAME", help="The derivatives folder to write to. Default: m2g-MODEL-SPACE.")
    ] = None
    jobdir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write the JSON of each job to this folder.")
    ] = None
    only: Annotated[
        Only,
        typer.Option(
            "--only",
            help="Which scans to submit: missing ones, failed ones, those that ran out of memory (outgrown), those"
            " whose inputs or m2g changed, or all.",
        ),
    ] = "missing"
    memory: Annotated[
        int | None,
        typer.Option(min=1024, metavar="MIB", help="The memory of each job. More memory needs larger instances."),
    ] = None
    pack: Annotated[
        str | None,
        typer.Option(
            metavar="auto|N|off",
            help="How many scans share an instance. auto: what the peaks of earlier scans propose (`opsctl size`);"
            " off: one. Default: as the platform has it.",
        ),
    ] = None
    no_grow: Annotated[
        bool,
        typer.Option(
            "--no-grow",
            help="Do not run scans again that outgrow their memory. Default: what follows the run to its end does it"
            " once, with more memory.",
        ),
    ] = False
    max_spend: Annotated[
        float | None, typer.Option(min=0.0, metavar="USD", help="Submit only as many scans as this sum pays for.")
    ] = None
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Leave out the scans that m2g cannot process. All scans are checked.")
    ] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be submitted, and submit nothing.")] = (
        False
    )
    simulate: Annotated[bool, typer.Option("--simulate", help="Say how long it takes. Submits nothing.")] = False
    following: Annotated[bool, typer.Option("--follow", "-f", help="Show the logs until the run is over.")] = False
    notify: Notify = None
    platform: PlatformName = None
    profile: Profile = None
    as_json: AsJson = False
    yes: Yes = False

"""The command line: each verb reads its options, builds adapters, calls one command, renders and sets the exit code.

No module of this package imports anything heavy at its top: `--help` must answer at once.
"""

from __future__ import annotations

from typing import Annotated

import typer
import typer.core

from opsctl import __version__
from opsctl.cli.defaults import configure
from opsctl.cli.help_page import use_help_page
from opsctl.cli.options import as_typed_for_m2g
from opsctl.cli.verb_table import VerbTable
from opsctl.real_runs import status_note

# Typer would import rich for every help page, and print its escapes (`\\[default: 20]`) although markup is off.
typer.core.HAS_RICH = False
use_help_page()

app = typer.Typer(
    name="opsctl",
    cls=VerbTable,
    help="Run m2g over whole BIDS datasets on AWS Batch: MRI scans in, connectomes out.",
    epilog="Start without an account: opsctl up --local",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    # m2g's own spelling of options (`--participant_label`) is accepted too.
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "token_normalize_func": as_typed_for_m2g,
    },
)


def _version(is_set: bool) -> None:
    if is_set:
        typer.echo(f"opsctl {__version__}")
        if note := status_note():
            # Standard output is for scripts that compare versions.
            typer.echo(note, err=True)
        raise typer.Exit


@app.callback()
def main(
    ctx: typer.Context,
    version: Annotated[  # noqa: ARG001 its callback acts on it
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Run m2g over whole BIDS datasets on AWS Batch: MRI scans in, connectomes out."""
    configure(ctx)

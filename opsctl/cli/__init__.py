"""The verbs: options, help, build adapters, call one command, render, exit code.

Nothing heavy is imported at the top of this package's modules: `--help` must answer at once.
"""

from __future__ import annotations

from typing import Annotated

import typer
import typer.core

from opsctl import __version__
from opsctl.cli import (
    audit_verb,
    cancel_verb,
    config_verb,
    cost_verb,
    data_verbs,
    dataset_verbs,
    doctor_verb,
    down_verb,
    image_verbs,
    list_verbs,
    logs_verb,
    report_verb,
    run_verbs,
    up_verb,
    watch_verbs,
    why_verb,
)
from opsctl.cli.defaults import configure
from opsctl.cli.help_page import use_help_page
from opsctl.cli.options import as_typed_for_m2g
from opsctl.cli.verbose import Verbs

# Typer would import rich for every help page, and print its escapes (`\\[default: 20]`) where no markup is asked for.
typer.core.HAS_RICH = False
use_help_page()

app = typer.Typer(
    name="opsctl",
    cls=Verbs,
    help="Run m2g over whole BIDS datasets on AWS Batch: MRI scans in, connectomes out.",
    epilog="Start without an account: opsctl up --local",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    # m2g's own spelling (`--participant_label`) is understood too.
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "token_normalize_func": as_typed_for_m2g,
    },
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"opsctl {__version__}")
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


app.command("up")(up_verb.up)
app.command("sample")(data_verbs.sample)
app.command("upload")(data_verbs.upload)
app.command("datasets")(list_verbs.datasets)
app.command("scans")(dataset_verbs.scans)
app.command("check")(dataset_verbs.check)
app.command("run")(run_verbs.run)
app.command("runs")(list_verbs.runs)
app.command("status")(watch_verbs.status)
app.command("cost")(cost_verb.cost)
app.command("why")(why_verb.why)
app.command("logs")(logs_verb.logs)
app.command("cancel")(cancel_verb.cancel)
app.command("results")(data_verbs.results)
app.command("report")(report_verb.report)
app.command("audit")(audit_verb.audit)
app.command("config")(config_verb.config)
app.command("doctor")(doctor_verb.doctor)
app.add_typer(image_verbs.image, name="image")
app.command("down")(down_verb.down)

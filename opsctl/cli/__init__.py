"""The command line: each verb reads its options, builds adapters, calls one command, renders and sets the exit code.

No module of this package imports anything heavy at its top: `--help` must answer at once.
"""

from __future__ import annotations

from typing import Annotated

import typer
import typer.core

from opsctl import __version__
from opsctl.cli.defaults import configure
from opsctl.cli.global_options import Verbs
from opsctl.cli.help_page import CommandWithPanels, use_help_page
from opsctl.cli.options import as_typed_for_m2g
from opsctl.cli.verbs import (
    audit,
    cancel,
    check,
    config,
    cost,
    datasets,
    delete,
    doctor,
    down,
    image,
    logs,
    parcellations,
    report,
    results,
    run,
    runs,
    sample,
    scans,
    selftest,
    status,
    up,
    upload,
    why,
)
from opsctl.real_runs import status_note

# Typer would import rich for every help page, and print its escapes (`\\[default: 20]`) although markup is off.
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


app.command("up", cls=CommandWithPanels)(up.up)
app.command("sample")(sample.sample)
app.command("upload")(upload.upload)
app.command("datasets")(datasets.datasets)
app.command("scans")(scans.scans)
app.command("check")(check.check)
app.command("parcellations")(parcellations.parcellations)
app.command("run")(run.run)
app.command("runs")(runs.runs)
app.command("status")(status.status)
app.command("cost")(cost.cost)
app.command("why")(why.why)
app.command("logs")(logs.logs)
app.command("cancel")(cancel.cancel)
app.command("results")(results.results)
app.command("report")(report.report)
app.command("audit")(audit.audit)
app.add_typer(delete.delete, name="delete")
app.command("config")(config.config)
app.command("doctor")(doctor.doctor)
app.command("selftest")(selftest.selftest)
app.add_typer(image.image, name="image")
app.command("down")(down.down)

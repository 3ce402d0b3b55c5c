"""`sample`: write a small BIDS dataset to try opsctl with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.context import Context
from opsctl.core.errors import UsageProblem


def sample(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to create.")],
    *,
    reliability: Annotated[
        bool,
        typer.Option(
            "--reliability", help="Write 12 subjects with 2 sessions, whose reliability is known (24 scans, 1 MB)."
        ),
    ] = False,
    swapped: Annotated[
        bool,
        typer.Option(
            "--swapped-labels", help="With --reliability: exchange the labels of two scans, to see them found."
        ),
    ] = False,
) -> None:
    """Write a small BIDS dataset for trying opsctl.

    It is made from the diffusion MRI that DIPY ships. With --reliability, subjects and sessions are perturbations of
    one volume; its README says which.

    Example: opsctl sample sample
    """
    from opsctl.render.screen import counted, size_text

    if swapped and not reliability:
        raise UsageProblem("--swapped-labels is a variant of the sample for reliability.", "Add --reliability.")
    context = Context()
    if reliability:
        from opsctl.local.sample_reliability import write_reliability_sample

        summary = write_reliability_sample(folder, is_swapped=swapped)
    else:
        from opsctl.local.sample import write_sample

        summary = write_sample(folder)
    size = size_text(summary.size_bytes)
    context.screen.say(f"{folder}: {counted(summary.scans, 'scan')} of {counted(summary.subjects, 'subject')}, {size}")
    name = folder.resolve().name if reliability else "HNU1"
    context.screen.hints({f"opsctl upload {folder} --name {name}": "bring it to the platform"})

"""`sample`: write a small BIDS dataset to try opsctl with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.context import Context


def sample(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to create.")],
) -> None:
    """Write a small BIDS dataset for trying opsctl.

    It is made from the diffusion MRI that DIPY ships.

    Example: opsctl sample sample
    """
    from opsctl.local.sample import write_sample
    from opsctl.render.screen import counted, size_text

    context = Context()
    summary = write_sample(folder)
    size = size_text(summary.size_bytes)
    context.screen.say(f"{folder}: {counted(summary.scans, 'scan')} of {counted(summary.subjects, 'subject')}, {size}")
    context.screen.hints({f"opsctl upload {folder} --name HNU1": "bring it to the platform"})

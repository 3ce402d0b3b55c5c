"""Options that several verbs share, named alike everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

PlatformName = Annotated[
    str | None,
    typer.Option(
        "--platform", envvar="OPSCTL_PLATFORM", help="Which platform; the one brought up last.", metavar="NAME"
    ),
]
NewPlatformName = Annotated[
    str | None,
    typer.Option(
        "--name", "--platform", envvar="OPSCTL_PLATFORM", help="The platform's name (m2g; local with --local)."
    ),
]
Region = Annotated[str | None, typer.Option("--region", help="AWS region; your AWS configuration's.")]
Profile = Annotated[str | None, typer.Option("--profile", help="AWS profile; your AWS configuration's.")]
RunId = Annotated[str | None, typer.Option("--run", metavar="RUN_ID", help="Which run; the latest.")]
AsJson = Annotated[bool, typer.Option("--json", help="Data as JSON on standard output.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Local = Annotated[bool, typer.Option("--local", help="On this machine: no AWS account, no cost.")]

_SPELLED_BY_M2G = {"participant_label", "session_label", "diffusion_model", "track_type", "mem_gb", "n_cpus"}


def as_typed_for_m2g(token: str) -> str:
    """m2g spells its options with `_`: whoever types them so is understood. Values stay as they are."""
    return token.replace("_", "-") if token in _SPELLED_BY_M2G else token

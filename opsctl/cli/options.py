"""Options that several verbs share, named alike everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli import completion
from opsctl.core.runs.m2g_options import Pipeline, VoxelSize

PlatformName = Annotated[
    str | None,
    typer.Option(
        "--platform",
        envvar="OPSCTL_PLATFORM",
        help="Which platform; the one brought up last.",
        metavar="NAME",
        autocompletion=completion.platforms,
    ),
]
NewPlatformName = Annotated[
    str | None,
    typer.Option(
        "--name", "--platform", envvar="OPSCTL_PLATFORM", help="The platform's name (m2g; local with --local)."
    ),
]
Region = Annotated[
    str | None, typer.Option("--region", envvar="OPSCTL_REGION", help="AWS region; your AWS configuration's.")
]
Profile = Annotated[
    str | None, typer.Option("--profile", envvar="OPSCTL_PROFILE", help="AWS profile; your AWS configuration's.")
]
RunId = Annotated[
    str | None,
    typer.Option("--run", metavar="RUN_ID", help="Which run; the latest.", autocompletion=completion.runs),
]
AsJson = Annotated[bool, typer.Option("--json", help="Data as JSON on standard output.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Confirm = Annotated[
    str | None,
    typer.Option("--confirm", metavar="NAME", help="For scripts: the name that would have to be typed."),
]
Local = Annotated[bool, typer.Option("--local", help="On this machine: no AWS account, no cost.")]

Dataset = Annotated[
    str,
    typer.Argument(
        metavar="DATASET",
        help="A name in opsctl.toml or the data bucket, or s3://bucket/path.",
        autocompletion=completion.datasets,
    ),
]
WhichPipeline = Annotated[Pipeline, typer.Option("--pipeline", help="Which images are processed.")]
VoxelSizeOption = Annotated[VoxelSize, typer.Option("--voxelsize", help="Voxel size of the templates and atlases.")]
ParticipantLabel = Annotated[
    list[str] | None, typer.Option("--participant-label", metavar="LABEL", help="Only this subject; repeat it; globs.")
]
SessionLabel = Annotated[
    list[str] | None, typer.Option("--session-label", metavar="LABEL", help="Only this session; repeat it; globs.")
]
Task = Annotated[list[str] | None, typer.Option("--task", metavar="LABEL", help="Only this task (func); repeat it.")]
Acq = Annotated[list[str] | None, typer.Option("--acq", metavar="LABEL", help="Only this acquisition; repeat it.")]
RunLabel = Annotated[list[str] | None, typer.Option("--run-label", metavar="N", help="Only this BIDS run; repeat it.")]
ScanName = Annotated[
    list[str] | None,
    typer.Option(
        "--scan",
        metavar="NAME",
        help="Only scans of this name; repeat it; globs.",
        autocompletion=completion.scans,
    ),
]
Scans = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SCAN]...", help="Only these scans, globs allowed; the whole run.", autocompletion=completion.scans
    ),
]
ScansWhole = Annotated[
    list[str] | None,
    typer.Option("--scan", metavar="NAME", help="This scan whole; repeat it; globs.", autocompletion=completion.scans),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="NAME",
        help="Not the scans of this name; repeat it; globs.",
        autocompletion=completion.scans,
    ),
]
First = Annotated[int | None, typer.Option("--first", min=1, metavar="N", help="Only the first N scans: a canary.")]
T1w = Annotated[
    str | None,
    typer.Option("--t1w", metavar="WHICH", help="any-session, or a glob for the T1w's file name; else the lowest run."),
]
Bucket = Annotated[str | None, typer.Option("--bucket", help="The dataset's bucket, if not the data bucket.")]
NoSignRequest = Annotated[
    bool, typer.Option("--no-sign-request", help="Read the dataset's bucket without credentials: it is public.")
]


_SPELLED_BY_M2G = {"participant_label", "session_label", "diffusion_model", "track_type", "mem_gb", "n_cpus"}


def as_typed_for_m2g(token: str) -> str:
    """m2g spells its options with `_`: whoever types them so is understood. Values stay as they are."""
    return token.replace("_", "-") if token in _SPELLED_BY_M2G else token

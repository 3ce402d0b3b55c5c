"""Options that several verbs share, named alike everywhere."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from opsctl.cli import completion
from opsctl.core.runs.m2g_options import Acquisition, DiffusionModel, Pipeline, VoxelSize

PlatformName = Annotated[
    str | None,
    typer.Option(
        "--platform",
        envvar="OPSCTL_PLATFORM",
        help="The platform to use. Default: the last one that `opsctl use` picked or `opsctl up` brought up.",
        metavar="NAME",
        autocompletion=completion.platforms,
    ),
]
NewPlatformName = Annotated[
    str | None,
    typer.Option(
        "--name",
        "--platform",
        envvar="OPSCTL_PLATFORM",
        help="The platform's name. Default: m2g, or local with --local.",
    ),
]
Region = Annotated[
    str | None,
    typer.Option(
        "--region", envvar="OPSCTL_REGION", help="The AWS region. Default: the one of your AWS configuration."
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile", envvar="OPSCTL_PROFILE", help="The AWS profile. Default: the one of your AWS configuration."
    ),
]
RunId = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="RUN_ID",
        help="The run, by its id or a part of it. Default: the latest run.",
        autocompletion=completion.runs,
    ),
]
OfParcellations = Annotated[
    list[str] | None,
    typer.Option(
        "--parcellation",
        metavar="NAME",
        help="Only connectomes of this parcellation (a neuroparc name, or a part of it). May be repeated.",
        autocompletion=completion.parcellations,
    ),
]
OfDataset = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        metavar="DATASET",
        help="Take the best result of each scan over all runs of this dataset, instead of one run.",
        autocompletion=completion.datasets,
    ),
]
OutputsOfDataset = Annotated[
    str | None,
    typer.Option(
        "--modif", metavar="NAME", help="With --dataset: the derivatives folder. Default: that of the latest run."
    ),
]
Notify = Annotated[
    list[str] | None,
    typer.Option(
        "--notify",
        metavar="URL",
        help="Send a message there when the run has ended: mail, Slack, ntfy, a webhook and others. May be repeated.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Answer yes to every question.")]
Confirm = Annotated[
    str | None,
    typer.Option("--confirm", metavar="NAME", help="In scripts: the name that the command asks you to type."),
]
Local = Annotated[bool, typer.Option("--local", help="Use this machine instead of AWS: no account, no cost.")]

Dataset = Annotated[
    str,
    typer.Argument(
        metavar="DATASET",
        help="A dataset in the data bucket, a name in opsctl.toml, s3://BUCKET/PATH, or openneuro:ACCESSION.",
        autocompletion=completion.datasets,
    ),
]
DatasetOrFolder = Annotated[
    str,
    typer.Argument(
        metavar="DATASET",
        help="A dataset in the data bucket, a name in opsctl.toml, s3://BUCKET/PATH, openneuro:ACCESSION, or a folder"
        " on this machine (./PATH).",
        autocompletion=completion.datasets,
    ),
]
DiffusionModelOption = Annotated[
    DiffusionModel, typer.Option("--model", "--diffusion-model", help="The diffusion model.")
]
WhichPipeline = Annotated[
    Pipeline, typer.Option("--pipeline", help="The images to process: diffusion, functional, or both.")
]
AcquisitionOption = Annotated[
    Acquisition | None, typer.Option(help="The slice order (func). Default: from the data.", show_default=False)
]
RepetitionTime = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="The repetition time (func). Default: from the data.")
]
VoxelSizeOption = Annotated[VoxelSize, typer.Option("--voxelsize", help="The voxel size of the templates and atlases.")]
ParticipantLabel = Annotated[
    list[str] | None,
    typer.Option(
        "--participant-label", metavar="LABEL", help="Only scans of this subject. Takes wildcards; may be repeated."
    ),
]
SessionLabel = Annotated[
    list[str] | None,
    typer.Option(
        "--session-label", metavar="LABEL", help="Only scans of this session. Takes wildcards; may be repeated."
    ),
]
Task = Annotated[
    list[str] | None, typer.Option("--task", metavar="LABEL", help="Only scans of this task (func). May be repeated.")
]
Acq = Annotated[
    list[str] | None, typer.Option("--acq", metavar="LABEL", help="Only scans of this acquisition. May be repeated.")
]
RunLabel = Annotated[
    list[str] | None, typer.Option("--run-label", metavar="N", help="Only scans of this BIDS run. May be repeated.")
]
ScanName = Annotated[
    list[str] | None,
    typer.Option(
        "--scan",
        metavar="NAME",
        help="Only scans of this name. Takes wildcards; may be repeated.",
        autocompletion=completion.scans,
    ),
]
Scans = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SCAN]...",
        help="Only these scans. Takes wildcards. Default: all scans of the run.",
        autocompletion=completion.scans,
    ),
]
ScansWhole = Annotated[
    list[str] | None,
    typer.Option(
        "--scan",
        metavar="NAME",
        help="Show the details of this scan. Takes wildcards; may be repeated.",
        autocompletion=completion.scans,
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="NAME",
        help="Leave out scans of this name. Takes wildcards; may be repeated.",
        autocompletion=completion.scans,
    ),
]
First = Annotated[
    int | None, typer.Option("--first", min=1, metavar="N", help="Only the first N scans, to try the settings out.")
]
T1w = Annotated[
    str | None,
    typer.Option(
        "--t1w",
        metavar="WHICH",
        help="The T1w image to use: any-session, or a pattern for its file name. Default: the lowest run of the same"
        " session.",
    ),
]
Bucket = Annotated[str | None, typer.Option("--bucket", help="The bucket of the dataset. Default: the data bucket.")]
NoSignRequest = Annotated[
    bool, typer.Option("--no-sign-request", help="Read the dataset's bucket without credentials, because it is public.")
]


_SPELLED_BY_M2G = {"participant_label", "session_label", "diffusion_model", "track_type", "mem_gb", "n_cpus"}


def as_typed_for_m2g(token: str) -> str:
    """m2g spells its options with `_`: whoever types them so is understood. Values stay as they are."""
    return token.replace("_", "-") if token in _SPELLED_BY_M2G else token


SpotOrOnDemand = Annotated[
    bool | None,
    typer.Option("--spot/--on-demand", help="Spot instances, or on demand. Default: as the platform."),
]
Slowdown = Annotated[
    float | None,
    typer.Option(
        "--slowdown",
        min=1.0,
        max=10.0,
        metavar="FACTOR",
        help="How many times longer m2g takes beside other scans. Default: 1.35 where scans share a core.",
    ),
]
#: The type itself is in a module that imports NumPy.
TransformName = Literal["ranks", "raw", "log"]
Transform = Annotated[
    TransformName,
    typer.Option(
        "--transform",
        help="What is compared: the ranks of the weights within a scan, the weights, or the logarithm of 1 + weight.",
    ),
]

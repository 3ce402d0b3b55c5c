"""m2g's command line, with the options, defaults and values that m2g itself has."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from opsctl.core.errors import UsageProblem
from opsctl.core.runs.m2g_options import (
    Acquisition,
    DiffusionModel,
    M2gOptions,
    Mod,
    Pipeline,
    Skull,
    Space,
    TrackType,
    VoxelSize,
)

_SKIP_FLAGS = ("skipeddy", "skipreg")
_OPTIONS: dict[str, dict[str, Any]] = {
    "pipeline": {"choices": get_args(Pipeline), "default": "dwi"},
    "diffusion_model": {"choices": get_args(DiffusionModel), "default": "csa"},
    "space": {"choices": get_args(Space), "default": "native"},
    "mod": {"choices": get_args(Mod), "default": "det"},
    "track_type": {"choices": get_args(TrackType), "default": "local"},
    "seeds": {"type": int, "default": 20},
    "voxelsize": {"choices": get_args(VoxelSize), "default": "2mm"},
    "acquisition": {"choices": get_args(Acquisition), "default": "alt+z"},
    "tr": {"type": float, "default": 2.0},
    "mem_gb": {"type": float, "default": 20},
    "n_cpus": {"type": int, "default": 1},
    "skull": {"choices": get_args(Skull)},
}

#: Options of each pipeline that the preview accepts and ignores.
_NOT_ACTED_ON: dict[Pipeline, tuple[str, ...]] = {
    "dwi": ("space", "track_type", "voxelsize", "skull", "n_cpus"),
    "func": ("space", "voxelsize", "acquisition", "skull", "mem_gb", "n_cpus"),
}


@dataclass(frozen=True)
class Request:
    """One call of the preview.

    Attributes
    ----------
    subjects, sessions
        BIDS labels without `sub-` and `ses-`; None means all of them.
    options
        m2g's options, with `--parcellation` as it was given.
    skips
        `skipeddy` and `skipreg`, where they were given.
    push_location
        The value of `--push_location`. The preview pushes nothing.
    """

    input_dir: Path
    output_dir: Path
    subjects: tuple[str, ...] | None
    sessions: tuple[str, ...] | None
    options: M2gOptions
    skips: tuple[str, ...]
    push_location: str | None


def parse(arguments: Sequence[str]) -> Request:
    """Read the command line; arguments that m2g does not know end with argparse's exit code 2, as in m2g."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    for name in ("parcellation", "participant_label", "session_label"):
        given[name] = tuple(given[name]) if given[name] else None
    try:
        options = M2gOptions(
            **{name: given[name] for name in _OPTIONS},
            parcellation=given["parcellation"] or (),
        )
    except UsageProblem as problem:
        parser.error(str(problem))
    return Request(
        input_dir=given["input_dir"],
        output_dir=given["output_dir"],
        subjects=given["participant_label"],
        sessions=given["session_label"],
        options=options,
        skips=tuple(flag for flag in _SKIP_FLAGS if given[flag]),
        push_location=given["push_location"],
    )


def not_acted_on(request: Request, pipeline: Pipeline) -> list[str]:
    """Return the options, as typed, that the preview accepts but ignores in this pipeline."""
    options = request.options
    ignored = [f"--{name} {getattr(options, name)}" for name in _NOT_ACTED_ON[pipeline] if getattr(options, name)]
    if pipeline == "dwi":
        ignored += [f"--{flag}" for flag in request.skips]
    if request.push_location:
        ignored.append(f"--push_location {request.push_location}")
    return ignored


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="m2g", description="opsctl's preview of m2g: m2g's command line, a small real fit.")
    parser.add_argument("input_dir", type=Path, metavar="INPUT_DIR", help="a BIDS folder")
    parser.add_argument("output_dir", type=Path, metavar="OUTPUT_DIR")
    for name in ("participant_label", "session_label"):
        parser.add_argument(f"--{name}", nargs="+", metavar="LABEL", help="without sub- or ses-; all if not given")
    parser.add_argument("--push_location", help="accepted; the preview pushes nothing")
    parser.add_argument("--parcellation", nargs="+", metavar="NAME", help="parts of atlases' paths; all if not given")
    for name, settings in _OPTIONS.items():
        parser.add_argument(f"--{name}", **settings)
    for flag in _SKIP_FLAGS:
        parser.add_argument(f"--{flag}", action="store_true")
    return parser

"""m2g's command line, built from the options and values of `opsctl.core.runs.m2g_options`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from opsctl.core.errors import UsageProblem
from opsctl.core.runs.m2g_options import M2gOptions, Pipeline

#: Options of each pipeline that the preview accepts and ignores.
_NOT_ACTED_ON: dict[Pipeline, tuple[str, ...]] = {
    "dwi": ("space", "track_type", "voxelsize", "skull", "skipeddy", "skipreg", "n_cpus"),
    "func": ("space", "voxelsize", "acquisition", "skull", "mem_gb", "n_cpus"),
}


@dataclass(frozen=True)
class Request:
    """One call of the preview.

    Attributes
    ----------
    subjects, sessions
        BIDS labels without `sub-` and `ses-`; None means all of them.
    push_location
        The value of `--push_location`. The preview pushes nothing.
    """

    input_dir: Path
    output_dir: Path
    subjects: tuple[str, ...] | None
    sessions: tuple[str, ...] | None
    options: M2gOptions
    push_location: str | None


def parse(arguments: Sequence[str]) -> Request:
    """Read the command line; arguments that m2g does not know end with argparse's exit code 2, as in m2g."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    for name in ("parcellation", "participant_label", "session_label"):
        given[name] = tuple(given[name]) if given[name] else None
    try:
        options = M2gOptions(
            **{option.name: given[option.name] for option in fields(M2gOptions) if option.name != "parcellation"},
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
        push_location=given["push_location"],
    )


def not_acted_on(request: Request, pipeline: Pipeline) -> list[str]:
    """Return the options, as typed, that the preview accepts but ignores in this pipeline."""
    options = request.options
    ignored = [f"--{name} {getattr(options, name)}" for name in _NOT_ACTED_ON[pipeline] if getattr(options, name)]
    ignored = [option.removesuffix(" True") for option in ignored]
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
    types = get_type_hints(M2gOptions)
    for option in fields(M2gOptions):
        parser.add_argument(f"--{option.name}", default=option.default, **_argparse_settings(types[option.name]))
    return parser


def _argparse_settings(kind: Any) -> dict[str, Any]:
    """Return argparse's settings for an option of this type."""
    if kind is bool:
        return {"action": "store_true"}
    if kind in (int, float):
        return {"type": kind}
    if get_origin(kind) is tuple:
        return {"nargs": "+"}
    literal = kind if get_origin(kind) is Literal else next(part for part in get_args(kind) if get_args(part))
    return {"choices": get_args(literal)}

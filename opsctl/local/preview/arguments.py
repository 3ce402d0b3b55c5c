"""m2g's command line: what its parser accepts, with its defaults. m2g checks no choices there.

Source: m2g 0.3.0 (commit 95d271f7), `m2g/scripts/m2g_bids.py`.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from .m2g_error import M2gError

Pipeline = Literal["dwi", "func"]

#: Options of each pipeline that the preview accepts and ignores.
_NOT_ACTED_ON: dict[Pipeline, tuple[str, ...]] = {
    "dwi": ("track_type", "skull", "n_cpus"),
    "func": ("acquisition", "mem_gb", "n_cpus"),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """m2g's options, named as m2g names them and kept as they were typed: m2g reads a number only where it needs it."""

    pipeline: str = "dwi"
    diffusion_model: str = "csa"
    space: str = "native"
    mod: str = "det"
    track_type: str = "local"
    seeds: str = "20"
    voxelsize: str = "2mm"
    parcellation: tuple[str, ...] | None = None
    acquisition: str = "alt+z"
    tr: str = "2.0"
    mem_gb: str = "20"
    n_cpus: str = "1"
    skull: str | None = None
    skipeddy: bool = False
    skipreg: bool = False
    push_location: str | None = None

    def whole_number(self, name: str) -> int:
        """Return an option as m2g reads it: with `int`.

        Raises
        ------
        M2gError
            It is not a whole number.
        """
        try:
            return int(getattr(self, name))
        except ValueError as error:
            raise M2gError("ValueError", str(error)) from error


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call of the preview.

    Attributes
    ----------
    subjects, sessions
        BIDS labels without `sub-` and `ses-`; None means all of them.
    """

    input_dir: Path
    output_dir: Path
    subjects: tuple[str, ...] | None
    sessions: tuple[str, ...] | None
    options: Options

    @property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """m2g's pipelines in its order: whatever is not `func` is `dwi` to it."""
        return {"both": ("func", "dwi"), "func": ("func",)}.get(self.options.pipeline, ("dwi",))  # type: ignore[return-value]


def parse(arguments: Sequence[str]) -> Request:
    """Read the command line; arguments that m2g does not know end with argparse's exit code 2, as in m2g."""
    given = vars(_parser().parse_args(arguments))
    lists = {name: given.pop(name) for name in ("parcellation", "participant_label", "session_label")}
    tuples = {name: None if labels is None else tuple(labels) for name, labels in lists.items()}
    return Request(
        input_dir=given.pop("input_dir"),
        output_dir=given.pop("output_dir"),
        subjects=tuples["participant_label"],
        sessions=tuples["session_label"],
        options=Options(**given, parcellation=tuples["parcellation"]),
    )


def not_acted_on(options: Options, pipeline: Pipeline) -> list[str]:
    """Return the options of this pipeline, as typed, that the preview accepts but ignores."""
    return [f"--{name} {getattr(options, name)}" for name in _NOT_ACTED_ON[pipeline] if getattr(options, name)]


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="m2g", description="opsctl's preview of m2g: m2g's command line, a small real fit.")
    parser.add_argument("input_dir", type=Path, metavar="INPUT_DIR", help="a BIDS folder")
    parser.add_argument("output_dir", type=Path, metavar="OUTPUT_DIR")
    for name in ("participant_label", "session_label"):
        parser.add_argument(f"--{name}", nargs="+", metavar="LABEL", help="without sub- or ses-; all if not given")
    for option in fields(Options):
        if option.default is False:
            parser.add_argument(f"--{option.name}", action="store_true")
        elif option.name == "parcellation":
            parser.add_argument("--parcellation", nargs="+", help="parts of atlas names; all atlases if not given")
        else:
            parser.add_argument(f"--{option.name}", default=option.default)
    return parser

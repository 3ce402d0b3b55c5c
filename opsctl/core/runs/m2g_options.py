"""m2g's command line: the options that it accepts, with their allowed values and defaults.

Source: neurodata/m2g, release 0.3.0 (commit 95d271f7). m2g exits with 2 on an unknown option, which would waste a paid
job, so only the options listed here are passed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from opsctl.core.errors import UsageProblem

Pipeline = Literal["dwi", "func", "both"]
DiffusionModel = Literal["csd", "csa"]
Space = Literal["native", "native_dsn"]
Mod = Literal["det", "prob"]
TrackType = Literal["local", "particle"]
VoxelSize = Literal["1mm", "2mm", "4mm"]
Acquisition = Literal["alt+z", "altplus", "alt+z2", "altminus", "alt-z", "alt-z2", "seqplus", "seqminus"]
Skull = Literal["below", "cerebelum", "eye", "general"]

#: The session label inside the job where the dataset has no sessions, because m2g needs one.
#: It never appears in the names of outputs.
MADE_UP_SESSION = "nosession"

#: Placeholders for the two folders in a scan's `argv`; the job replaces them.
INPUT_DIR = "INPUT_DIR"
OUTPUT_DIR = "OUTPUT_DIR"

_CHOICES: dict[str, tuple[str, ...]] = {
    "pipeline": get_args(Pipeline),
    "diffusion_model": get_args(DiffusionModel),
    "space": get_args(Space),
    "mod": get_args(Mod),
    "track_type": get_args(TrackType),
    "voxelsize": get_args(VoxelSize),
    "acquisition": get_args(Acquisition),
    "skull": get_args(Skull),
}

_DWI_OPTIONS = (
    "diffusion_model",
    "space",
    "mod",
    "track_type",
    "seeds",
    "voxelsize",
    "parcellation",
    "n_cpus",
    "skull",
    "skipeddy",
    "skipreg",
    "reuse_registration",
)
_FUNC_OPTIONS = ("space", "voxelsize", "parcellation", "acquisition", "tr", "mem_gb", "n_cpus", "skull")


@dataclass(frozen=True, kw_only=True)
class M2gOptions:
    """m2g's options, named as m2g names them.

    Attributes
    ----------
    pipeline
        `dwi`, `func` or `both`. opsctl splits `both`: each job runs one of the other two.
    diffusion_model
        `csa` (m2g's default) or `csd`.
    space
        `native` or `native_dsn`.
    mod
        Tracking: `det` (deterministic) or `prob` (probabilistic).
    track_type
        `local` or `particle`.
    seeds
        Seeding density, 1 or more; 1 is for quick tests.
    voxelsize
        `1mm`, `2mm` or `4mm`.
    parcellation
        Case-sensitive parts of neuroparc's file names; none selects all parcellations.
    acquisition
        Slice order (func).
    tr
        Repetition time in seconds (func).
    mem_gb, n_cpus
        Memory in GB (func) and number of processors.
    skull
        The parameter set for a difficult skull strip, or None.
    skipeddy, skipreg
        Skip eddy correction, skip registration.
    reuse_registration
        Whether the job uses the eddy correction and the registration of a finished scan (dwi).
    """

    pipeline: Pipeline = "dwi"
    diffusion_model: DiffusionModel = "csa"
    space: Space = "native"
    mod: Mod = "det"
    track_type: TrackType = "local"
    seeds: int = 20
    voxelsize: VoxelSize = "2mm"
    parcellation: tuple[str, ...] = ()
    acquisition: Acquisition = "alt+z"
    tr: float = 2.0
    mem_gb: float = 20
    n_cpus: int = 1
    skull: Skull | None = None
    skipeddy: bool = False
    skipreg: bool = False
    reuse_registration: bool = False

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            if value is not None and value not in allowed:
                raise UsageProblem(f"--{name} {value} is not one of m2g's values: {', '.join(allowed)}.")
        for name in ("seeds", "n_cpus", "tr", "mem_gb"):
            if not 0 < getattr(self, name) < math.inf:
                raise UsageProblem(f"--{name} must be greater than 0, not {getattr(self, name)}.")
        for name in self.parcellation:
            if not name or name.startswith("-"):
                raise UsageProblem(f"--parcellation {name!r} is not the name of a parcellation.")
        if self.reuse_registration and self.pipeline != "dwi":
            raise UsageProblem(
                "--reuse-registration is for --pipeline dwi: C-PAC (func) cannot start from earlier files."
            )

    def for_pipeline(self, pipeline: Pipeline) -> M2gOptions:
        """The same options with another pipeline, for one job of a `both` run."""
        return replace(self, pipeline=pipeline)

    def as_dict(self) -> dict[str, Any]:
        """Every option under m2g's name, ready for JSON."""
        return {**asdict(self), "parcellation": list(self.parcellation)}


def argv(options: M2gOptions, *, subject: str, session: str | None) -> list[str]:
    """The arguments of m2g for one scan; they are never passed through a shell.

    The folders come first: at the end, m2g's list options (`--parcellation A B`) would consume them.

    Parameters
    ----------
    options
        Their `pipeline` is `dwi` or `func`.
    subject, session
        BIDS labels without `sub-` and `ses-`; `session` is None where the dataset has no sessions.

    Returns
    -------
    list of str
        `m2g`, the placeholders `INPUT_DIR` and `OUTPUT_DIR`, then every option that the pipeline reads.
    """
    arguments = ["m2g", INPUT_DIR, OUTPUT_DIR, "--pipeline", options.pipeline]
    arguments += ["--participant_label", subject, "--session_label", session or MADE_UP_SESSION]
    for name in _options_of(options.pipeline):
        value = getattr(options, name)
        if name == "reuse_registration":
            arguments += ["--skipeddy", "--skipreg"] if value else []
        elif value is True:
            arguments.append(f"--{name}")
        elif value is None or value is False or value == ():
            continue
        elif isinstance(value, tuple):
            arguments += [f"--{name}", *value]
        else:
            arguments += [f"--{name}", str(value)]
    return arguments


def asked(options: Mapping[str, Any], pipeline: Pipeline) -> dict[str, Any]:
    """What is asked of m2g for one scan; equal answers mean that m2g is asked for the same.

    Options that the pipeline does not read are left out, and so are values that are m2g's own defaults, typed or not:
    what opsctl passes in their place, because it suits a job's size, was not asked for. Numbers are floats, whether
    1, 1.0 or "1" was typed. The names of parcellations are sorted, each once; m2g tells upper and lower case apart.

    Parameters
    ----------
    options
        As `M2gOptions.as_dict` gives them or a run's record holds them; a missing one was not asked for.
    pipeline
        `dwi` or `func`.
    """
    defaults = M2gOptions().as_dict()
    values = {name: _comparable(options.get(name, defaults[name]), defaults[name]) for name in _options_of(pipeline)}
    typed = {name: value for name, value in values.items() if value != _comparable(defaults[name], defaults[name])}
    return {"pipeline": pipeline, **typed}


def all_asked(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a run asks of m2g (`asked`), for each of its pipelines."""
    pipeline: Pipeline = options.get("pipeline", M2gOptions.pipeline)
    pipelines: tuple[Pipeline, ...] = ("dwi", "func") if pipeline == "both" else (pipeline,)
    return [asked(options, single) for single in pipelines]


def _options_of(pipeline: Pipeline) -> tuple[str, ...]:
    return _DWI_OPTIONS if pipeline == "dwi" else _FUNC_OPTIONS


def _comparable(value: Any, default: Any) -> Any:
    if isinstance(default, list):
        return sorted(set(value))
    if isinstance(default, int | float) and not isinstance(default, bool):
        return float(value)
    return value

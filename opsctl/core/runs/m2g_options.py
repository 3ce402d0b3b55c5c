"""m2g's command line: the options that it accepts, with their allowed values and defaults.

Source: neurodata/m2g, release 0.3.0 (commit 95d271f7). m2g exits with 2 on an unknown option, which would waste a paid
job, so only the options listed here are passed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
    "reuse_registration",
)
_FUNC_OPTIONS = ("space", "voxelsize", "parcellation", "acquisition", "tr", "mem_gb", "n_cpus", "skull")
_NUMBERS = ("seeds", "tr", "mem_gb", "n_cpus")
#: They follow the job's size and change no result.
_OF_THE_JOB = ("mem_gb", "n_cpus")

#: What C-PAC may not use of a job's memory: the runner and the system need it.
_RESERVED_GB = 2
_LEAST_GB = 1.0


_REFUSED_FLAGS = {
    "skipeddy": "has no effect: the eddy correction that it would keep is not there",
    "skipreg": "makes m2g fail: the registration that it would use is not there",
}


def refused_flag(name: str) -> UsageProblem | None:
    """Why a flag of m2g cannot be given to opsctl; None for every other name."""
    if name not in _REFUSED_FLAGS:
        return None
    return UsageProblem(
        f"--{name} {_REFUSED_FLAGS[name]}, because each job starts with an empty output folder.",
        "Use --reuse-registration: it makes other atlases' connectomes from a finished scan's registration.",
    )


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
        Names of atlases, as neuroparc spells them. Typed names are parts of paths: `AtlasTable.select` resolves them
        before a run is planned, and a run's record holds at least one atlas.
    acquisition
        Slice order (func); None: from the data.
    tr
        Repetition time in seconds (func); None: from the data.
    mem_gb, n_cpus
        Memory in GB (func) and number of processors; None: what suits the job's size.
    skull
        The parameter set for a difficult skull strip, or None.
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
    acquisition: Acquisition | None = None
    tr: float | None = None
    mem_gb: float | None = None
    n_cpus: int | None = None
    skull: Skull | None = None
    reuse_registration: bool = False

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            if value is not None and value not in allowed:
                raise UsageProblem(f"--{name} {value} is not one of m2g's values: {', '.join(allowed)}.")
        for name in _NUMBERS:
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise UsageProblem(f"--{name} must be greater than 0, not {value}.")
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

    def for_job(self, *, vcpus: int, memory_mib: int) -> M2gOptions:
        """The same options with the processors and the memory that m2g may use in a job, where they were not typed.

        A graph of dwi is made by one process: each further one would hold a dense matrix of its own.
        """
        memory_gb = max(math.floor((memory_mib / 1024 - _RESERVED_GB) * 10) / 10, _LEAST_GB)
        n_cpus = vcpus if self.pipeline == "func" else 1
        return replace(
            self,
            n_cpus=n_cpus if self.n_cpus is None else self.n_cpus,
            mem_gb=memory_gb if self.mem_gb is None else self.mem_gb,
        )

    def as_dict(self) -> dict[str, Any]:
        """Every option under m2g's name, ready for JSON."""
        return {**asdict(self), "parcellation": list(self.parcellation)}


def argv(options: M2gOptions, *, subject: str, session: str | None) -> list[str]:
    """The arguments of m2g for one scan; they are never passed through a shell.

    The folders come first: at the end, m2g's list options (`--parcellation A B`) would consume them.

    Parameters
    ----------
    options
        Their `pipeline` is `dwi` or `func`. Those that are None are left out.
    subject, session
        BIDS labels without `sub-` and `ses-`; `session` is None where the dataset has no sessions.

    Returns
    -------
    list of str
        `m2g`, the placeholders `INPUT_DIR` and `OUTPUT_DIR`, then every option that the pipeline reads.
    """
    return scan_argv(options.pipeline, option_arguments(options), subject=subject, session=session)


def scan_argv(pipeline: Pipeline, rest: Sequence[str], *, subject: str, session: str | None) -> list[str]:
    """The same, where `rest`, the `option_arguments`, were computed before."""
    scan = ("--participant_label", subject, "--session_label", session or MADE_UP_SESSION)
    return ["m2g", INPUT_DIR, OUTPUT_DIR, "--pipeline", pipeline, *scan, *rest]


def option_arguments(options: M2gOptions) -> list[str]:
    """The part of `argv` that is the same for each scan of a pipeline."""
    arguments: list[str] = []
    for name in _options_of(options.pipeline):
        value = getattr(options, name)
        if name == "reuse_registration":
            arguments += ["--skipeddy", "--skipreg"] if value else []
        elif name == "parcellation":
            from opsctl.core.atlases.atlas import argument_of

            arguments += [f"--{name}", *dict.fromkeys(map(argument_of, value))] if value else []
        elif value is not None:
            arguments += [f"--{name}", str(value)]
    return arguments


def asked(options: Mapping[str, Any], pipeline: Pipeline) -> dict[str, Any]:
    """What is asked of m2g for one scan; equal answers mean that m2g is asked for the same.

    Options that the pipeline does not read are left out, and so are values that are the default, typed or not, and
    those that only follow a job's size (`mem_gb`, `n_cpus`). Numbers are floats, whether 1, 1.0 or "1" was typed. The
    names of atlases are sorted, each once.

    Parameters
    ----------
    options
        As `M2gOptions.as_dict` gives them or a run's record holds them; a missing one was not asked for.
    pipeline
        `dwi` or `func`.
    """
    defaults = M2gOptions().as_dict()
    names = [name for name in _options_of(pipeline) if name not in _OF_THE_JOB]
    values = {name: _comparable(name, options.get(name, defaults[name])) for name in names}
    typed = {name: value for name, value in values.items() if value != _comparable(name, defaults[name])}
    return {"pipeline": pipeline, **typed}


def all_asked(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a run asks of m2g (`asked`), for each of its pipelines."""
    pipeline: Pipeline = options.get("pipeline", M2gOptions.pipeline)
    pipelines: tuple[Pipeline, ...] = ("dwi", "func") if pipeline == "both" else (pipeline,)
    return [asked(options, single) for single in pipelines]


def _options_of(pipeline: Pipeline) -> tuple[str, ...]:
    return _DWI_OPTIONS if pipeline == "dwi" else _FUNC_OPTIONS


def _comparable(name: str, value: Any) -> Any:
    if name == "parcellation":
        return sorted(set(value))
    return float(value) if name in _NUMBERS and value is not None else value

"""Groups of options that several verbs share: a verb takes a group as one parameter, and typer sees its options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container
from copy import copy
from dataclasses import replace
from functools import wraps
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import typer
from typer.models import OptionInfo

from opsctl.cli import completion
from opsctl.cli.defaults import is_typed
from opsctl.cli.options import (
    Acq,
    AcquisitionOption,
    Bucket,
    DiffusionModelOption,
    Exclude,
    First,
    NoSignRequest,
    ParticipantLabel,
    RepetitionTime,
    RunLabel,
    ScanName,
    SessionLabel,
    T1w,
    Task,
    VoxelSizeOption,
    WhichPipeline,
)
from opsctl.core.dataset.selection import Selection
from opsctl.core.runs.m2g_options import (
    M2gOptions,
    Mod,
    Skull,
    Space,
    TrackType,
    refused_flag,
)

Verb = TypeVar("Verb", bound=Callable[..., None])

_DEFAULTS = M2gOptions()


class OptionGroup:
    """Options as attributes: each annotated attribute is an option, its value on the class is the default."""

    #: The heading of these options on the help page; empty for the usual one.
    panel = ""
    #: Options that no printed command repeats: they change what is shown or asked, or the screen adds them itself.
    not_repeated = frozenset[str]()

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def words(self, *, only: Container[str] | None = None) -> list[str]:
        """The options that were typed or differ from their defaults, as they would be typed again.

        They are for commands about the same scans; `not_repeated` ones are left out.

        Parameters
        ----------
        only
            The parameters that the other command has as well; None: all.
        """
        words: list[str] = []
        for name, option in get_type_hints(type(self), include_extras=True).items():
            value = getattr(self, name, None)
            # A typed default may stand against a value of the configuration.
            is_default = value == getattr(type(self), name) and not is_typed(name)
            if name in self.not_repeated or value is None or is_default or (only is not None and name not in only):
                continue
            flag, _, opposite = _long_name(name, get_args(option)[1]).partition("/")
            if isinstance(value, bool):
                words += [flag if value else opposite]
                continue
            for each in value if isinstance(value, list) else [value]:
                text = f"{each:.15g}" if isinstance(each, float) else str(each)
                # An argument that begins with a hyphen would be taken for an option.
                words += [f"{flag}={text}"] if text.startswith("-") else [flag, text]
        return words


class ScanFilters(OptionGroup):
    """Which of a dataset's scans are processed."""

    panel = "Which scans"

    participant_label: ParticipantLabel = None
    session_label: SessionLabel = None
    task: Task = None
    acq: Acq = None
    run_label: RunLabel = None
    scan: ScanName = None
    exclude: Exclude = None
    first: First = None

    @property
    def selection(self) -> Selection:
        """The filters as the core knows them."""
        return Selection(
            participant_labels=tuple(self.participant_label or ()),
            session_labels=tuple(self.session_label or ()),
            tasks=tuple(self.task or ()),
            acquisitions=tuple(self.acq or ()),
            runs=tuple(self.run_label or ()),
            names=tuple(self.scan or ()),
            exclude=tuple(self.exclude or ()),
            first=self.first,
        )


class DatasetSource(OptionGroup):
    """How a dataset is read."""

    panel = "Which scans"

    t1w: T1w = None
    bucket: Bucket = None
    no_sign_request: NoSignRequest = False


class M2gFlags(OptionGroup):
    """m2g's own options."""

    panel = "m2g options"

    space: Annotated[
        Space, typer.Option("--sp", "--space", help="The space of the streamlines (native_dsn: normalized by DSN).")
    ] = _DEFAULTS.space
    model: DiffusionModelOption = _DEFAULTS.diffusion_model
    pipeline: WhichPipeline = _DEFAULTS.pipeline
    mod: Annotated[Mod, typer.Option(help="Deterministic or probabilistic tracking.")] = _DEFAULTS.mod
    track_type: Annotated[TrackType, typer.Option(help="The tracking method.")] = _DEFAULTS.track_type
    seeds: Annotated[int, typer.Option(min=1, help="The seeding density. Use 1 for quick tests.")] = _DEFAULTS.seeds
    voxelsize: VoxelSizeOption = _DEFAULTS.voxelsize
    parcellation: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Compute connectomes for this parcellation (a neuroparc name, or a part of it). May be repeated."
            " Default: all that fit in memory.",
            autocompletion=completion.parcellations,
        ),
    ] = None
    acquisition: AcquisitionOption = None
    tr: RepetitionTime = None
    mem_gb: Annotated[
        float | None,
        typer.Option(metavar="GB", help="The memory for C-PAC (func). Default: the memory of the job, less 2 GB."),
    ] = None
    n_cpus: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="The number of processes that m2g starts. Default: 1 for dwi, where each needs its own memory; the"
            " job's vCPUs for func.",
        ),
    ] = None
    skull: Annotated[Skull | None, typer.Option(help="Use other parameters for a difficult skull strip.")] = None
    skipeddy: Annotated[bool, typer.Option("--skipeddy", hidden=True, help="Refused.")] = False
    skipreg: Annotated[bool, typer.Option("--skipreg", hidden=True, help="Refused.")] = False
    reuse_registration: Annotated[
        bool,
        typer.Option(
            "--reuse-registration/--no-reuse",
            show_default=False,
            help="Compute connectomes of other parcellations from the registrations of finished scans (dwi).",
        ),
    ] = False

    @property
    def options(self) -> M2gOptions:
        """The options as the core knows them, with the names of the atlases that `--parcellation` selects.

        Raises
        ------
        UsageProblem
            For a value that m2g refuses, a flag that cannot work, or a name that selects no atlas.
        """
        from opsctl.assets import atlas_table

        values = dict(vars(self))
        for flag in ("skipeddy", "skipreg"):
            refused = refused_flag(flag)
            if values.pop(flag) and refused is not None:
                raise refused
        values |= {"diffusion_model": values.pop("model"), "parcellation": tuple(self.parcellation or ())}
        typed = M2gOptions(**values)
        atlases = atlas_table().select(typed.parcellation, typed.voxelsize)
        return replace(typed, parcellation=tuple(atlas.name for atlas in atlases))


def expanded(verb: Verb) -> Verb:
    """Show typer the options of a verb's groups, and give the verb its groups filled in.

    Parameters
    ----------
    verb
        A command function. Each parameter whose type is an `OptionGroup` stands for the options of that group, at its
        place in the signature; the verb's other parameters are left as they are.
    """
    groups: dict[str, type[OptionGroup]] = {}
    parameters: list[inspect.Parameter] = []
    hints = get_type_hints(verb, include_extras=True)
    for parameter in inspect.signature(verb).parameters.values():
        hint = hints[parameter.name]
        if not (isinstance(hint, type) and issubclass(hint, OptionGroup)):
            parameters.append(parameter.replace(annotation=hint))
            continue
        groups[parameter.name] = hint
        parameters += [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=getattr(hint, name),
                annotation=_under_heading(option, hint.panel),
            )
            for name, option in get_type_hints(hint, include_extras=True).items()
        ]

    @wraps(verb)
    def run_verb(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{option: values.pop(option) for option in group.__annotations__})
        verb(**values)

    run_verb.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run_verb.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run_verb  # type: ignore[return-value]


def _long_name(parameter: str, option: OptionInfo) -> str:
    """An option's first long name as it was declared (`--json`, `--spot/--no-spot`), else the one that typer makes."""
    # Of an annotated option, typer keeps the first name where a default would be.
    names = [name for name in (option.default, *(option.param_decls or ())) if isinstance(name, str)]
    return next((name for name in names if name.startswith("--")), f"--{parameter.replace('_', '-')}")


def _under_heading(option: Any, panel: str) -> Any:
    """An annotated option under the heading of its group; other verbs may show the same option elsewhere."""
    if not panel:
        return option
    kind, info = get_args(option)
    shown = copy(info)
    shown.rich_help_panel = panel
    return Annotated[kind, shown]

"""What `--settings` names: sets of m2g's options that are run on the same scans."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from opsctl.core.errors import UsageProblem
from opsctl.core.runs.m2g_options import Acquisition, DiffusionModel, Mod, Skull, Space, TrackType, VoxelSize

#: The options whose values have names of their own, so that the value alone is typed.
_BY_VALUE: Mapping[str, str] = {
    value: option
    for option, values in (
        ("diffusion_model", DiffusionModel),
        ("space", Space),
        ("mod", Mod),
        ("track_type", TrackType),
        ("voxelsize", VoxelSize),
    )
    for value in get_args(values)
}
#: The options that are typed as NAME=VALUE.
_BY_NAME: Mapping[str, Callable[[str], Any]] = {
    "seeds": int,
    "tr": float,
    "skull": lambda value: _checked(value, get_args(Skull)),
    "acquisition": lambda value: _checked(value, get_args(Acquisition)),
}
#: The name of a derivatives folder has model and space anyway.
_IN_THE_NAME = ("diffusion_model", "space")
_SYNTAX = "A setting is made of m2g's values and names of parcellations, joined by `:`, such as csd or csd:prob:Desikan"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One set of options.

    Attributes
    ----------
    name
        As typed: `csd`, `csd:prob`, `csa:Desikan`.
    options
        The options that it names, under m2g's names; `parcellation` is not among them.
    parcellations
        The names of parcellations as typed; empty where it names none.
    suffix
        What follows the usual name of the derivatives folder, so that settings with the same model do not mix.
    """

    name: str
    options: Mapping[str, Any]
    parcellations: tuple[str, ...]
    suffix: str

    @property
    def label(self) -> str:
        """The whole setting as a part of a folder's name."""
        return _label(self.name.split(":"))


def parse_settings(typed: str) -> tuple[Setting, ...]:
    """Parse what was typed for `--settings`.

    Parameters
    ----------
    typed
        Settings with commas between them. The parts of a setting are joined by colons: a value of m2g's (`csd`, `prob`,
        `1mm`), NAME=VALUE (`seeds=10`), or the name of a parcellation.

    Raises
    ------
    UsageProblem
        If a part is empty, a setting says two things of one option, or two settings are the same.
    """
    settings = tuple(_setting(part.strip()) for part in typed.split(","))
    names = [setting.name for setting in settings]
    for name in names:
        if names.count(name) > 1:
            raise UsageProblem(f"--settings names {name} twice.", "Leave one out.")
    return settings


def _setting(typed: str) -> Setting:
    options: dict[str, Any] = {}
    parcellations: list[str] = []
    further: list[str] = []
    for word in typed.split(":"):
        name, equals, value = word.partition("=")
        option = name.replace("-", "_") if equals else _BY_VALUE.get(word)
        if not word:
            raise UsageProblem(f"--settings: the setting {typed!r} has an empty part.", f"{_SYNTAX}.")
        if equals and option not in _BY_NAME:
            raise UsageProblem(
                f"--settings: {name} in {typed} is not an option that can differ.",
                f"NAME=VALUE is for {', '.join(_BY_NAME)}; of other options only the value is typed, such as csd.",
            )
        if option is None:
            parcellations.append(word)
        elif option in options:
            raise UsageProblem(f"The setting {typed} says two things of --{option.replace('_', '-')}.", f"{_SYNTAX}.")
        else:
            options[option] = _value(option, value, typed) if equals else word
        if option not in _IN_THE_NAME:
            further.append(word)
    return Setting(name=typed, options=options, parcellations=tuple(parcellations), suffix=_label(further))


def _value(option: str, value: str, setting: str) -> Any:
    try:
        return _BY_NAME[option](value)
    except ValueError:
        raise UsageProblem(f"{option}={value} in the setting {setting} is not a value of --{option}.") from None


def _checked(value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise ValueError(value)
    return value


def _label(words: Sequence[str]) -> str:
    """Words as a part of a folder's name: letters, digits, `.`, `_` and `-`."""
    return "-".join(re.sub(r"[^A-Za-z0-9._-]+", "_", word.replace("=", "")) for word in words)

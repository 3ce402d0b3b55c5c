"""The settings: each key of the configuration, and the values that it allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Literal, NamedTuple

from opsctl.core.errors import ErrorCode, Problem, UsageProblem
from opsctl.core.platform.platform_name import check_name
from opsctl.core.runs.m2g_options import M2gOptions

Kind = Literal["text", "a number", "a whole number", "true or false", "a list of names"]

_LEAST_MEMORY_MIB = 1024
_YES_OR_NO = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

#: The kinds of numbers that have no default.
_NUMBER_KINDS: dict[str, Kind] = {"tr": "a number", "mem_gb": "a number", "n_cpus": "a whole number"}
_OTHERWISE = {
    "parcellation": "all that fit in memory",
    "acquisition": "from the data",
    "tr": "from the data",
    "mem_gb": "by the job's memory",
    "n_cpus": "1 (dwi), the job's vCPUs (func)",
    "skull": "none",
}
#: opsctl's shorter names of m2g's options.
_SHORT_NAMES = {"diffusion_model": ("model",), "space": ("sp",)}


class Setting(NamedTuple):
    """A key of the configuration, such as `platform` or `m2g.space`.

    Attributes
    ----------
    default
        None where opsctl determines the value itself; `otherwise` says how.
    also
        Other names for the key's last part.
    is_secret
        Whether the value is never shown, and not read from a folder's file.
    """

    key: str
    kind: Kind
    default: Any = None
    otherwise: str = ""
    also: tuple[str, ...] = ()
    is_secret: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All names for the key's last part."""
        return (self.key.rpartition(".")[2], *self.also)

    @property
    def variable(self) -> str:
        """The environment variable."""
        return _variable(self.names[0])


def _variable(name: str) -> str:
    return f"OPSCTL_{name.upper()}"


def _m2g_setting(name: str, default: Any) -> Setting:
    kinds: dict[type, Kind] = {bool: "true or false", int: "a whole number", tuple: "a list of names"}
    kind = _NUMBER_KINDS.get(name) or kinds.get(type(default), "text")
    return Setting(f"m2g.{name}", kind, default, _OTHERWISE.get(name, ""), _SHORT_NAMES.get(name, ()))


# A number of TOML's may have thousands of digits.
_MOST_USD = 10**9

SETTINGS = (
    Setting("platform", "text", otherwise="the last one that `opsctl use` picked or `opsctl up` brought up"),
    Setting("region", "text", otherwise="your AWS configuration's"),
    Setting("profile", "text", otherwise="your AWS configuration's"),
    Setting("max_spend", "a number", otherwise="no limit"),
    Setting("memory", "a whole number", otherwise="the model's"),
    Setting("notify", "text", otherwise="no message", is_secret=True),
    *(_m2g_setting(option.name, getattr(M2gOptions(), option.name)) for option in fields(M2gOptions)),
)
BY_VARIABLE = {_variable(name): setting for setting in SETTINGS for name in setting.names}
BY_PATH = {
    (*setting.key.split(".")[:-1], name): setting  # ("m2g", "space")
    for setting in SETTINGS
    for name in setting.names
}


def validated(setting: Setting, value: Any) -> Any:
    """A value of a setting, converted to the type of its option.

    Raises
    ------
    Problem
        If it has the wrong type or is not allowed.
    """
    value = _typed(setting, value)
    name = setting.names[0]
    try:
        if setting.key.startswith("m2g."):
            M2gOptions(**{name: value})
        elif setting.key == "platform":
            check_name(value)
        elif setting.key == "max_spend" and not 0 <= value <= _MOST_USD:
            allowed = f"at most {_MOST_USD:,}" if _MOST_USD < value < math.inf else f"0 or more, not {value}"
            raise Problem(f"max_spend must be {allowed}.", code=ErrorCode.CONFIGURATION_INVALID)
        elif setting.key == "memory" and value < _LEAST_MEMORY_MIB:
            raise Problem(
                f"memory is in MiB, {_LEAST_MEMORY_MIB} or more, not {value}.", code=ErrorCode.CONFIGURATION_INVALID
            )
    except UsageProblem as problem:
        message = problem.what.removeprefix("--")
        raise Problem(message, _nearest_value(message, value), code=ErrorCode.CONFIGURATION_INVALID) from problem
    return value


def _nearest_value(message: str, value: Any) -> str:
    _, _, allowed = message.rstrip(".").partition("m2g's values: ")
    return did_you_mean(value, allowed.split(", ")).strip() if allowed and isinstance(value, str) else ""


def _typed(setting: Setting, value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match setting.kind:
        case "text" if isinstance(value, str):
            return _checked_text(setting, value)
        case "true or false" if isinstance(value, bool):
            return value
        case "a whole number" if is_number and isinstance(value, int):
            return value
        case "a number" if is_number:
            return value
        case "a list of names" if isinstance(value, list) and all(isinstance(name, str) for name in value):
            return tuple(_checked_text(setting, name) for name in value)
    kind = setting.kind if setting.kind != "a list of names" else 'a list of names, ["A", "B"]'
    raise Problem(f"{setting.key} must be {kind}, not {kind_of(value)}.", code=ErrorCode.CONFIGURATION_INVALID)


def _checked_text(setting: Setting, text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise Problem(
            f"{setting.key} is empty or holds characters that cannot be printed.",
            "Leave it out.",
            code=ErrorCode.CONFIGURATION_INVALID,
        )
    return text


def kind_of(value: Any) -> str:
    """A value's kind in words."""
    kinds = {str: "text", bool: "true or false", int: "a whole number", float: "a number", list: "a list"}
    return kinds.get(type(value), "a table" if isinstance(value, dict) else "a date or time")


def from_text(setting: Setting, text: str) -> Any:
    """Convert a variable's text to the setting's type; text that cannot be converted stays, and is refused later."""
    try:
        match setting.kind:
            case "true or false":
                return _YES_OR_NO.get(text.strip().lower(), text)
            case "a whole number":
                return int(text)
            case "a number":
                return float(text)
            case "a list of names":
                return [name.strip() for name in text.split(",") if name.strip()]
    except ValueError:
        pass
    return text


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """` Did you mean …?`; empty where no known name is similar."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else ""

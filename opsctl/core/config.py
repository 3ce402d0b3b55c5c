"""The configuration: checks each layer's keys and values, and merges the layers.

Later layers override earlier ones: defaults, the folder's file, the user's file, environment variables. (The command
line overrides them all.) Every value keeps its source, so that `opsctl config` and errors can name it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from opsctl.core.errors import ErrorCode, Problem, UsageProblem
from opsctl.core.openneuro.endpoint import ENDPOINT_VARIABLE
from opsctl.core.preview import MEMORY_VARIABLE
from opsctl.core.runs.m2g_options import refused_flag
from opsctl.core.settings import BY_PATH, BY_VARIABLE, SETTINGS, did_you_mean, from_text, kind_of, validated

#: An entry of a file: the key's parts, the value, and the line where it begins.
Said = tuple[tuple[str, ...], Any, int]

#: `OPSCTL_…` variables that are not settings: locations, and the environment of jobs.
OTHER_VARIABLES = (
    *("OPSCTL_CONFIG", "OPSCTL_HOME", "OPSCTL_PROVIDER_MIRROR", "OPSCTL_TERRAFORM", "OPSCTL_TERRAFORM_RELEASES"),
    *("OPSCTL_RUN_URI", "OPSCTL_SCAN_OFFSET", "OPSCTL_WORK_DIR", "OPSCTL_LOG_STREAM"),
    MEMORY_VARIABLE,
    ENDPOINT_VARIABLE,
)

_TABLES = ("datasets", "m2g")
_SECRET = re.compile(r"secret|password|passwd|credential|access[_-]?key|session[_-]?token|(^|[_-])token$", re.I)


class Source(NamedTuple):
    """Where a value comes from.

    Attributes
    ----------
    name
        A file's path or a variable's name; empty for a default.
    """

    layer: Literal["default", "folder", "user", "variable"]
    name: str = ""
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.name}:{self.line}" if self.line else self.name or "default"


class ConfigEntry(NamedTuple):
    """A key's value in one layer."""

    key: str
    value: Any
    source: Source


class Value(NamedTuple):
    """The effective value of a key, and the values that it overrides, those of later layers first."""

    key: str
    value: Any
    source: Source
    hides: tuple[ConfigEntry, ...] = ()

    @property
    def is_default(self) -> bool:
        """Whether the value is the default."""
        return self.source.layer == "default"


class Layer(NamedTuple):
    """The entries of one file or of the environment, and the errors in it."""

    entries: tuple[ConfigEntry, ...] = ()
    problems: tuple[Problem, ...] = ()


class Configuration(NamedTuple):
    """All layers together.

    Attributes
    ----------
    problems
        The errors. No command may run with a partial configuration.
    doubts
        Warnings on variables that look like opsctl's, but are not.
    """

    values: Mapping[str, Value] = MappingProxyType({})
    problems: tuple[Problem, ...] = ()
    doubts: tuple[str, ...] = ()

    def get(self, key: str) -> Any:
        """The effective value of a key."""
        return self.values[key].value

    def dataset(self, name: str) -> Value | None:
        """The configured address of a dataset; None where its name is not configured."""
        return self.values.get(f"datasets.{name}")

    def ensure_whole(self) -> None:
        """Check that there are no errors.

        Raises
        ------
        Problem
            The first error, with the number of others.
        """
        if self.problems:
            first, *more = self.problems
            rest = f" (And {len(more)} more: `opsctl config` shows all.)" if more else ""
            raise Problem(first.what, f"{first.hint}{rest}".strip(), code=first.code)


def merge(layers: Sequence[Layer], *, doubts: Sequence[str] = ()) -> Configuration:
    """Merge the layers; a later layer overrides an earlier one."""
    defaults = [ConfigEntry(setting.key, setting.default, Source("default")) for setting in SETTINGS]
    entries: dict[str, list[ConfigEntry]] = {}
    for entry in [*defaults, *(entry for layer in layers for entry in layer.entries)]:
        entries.setdefault(entry.key, []).insert(0, entry)
    values = {
        key: Value(key, top.value, top.source, tuple(hidden for hidden in below if hidden.source.name))
        for key, (top, *below) in entries.items()
    }
    problems = tuple(problem for layer in layers for problem in layer.problems)
    return Configuration(values, problems, tuple(doubts))


def from_file(file_entries: Iterable[Said], *, path: str, layer: Literal["folder", "user"]) -> Layer:
    """Check a file's entries.

    Parameters
    ----------
    file_entries
        The entries in the file's order. The header of a table is an entry with an empty dictionary.
    """
    entries: dict[str, ConfigEntry] = {}
    problems: list[Problem] = []
    refused: set[tuple[str, ...]] = set()
    for parts, value, line in file_entries:
        source = Source(layer, path, line)
        if any(parts[: len(prefix)] == prefix for prefix in refused):
            continue
        try:
            entry = _entry(parts, value, source)
            if entry is not None and entry.key in entries:
                earlier = entries[entry.key].source.line
                raise Problem(
                    f"{entry.key} is set a second time, after line {earlier}.",
                    "Leave one of them out.",
                    code=ErrorCode.CONFIGURATION_INVALID,
                )
        except Problem as problem:
            refused.add(parts)
            problems.append(_at(source, problem))
            continue
        if entry is not None:
            entries[entry.key] = entry
    return Layer(tuple(entries.values()), tuple(problems))


def from_variables(environment: Mapping[str, str]) -> Layer:
    """Check the environment's settings. An empty variable counts as not set."""
    entries: dict[str, ConfigEntry] = {}
    problems: list[Problem] = []
    for name, setting in BY_VARIABLE.items():
        text, source = environment.get(name, ""), Source("variable", name)
        if not text:
            continue
        try:
            value = validated(setting, from_text(setting, text))
            if setting.key in entries:
                raise Problem(
                    f"{setting.key} is set a second time, after {entries[setting.key].source}.",
                    "Unset one.",
                    code=ErrorCode.CONFIGURATION_INVALID,
                )
        except Problem as problem:
            problems.append(_at(source, problem))
            continue
        entries[setting.key] = ConfigEntry(setting.key, value, source)
    return Layer(tuple(entries.values()), tuple(problems))


def doubtful_variables(environment: Mapping[str, str]) -> list[str]:
    """A warning for each `OPSCTL_…` variable that opsctl does not use."""
    known = [*BY_VARIABLE, *OTHER_VARIABLES]
    names = sorted(name for name in environment if name.startswith("OPSCTL_") and name not in known)
    return [f"{shown(name)} is no variable of opsctl's.{did_you_mean(name, known)}" for name in names]


def shown(key: str) -> str:
    """A key for a message: quoted, with control characters escaped, where it has unusual characters."""
    return key if re.fullmatch(r"[A-Za-z0-9_.-]+", key) else json.dumps(key)


def _at(source: Source, problem: Problem) -> Problem:
    return Problem(f"{source}: {problem.what}", problem.hint, code=ErrorCode.CONFIGURATION_INVALID)


def _entry(parts: tuple[str, ...], value: Any, source: Source) -> ConfigEntry | None:
    """The entry of one key; None for the header of a table.

    Raises
    ------
    Problem
        If the key is unknown or its value is not allowed.
    """
    is_dataset = parts[0] == "datasets" and isinstance(value, str) and value.startswith("s3://")
    if not is_dataset and any(_SECRET.search(part) for part in parts):
        raise Problem(
            f"{shown(parts[-1])} is a secret, and a secret never belongs into this file.",
            'Remove it (and make a new one, if others could read the file); name an AWS profile: profile = "NAME".',
            code=ErrorCode.CONFIGURATION_INVALID,
        )
    if len(parts) == 1 and parts[0] in _TABLES:
        if value == {}:
            return None
        raise Problem(
            f"{parts[0]} is a table, not a value.",
            f"Write [{parts[0]}], and its keys below.",
            code=ErrorCode.CONFIGURATION_INVALID,
        )
    if parts[0] == "datasets" and len(parts) == 2:
        return ConfigEntry(f"datasets.{parts[1]}", _dataset(parts[1], value), source)
    normalized = (*parts[:-1], parts[-1].replace("-", "_"))
    for depth in range(1, len(parts)):
        if parts[:depth] in BY_PATH:
            raise Problem(f"{'.'.join(parts[:depth])} is a value, not a table.", code=ErrorCode.CONFIGURATION_INVALID)
    if parts[0] == "datasets":
        raise Problem(
            f"{'.'.join(map(shown, parts))} is no dataset's name.",
            'Write NAME = "s3://BUCKET/PATH".',
            code=ErrorCode.CONFIGURATION_INVALID,
        )
    if normalized not in BY_PATH:
        raise _unknown(parts)
    setting = BY_PATH[normalized]
    if setting.is_secret and source.layer == "folder":
        # A folder's file is shared, often published; and one from elsewhere must not have messages sent elsewhere.
        raise Problem(
            f"{setting.key} is a secret, and this file is everybody's who works in this folder.",
            f"Write it into your own file (`opsctl config` names it), or set {setting.variable}.",
            code=ErrorCode.CONFIGURATION_INVALID,
        )
    return ConfigEntry(setting.key, validated(setting, value), source)


def _dataset(name: str, value: Any) -> str:
    from opsctl.core.dataset_argument import named_location
    from opsctl.core.location import check_label

    try:
        check_label(name, option="The dataset's name")
    except UsageProblem as problem:
        raise Problem(problem.what, code=ErrorCode.CONFIGURATION_INVALID) from problem
    if not isinstance(value, str):
        raise Problem(
            f"datasets.{name} must be text, not {kind_of(value)}.",
            f'{name} = "s3://BUCKET/PATH"',
            code=ErrorCode.CONFIGURATION_INVALID,
        )
    named_location(value)
    return value


def _unknown(parts: tuple[str, ...]) -> Problem:
    name = parts[-1]
    is_m2g = parts[0] == "m2g" and len(parts) > 1
    refused = refused_flag(name) if is_m2g else None
    if refused is not None:
        return refused
    known = [path[-1] for path in BY_PATH if len(path) == (2 if is_m2g else 1)]
    what = f"{shown(name)} is no key of [m2g]." if is_m2g else f"{shown('.'.join(parts))} is no key of opsctl's."
    other_path = (name.replace("-", "_"),) if is_m2g else ("m2g", name.replace("-", "_"))
    if other_path in BY_PATH and len(parts) <= 2:
        place = "at the file's beginning, before any table" if is_m2g else "below [m2g]"
        return Problem(what, f"It belongs {place}.", code=ErrorCode.CONFIGURATION_INVALID)
    known += [] if is_m2g else list(_TABLES)
    return Problem(
        what,
        did_you_mean(name, known).strip() or f"There are {', '.join(sorted(known))}.",
        code=ErrorCode.CONFIGURATION_INVALID,
    )

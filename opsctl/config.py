"""The configuration's files, read; and the environment's variables beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import platformdirs

from opsctl.core.config import (
    Configuration,
    Layer,
    Said,
    Source,
    doubtful_variables,
    from_file,
    from_variables,
    merge,
)
from opsctl.core.errors import Problem

FILE_NAME = "opsctl.toml"
CONFIG_VARIABLE = "OPSCTL_CONFIG"


@dataclass(frozen=True)
class ConfigFile:
    """A file that is read if it is there."""

    layer: Literal["folder", "user"]
    path: Path
    is_there: bool
    must_be_there: bool = False


def config_files(environment: Mapping[str, str], folder: Path | None) -> list[ConfigFile]:
    """The folder's file and the user's, the one that wins last.

    Parameters
    ----------
    environment
        `OPSCTL_CONFIG` names another file than the user's own.
    folder
        The working folder; None where it has been removed. The nearest `opsctl.toml` counts, from there up to the home
        folder, or up to the root for a folder outside of it.
    """
    named = environment.get(CONFIG_VARIABLE)
    own = Path(named).expanduser().absolute() if named else platformdirs.user_config_path("opsctl") / FILE_NAME
    found = [ConfigFile("user", own, _is_there(own), must_be_there=bool(named))]
    near = _nearest(folder) if folder is not None else None
    if near is not None and not (found[0].is_there and near.samefile(own)):
        found.insert(0, ConfigFile("folder", near, is_there=True))
    return found


def load(environment: Mapping[str, str], folder: Path | None) -> Configuration:
    """All layers together; what is wrong is in it, and nothing is raised."""
    layers = [_read(file) for file in config_files(environment, folder)]
    return merge([*layers, from_variables(environment)], doubts=doubtful_variables(environment))


def working_folder() -> Path | None:
    """Where the person is; None where that folder has been removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def said_in(text: str) -> Iterator[Said]:
    """Each key of a TOML document that parses, with the line where it begins.

    tomllib keeps no lines. But every statement of TOML begins on a line of its own, and a statement whose end is
    missing does not parse: so the statements are what parses by itself, taken line by line.
    """
    import tomllib

    table: tuple[str, ...] = ()
    pending: list[str] = []
    begin = 1
    for number, line in enumerate(text.split("\n"), 1):
        if not pending:
            begin = number
        pending.append(line)
        try:
            statement = tomllib.loads("\n".join(pending))
        except tomllib.TOMLDecodeError:
            continue
        is_header = pending[0].lstrip().startswith("[")
        pending = []
        if is_header:
            table = _header(statement)
        for parts, value in _leaves(statement):
            yield (parts if is_header else (*table, *parts), value, begin)


def _header(statement: Mapping[str, Any]) -> tuple[str, ...]:
    """`[a.b]` as `("a", "b")`."""
    parts: list[str] = []
    inner: Any = statement
    while isinstance(inner, dict) and inner:
        ((part, inner),) = inner.items()
        parts.append(part)
    return tuple(parts)


def _leaves(value: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield from _leaves(inner, (*above, key))
        else:
            yield (*above, key), inner


def _nearest(folder: Path) -> Path | None:
    home = Path.home()
    for place in (folder, *folder.parents):
        if _is_there(place / FILE_NAME):
            return place / FILE_NAME
        if place == home:
            break
    return None


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # A folder that may not be looked into: whatever is in it is not for this person.
        return False


def _read(file: ConfigFile) -> Layer:
    """A file's layer; all that can be wrong with a file is in it."""
    path = str(file.path)
    if not file.is_there:
        missing = Problem(f"{path} is not there.", f"{CONFIG_VARIABLE} names it: correct it, or unset it.")
        return Layer(problems=(missing,) if file.must_be_there else ())
    try:
        content = file.path.read_bytes()
    except OSError as error:
        return Layer(problems=(Problem(f"{path} cannot be read ({error.strerror}).", "Look at its permissions."),))
    import tomllib

    try:
        # Editors on Windows begin a file with a byte order mark.
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        tomllib.loads(text)
    except UnicodeDecodeError as error:
        at = Source(file.layer, path, content[: error.start].count(b"\n") + 1)
        return Layer(problems=(Problem(f"{at}: this is not UTF-8.", "Save the file as UTF-8."),))
    except tomllib.TOMLDecodeError as error:
        return Layer(problems=(_syntax_problem(str(error), file, text),))
    return from_file(said_in(text), path=path, layer=file.layer)


def _syntax_problem(words: str, file: ConfigFile, text: str) -> Problem:
    """The parser's error, its line brought to the front."""
    found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", words)
    what = words[: found.start()] if found else words
    line = int(found[1]) if found and found[1] else len(text.rstrip("\n").split("\n"))
    what = what if what.isprintable() else repr(what)
    at = Source(file.layer, str(file.path), line)
    return Problem(f"{at}: this is not TOML: {what[:1].lower()}{what[1:]}.", 'A line is KEY = "VALUE", or [TABLE].')

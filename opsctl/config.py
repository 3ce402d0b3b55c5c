"""Read the configuration: the files and the environment's variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from errno import EACCES, EPERM
from pathlib import Path
from typing import Any

from opsctl.config_files import CONFIG_VARIABLE, ConfigFile, config_files
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
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.size_limits import SETTINGS_BYTES
from opsctl.small_file import read_small

#: Of one statement.
_MOST_LINES = 100


def load(environment: Mapping[str, str], folder: Path | None) -> Configuration:
    """Merge all layers. Errors are in the configuration's problems; nothing is raised."""
    layers = [_read(file) for file in config_files(environment, folder)]
    return merge([*layers, from_variables(environment)], doubts=doubtful_variables(environment))


def said_in(text: str) -> Iterator[Said]:
    """Each key of a valid TOML document with its value and the line where its statement begins.

    tomllib reports no lines. But each TOML statement begins on a new line, and an incomplete one does not parse: so
    lines are collected until they parse.

    Raises
    ------
    ValueError
        A statement goes over so many lines that this would take minutes.
    """
    import tomllib

    table: tuple[str, ...] = ()
    pending: list[str] = []
    first_line = 1
    for number, line in enumerate(text.split("\n"), 1):
        if not pending:
            first_line = number
        pending.append(line)
        if len(pending) > _MOST_LINES:
            raise ValueError(f"a statement has more than {_MOST_LINES} lines")
        try:
            statement = tomllib.loads("\n".join(pending))
        except tomllib.TOMLDecodeError:
            continue
        is_header = pending[0].lstrip().startswith("[")
        pending = []
        if is_header:
            table = _header(statement)
        for parts, value in _leaves(statement):
            yield (parts if is_header else (*table, *parts), value, first_line)


def _header(statement: Mapping[str, Any]) -> tuple[str, ...]:
    """The parts of a table's name: `("a", "b")` for `[a.b]`."""
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


def _read(file: ConfigFile) -> Layer:
    """A file's layer; the file's errors are in its problems."""
    path = str(file.path)
    if not file.is_there:
        missing = Problem(
            f"{path} is not there.",
            f"{CONFIG_VARIABLE} names it: correct it, or unset it.",
            code=ErrorCode.CONFIGURATION_INVALID,
        )
        return Layer(problems=(missing,) if file.must_be_there else ())
    try:
        content = read_small(file.path, at_most=SETTINGS_BYTES)
    except OSError as error:
        hint = "Look at its permissions." if error.errno in (EACCES, EPERM) else "It must be a short text file."
        return Layer(
            problems=(
                Problem(f"{path} cannot be read ({error.strerror}).", hint, code=ErrorCode.CONFIGURATION_INVALID),
            )
        )
    if not content:
        return Layer()
    import tomllib

    try:
        # Editors on Windows begin a file with a byte order mark.
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        tomllib.loads(text)
        entries = list(said_in(text))
    except UnicodeDecodeError as error:
        at = Source(file.layer, path, content[: error.start].count(b"\n") + 1)
        return Layer(
            problems=(
                Problem(f"{at}: this is not UTF-8.", "Save the file as UTF-8.", code=ErrorCode.CONFIGURATION_INVALID),
            )
        )
    except tomllib.TOMLDecodeError as error:
        return Layer(problems=(_syntax_problem(str(error), file, text),))
    except (ValueError, RecursionError):
        # TOML sets no limits, but Python does: to the depth of a document, and to the digits of a number.
        return Layer(
            problems=(
                Problem(
                    f"{path} holds a value that is nested too deeply, has too many digits, or goes over more than "
                    f"{_MOST_LINES} lines.",
                    "Settings are short: a text, a number, or a list of names.",
                    code=ErrorCode.CONFIGURATION_INVALID,
                ),
            )
        )
    return from_file(entries, path=path, layer=file.layer)


def _syntax_problem(message: str, file: ConfigFile, text: str) -> Problem:
    """The parser's error, with its line at the front."""
    position = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
    what = message[: position.start()] if position else message
    line = int(position[1]) if position and position[1] else len(text.rstrip("\n").split("\n"))
    what = what if what.isprintable() else repr(what)
    at = Source(file.layer, str(file.path), line)
    return Problem(
        f"{at}: this is not TOML: {what[:1].lower()}{what[1:]}.",
        'A line is KEY = "VALUE", or [TABLE].',
        code=ErrorCode.CONFIGURATION_INVALID,
    )

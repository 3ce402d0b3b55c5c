"""The configuration as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opsctl.config_files import ConfigFile, working_folder
from opsctl.core.config import Configuration, Source, Value
from opsctl.core.notify.address import shown_address, split_addresses
from opsctl.core.settings import SETTINGS
from opsctl.render.page import table
from opsctl.render.screen import Screen

SCHEMA_VERSION = 1
_SECRET_KEYS = {setting.key for setting in SETTINGS if setting.is_secret}
_DEFAULT_NOTES = {setting.key: setting.otherwise for setting in SETTINGS}


def show_config(
    screen: Screen, configuration: Configuration, files: Sequence[ConfigFile], *, is_data_shown: bool = True
) -> None:
    """Show each value and its source; then the files, and what is wrong."""
    if is_data_shown:
        rows = [(value.key, _text(value.key, value.value), _origin(value)) for value in configuration.values.values()]
        for line in table(rows, room=screen.data.room):
            screen.data.print(line)
    screen.say()
    for file in files:
        whose = "this folder's" if file.layer == "folder" else "yours"
        screen.say(f"{whose}: {short(str(file.path))}{'' if file.is_there else ' (not there)'}")
    for doubt in configuration.doubts:
        screen.warn(doubt)
    for problem in configuration.problems:
        screen.warn(str(problem))


def as_json(configuration: Configuration, files: Sequence[ConfigFile]) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "schema_version": SCHEMA_VERSION,
        "files": [{"layer": file.layer, "path": str(file.path), "exists": file.is_there} for file in files],
        "values": [
            {
                "key": value.key,
                "value": _shown(value.key, value.value),
                "source": _source(value.source),
                "hides": [
                    {"value": _shown(value.key, hidden.value), "source": _source(hidden.source)}
                    for hidden in value.hides
                ],
            }
            for value in configuration.values.values()
        ],
        "problems": [str(problem) for problem in configuration.problems],
        "doubts": list(configuration.doubts),
    }


def short(path: str) -> str:
    """A path relative to the working folder or to the home folder, where it is below one of them."""
    for base, sign in ((working_folder(), ""), (Path.home(), "~/")):
        if base is not None and Path(path).is_relative_to(base):
            return f"{sign}{Path(path).relative_to(base)}"
    return path


def _shown(key: str, value: Any) -> Any:
    """A value as it may be shown: of an address only its scheme."""
    if value is None or key not in _SECRET_KEYS:
        return value
    return " ".join(shown_address(address) for address in split_addresses([value]))


def _text(key: str, value: Any) -> str:
    if value is None or value == ():
        return "–"
    if isinstance(value, tuple):
        return ", ".join(value)
    shown = _shown(key, value)
    return shown if isinstance(shown, str) else json.dumps(shown)


def _origin(value: Value) -> str:
    if value.is_default:
        note = _DEFAULT_NOTES.get(value.key)
        return f"default: {note}" if note else "default"
    over = ", ".join(_place(hidden.source) for hidden in value.hides)
    return f"{_place(value.source)}{f' (over {over})' if over else ''}"


def _place(source: Source) -> str:
    return f"{short(source.name)}:{source.line}" if source.line else source.name


def _source(source: Source) -> dict[str, Any]:
    return {"layer": source.layer, "name": source.name or None, "line": source.line}

"""Where the configuration's files are. The rules of what they may say are in `opsctl.config`, which takes longer to
import.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from opsctl.user_path import user_path

FILE_NAME = "opsctl.toml"
CONFIG_VARIABLE = "OPSCTL_CONFIG"


class ConfigFile(NamedTuple):
    """A configuration file, which need not exist unless `must_be_there`."""

    layer: Literal["folder", "user"]
    path: Path
    is_there: bool
    must_be_there: bool = False


def config_files(environment: Mapping[str, str], folder: Path | None) -> list[ConfigFile]:
    """The folder's file, if there is one, then the user's; the first takes precedence.

    Parameters
    ----------
    environment
        `OPSCTL_CONFIG` names a file that replaces the user's own.
    folder
        The working folder; None when it has been removed. The nearest `opsctl.toml` is used, from there up to the home
        folder, or up to the root for a folder outside of it.
    """
    named = environment.get(CONFIG_VARIABLE)
    path = user_path(named).absolute() if named else _usual_path()
    user_file = ConfigFile("user", path, _exists(path), must_be_there=bool(named))
    nearest = _nearest(folder) if folder is not None else None
    if nearest is None or (user_file.is_there and nearest.samefile(path)):
        return [user_file]
    return [ConfigFile("folder", nearest, is_there=True), user_file]


def working_folder() -> Path | None:
    """The working folder; None when it has been removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def is_nothing_said(files: Sequence[ConfigFile]) -> bool:
    """Whether there is no file of the configuration, or only the null device, which stands for an empty one."""
    return all(not file.is_there or str(file.path) == os.devnull for file in files)


def _usual_path() -> Path:
    import platformdirs

    return platformdirs.user_config_path("opsctl") / FILE_NAME


def _nearest(folder: Path) -> Path | None:
    home = Path.home()
    for candidate in (folder, *folder.parents):
        if _exists(candidate / FILE_NAME):
            return candidate / FILE_NAME
        if candidate == home:
            break
    return None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # A file in a folder without search permission is not for this user.
        return False

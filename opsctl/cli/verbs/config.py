"""`config`: the configured values and their sources."""

from __future__ import annotations

import os

import typer

from opsctl.cli.options import AsJson

_BROKEN = 1


def config(*, as_json: AsJson = False) -> None:
    """Show each setting and where its value comes from.

    Options override variables OPSCTL_*, which override opsctl.toml in the current folder, which overrides the user's
    file. Exit code 1 means that a file or a variable is wrong.

    Example: opsctl config
    """
    from opsctl.config import load
    from opsctl.config_files import config_files, working_folder
    from opsctl.render.config import as_json as document
    from opsctl.render.config import show_config
    from opsctl.render.screen import Screen

    folder = working_folder()
    files, configuration = config_files(os.environ, folder), load(os.environ, folder)
    screen = Screen()
    if as_json:
        screen.json(document(configuration, files))
    show_config(screen, configuration, files, is_data_shown=not as_json)
    if configuration.problems:
        raise typer.Exit(_BROKEN)

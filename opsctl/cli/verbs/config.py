"""`config`: the configured values and their sources."""

from __future__ import annotations

import os

import typer

from opsctl.cli.options import AsJson

_BROKEN = 1


def config(*, as_json: AsJson = False) -> None:
    """Show each configured value and where it comes from; exit 1 when a file or a variable is wrong.

    The folder's opsctl.toml, the user's, variables OPSCTL_*, options: the last that says something wins.

    Example: opsctl config
    """
    from opsctl.config import config_files, load, working_folder
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

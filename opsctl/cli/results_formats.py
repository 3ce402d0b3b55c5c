"""What `results --format` needs beside the download: the formats are made of the folder's own files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.results.connectome_table import NAME

if TYPE_CHECKING:
    from opsctl.commands.results.download_folder import DownloadFolder
    from opsctl.commands.results.faults import Faults
    from opsctl.commands.results.formats.write_formats import FormatsWritten
    from opsctl.core.results.request import ResultsRequest
    from opsctl.render.screen import Screen


def write_typed_formats(
    screen: Screen, request: ResultsRequest, target: DownloadFolder, faults: Faults
) -> FormatsWritten:
    """Write the typed formats of what a download folder has.

    Raises
    ------
    Problem
        See `write_formats`.
    """
    from opsctl.assets import atlas_nodes, atlas_table
    from opsctl.commands.reliability.graph_stacks import Atlases
    from opsctl.commands.results.formats.write_formats import plan_formats, write_formats

    atlases = Atlases(table=atlas_table(), nodes=atlas_nodes())
    plan = plan_formats(target.path, request, atlases)
    with screen.counting("writing the formats", total=plan.connectomes) as advance:
        return write_formats(
            plan, target, request.formats, faults=faults, atlases=atlases, on_file=lambda _: advance(1)
        )


def convert(screen: Screen, request: ResultsRequest, *, is_list: bool, as_json: bool) -> None:
    """`results --no-download`: write formats of a folder that has the connectomes already; asks no platform.

    Raises
    ------
    Problem
        When a file could not be written, or the folder has no connectome.
    """
    from opsctl.commands.results.download import open_folder
    from opsctl.commands.results.faults import Faults
    from opsctl.render.results import formats_json, show_faults, show_files, show_formats

    folder = Path(request.folder)
    if not (folder / NAME).is_file():
        # Opening would make the folder: a name that was mistyped must not become one.
        raise Problem(
            f"{folder} has no {NAME}: it is no folder that `opsctl results` wrote.",
            f"`{replace(request, is_download=True).command}` downloads the connectomes of the latest run first.",
            code=ErrorCode.NO_RESULTS,
        )
    faults = Faults(request.command)
    with open_folder(folder) as target:
        written = write_typed_formats(screen, request, target, faults)
    if as_json:
        screen.json(formats_json(folder, written, faults))
    elif is_list:
        show_files(screen, folder, written.places)
    show_formats(screen, folder, written, is_data=not (as_json or is_list))
    if faults:
        show_faults(screen, faults)
        raise faults.summary()

"""`parcellations`: list neuroparc's atlases."""

from __future__ import annotations

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, VoxelSizeOption


def parcellations(*, voxelsize: VoxelSizeOption = "2mm", as_json: AsJson = False) -> None:
    """List the parcellations and the memory that each needs.

    Example: opsctl parcellations --voxelsize 4mm
    """
    from opsctl.assets import atlas_table
    from opsctl.render.parcellations import as_json as document
    from opsctl.render.parcellations import show_parcellations

    screen = Context().screen
    if as_json:
        screen.json(document(atlas_table(), voxelsize))
    else:
        show_parcellations(screen, atlas_table(), voxelsize)
